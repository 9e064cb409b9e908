"""Unsure and unfamiliar are two outcomes; a reading that suggests nothing has no numbers outside of its result."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

READING = sa.table(
    "reading",
    sa.column("id", sa.String()),
    sa.column("outcome", sa.String()),
    sa.column("confidence", sa.Double()),
    sa.column("probabilities", sa.JSON()),
    sa.column("result", sa.JSON()),
)
# The reasons as text; the codes stand in it as JSON strings, which no sentence holds. "novel" is the oldest name.
REASONS = READING.c.result[("suggestion", "reasons")].as_string()
UNFAMILIAR = sa.or_(REASONS.contains('"unfamiliar"'), REASONS.contains('"novel"'))
# Of the reading that was made when the image came; second opinions do not change a case's place in the worklist.
FIRST = """
    FROM smear_image JOIN reading ON reading.image_id = smear_image.id
    WHERE smear_image.case_id = "case".id AND NOT EXISTS (
        SELECT 1 FROM reading AS earlier
        WHERE earlier.image_id = reading.image_id AND earlier.made_at < reading.made_at)
"""
UNCERTAINTY = (
    """
UPDATE "case" SET uncertainty = COALESCE((
    SELECT MAX(CASE reading.outcome {ranks} WHEN 'suggested' THEN 1 - COALESCE(reading.confidence, 0) ELSE 0 END)
"""
    + f"{FIRST}), 0)"
)
RANKS = "WHEN 'unsure' THEN 2 WHEN 'unfamiliar' THEN 3"
EARLIER_RANKS = "WHEN 'uncertain' THEN 2 - COALESCE(reading.confidence, 0)"


def upgrade() -> None:
    """Go to this revision."""
    refused = READING.c.outcome == "uncertain"
    outcome = sa.case((UNFAMILIAR, "unfamiliar"), else_="unsure")
    op.execute(sa.update(READING).where(refused).values(outcome=outcome, confidence=None, probabilities={}))
    for name in ("unsure", "unfamiliar"):
        op.add_column("case", sa.Column(f"{name}_count", sa.Integer(), nullable=False, server_default="0"))
        counted = f"SELECT COUNT(*) {FIRST} AND reading.outcome = '{name}'"
        op.execute(f'UPDATE "case" SET {name}_count = ({counted}) WHERE uncertain_count > 0')  # noqa: S608 -- our own
        index(name, f"{name}_count > 0")
    op.execute(UNCERTAINTY.format(ranks=RANKS))
    op.drop_index("ix_case_uncertain", table_name="case")
    op.drop_column("case", "uncertain_count")
    index("uncertain", "unsure_count + unfamiliar_count > 0")


def index(name: str, where: str) -> None:
    """Index the cases with some of an outcome, the newest first."""
    condition = sa.text(where)
    columns = ["lab_id", "created_at", "id"]
    op.create_index(f"ix_case_{name}", "case", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Go back to the one before; the numbers of refusals come back from their results."""
    op.add_column("case", sa.Column("uncertain_count", sa.Integer(), nullable=False, server_default="0"))
    op.execute('UPDATE "case" SET uncertain_count = unsure_count + unfamiliar_count')
    for name in ("uncertain", "unsure", "unfamiliar"):
        op.drop_index(f"ix_case_{name}", table_name="case")
    for name in ("unsure", "unfamiliar"):
        op.drop_column("case", f"{name}_count")
    index("uncertain", "uncertain_count > 0")
    suggestion = READING.c.result["suggestion"]
    op.execute(
        sa.update(READING)
        .where(READING.c.outcome.in_(("unsure", "unfamiliar")))
        .values(
            outcome="uncertain",
            confidence=suggestion["confidence"].as_float(),
            probabilities=suggestion["probabilities"],
        )
    )
    op.execute(UNCERTAINTY.format(ranks=EARLIER_RANKS))
