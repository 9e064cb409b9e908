"""Looking changes nothing: no GET of any route writes a row or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy import text as sql

from app.database import db
from app.records import Record
from tests.app.steps import Someone
from tests.app.test_security import FILES, addresses

# Who downloaded a list or a report is written into the ledger, and who looked at what into a table; nothing else.
RECORDED = {"worklist.as_csv", "worklist.as_json", "report.download", "cells.as_csv", "cells.as_json"}
GIVEN = addresses  # the fixture, under a name that this module uses


def contents(app: Flask) -> dict[str, Any]:
    """Return every table's rows, as the database has them, and every file of the image store."""
    with app.app_context(), db.engine.connect() as connection:
        tables = {
            table.name: sorted(map(str, connection.execute(select(table)).all()))
            for table in Record.metadata.sorted_tables
            if table.name not in ("server_session", "viewing")  # the first moves its end while a person works
        }
    folder = Path(app.config["INSTANCE_DIR"]) / "images"
    return tables | {"files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())}


def test_no_get_writes(app: Flask, addresses: dict[str, Any]) -> None:
    """Every GET route, opened by who may see most; rows and files before and after."""
    someone = Someone(app, "admin")
    opened = 0
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "security.logout":
            continue
        values = {name: addresses[name] for name in rule.arguments}
        values |= {"filename": FILES[rule.endpoint]} if rule.endpoint in FILES else {}
        values |= {"name": "mask"} if rule.endpoint == "reading.view" else {}
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **values)
        before = contents(app)
        someone.get(address)
        after = contents(app)
        if rule.endpoint in RECORDED:
            added = len(after.pop("audit_event")) - len(before.pop("audit_event"))
            assert added == 1, rule.endpoint
        assert after == before, f"GET {address} ({rule.endpoint}) wrote"
        opened += 1
    assert opened > 40


@pytest.mark.parametrize("path", ["/", "/models/", "/cases/new", "/people/", "/audit/"])
def test_reading_a_page_moves_no_session(app: Flask, path: str) -> None:
    """A signed-in person's page writes no session row either."""
    someone = Someone(app, "admin")
    someone.get("/")
    with app.app_context():
        rows = sql("SELECT id, expires_at FROM server_session ORDER BY id")
        before = db.session.execute(rows).all()
        someone.get(path)
        db.session.rollback()
        assert db.session.execute(rows).all() == before
        assert db.session.scalar(select(func.count()).select_from(sql("server_session"))) == len(before)
