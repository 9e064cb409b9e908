"""Accessions that look the same are the same: keys and what is searched are written anew."""

import sqlalchemy as sa
from alembic import op

from app.accession import key, searchable

revision = "0017"
down_revision = "0016"

CASE = sa.table(
    "case",
    *(sa.column(name, sa.String()) for name in ("id", "accession", "accession_key", "notes", "search_text")),
    sa.column("lab_id", sa.Integer()),
    sa.column("created_at", sa.DateTime()),
)


def upgrade() -> None:
    """Go to this revision; of two cases that were apart until now, the older takes the key and the other keeps its."""
    rows = op.get_bind().execute(sa.select(CASE).order_by(CASE.c.created_at, CASE.c.id)).all()
    taken = {(row.lab_id, row.accession_key): row.id for row in rows}
    for row in rows:
        wanted = key(row.accession)
        values = {"search_text": searchable(f"{row.accession} {row.notes}")}
        if taken.setdefault((row.lab_id, wanted), row.id) == row.id:
            values["accession_key"] = wanted
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        if changed:
            op.execute(sa.update(CASE).where(CASE.c.id == row.id).values(**changed))


def downgrade() -> None:
    """Go back to the one before, which finds accessions by whatever key they have."""
