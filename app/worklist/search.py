"""Which cases hold a piece of text, where SQLite can tell without reading all of them.

PostgreSQL weighs an index of trigrams against the order of the list by itself. SQLite keeps no numbers to weigh by, so
it is asked first how many hold the text: few are looked up, and for many the list is read until a page of it is full.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import column, select, table, text

from app.database import db

FEW = 1000  # cases; where more hold a text, a page of them is near
SHORTEST = 3  # signs, of which the index has the pieces
PRIMARY_KEY = "sqlite_autoindex_case_1"  # as SQLite calls the index of `case.id`

_rows = table("case_search", column("row"), column("case_id"))
_tables = table("sqlite_master", column("name"))


def few_holding(searched: str) -> Sequence[str] | None:
    """Return the ids of all cases of all labs that hold a text, as `app.accession.searchable` gives it.

    None where these are many, the text is too short for the index, or the database has no such index.
    """
    if len(searched) < SHORTEST or db.engine.dialect.name != "sqlite":
        return None
    if db.session.scalar(select(_tables.c.name).where(_tables.c.name == "case_trigrams")) is None:
        return None
    phrase = '"' + searched.replace('"', '""') + '"'
    matching = text("SELECT rowid FROM case_trigrams WHERE case_trigrams MATCH :phrase LIMIT :most")
    rows = db.session.scalars(matching, {"phrase": phrase, "most": FEW + 1}).all()
    if len(rows) > FEW:
        return None
    return db.session.scalars(select(_rows.c.case_id).where(_rows.c.row.in_(rows))).all()
