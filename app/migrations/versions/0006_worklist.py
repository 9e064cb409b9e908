"""What the worklist filters and sorts by, and the filters that people keep."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# The reading that was made when the image came; second opinions do not change a case's place in the worklist.
BACKFILL = """
UPDATE "case" SET uncertainty = COALESCE((
    SELECT MAX(CASE reading.outcome
        WHEN 'uncertain' THEN 2 - COALESCE(reading.confidence, 0)
        WHEN 'suggested' THEN 1 - reading.confidence
        ELSE 0 END)
    FROM smear_image JOIN reading ON reading.image_id = smear_image.id
    WHERE smear_image.case_id = "case".id AND NOT EXISTS (
        SELECT 1 FROM reading AS earlier
        WHERE earlier.image_id = reading.image_id AND earlier.made_at < reading.made_at)), 0)
"""


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("case", sa.Column("uncertainty", sa.Double(), nullable=False, server_default="0"))
    op.execute(BACKFILL)
    op.create_index("ix_case_uncertainty", "case", ["lab_id", "uncertainty", "id"])
    op.create_index("ix_case_state", "case", ["lab_id", "state", "created_at", "id"])
    op.create_index("ix_case_reviewer", "case", ["lab_id", "reviewer_id", "created_at", "id"])
    op.create_index(
        "ix_case_disagreement",
        "case",
        ["lab_id", "created_at", "id"],
        sqlite_where=sa.text("disagreement_count > 0"),
        postgresql_where=sa.text("disagreement_count > 0"),
    )
    op.create_index(
        "ix_case_disputed",
        "case",
        ["lab_id", "uncertainty", "id"],
        sqlite_where=sa.text("disagreement_count > 0"),
        postgresql_where=sa.text("disagreement_count > 0"),
    )
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_saved_filter_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filter")),
        sa.UniqueConstraint("user_id", "name", name="uq_saved_filter_name"),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("saved_filter")
    for name in ("disputed", "disagreement", "reviewer", "state", "uncertainty"):
        op.drop_index(f"ix_case_{name}", table_name="case")
    op.drop_column("case", "uncertainty")
