"""How much each leukocyte counts for a suggestion."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "leukocyte_evidence",
        sa.Column("reading_id", sa.String(length=32), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("outlines", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reading_id"], ["reading.id"], name="fk_leukocyte_evidence_reading_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reading_id", name="pk_leukocyte_evidence"),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("leukocyte_evidence")
