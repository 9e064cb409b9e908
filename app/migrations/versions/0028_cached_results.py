"""What was computed of pictures, by what it was computed from."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "cached_result",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name="fk_cached_result_lab_id"),
        sa.PrimaryKeyConstraint("key", name="pk_cached_result"),
    )
    op.create_index("ix_cached_result_used_at", "cached_result", ["used_at"])


def downgrade() -> None:
    """Go back to the one before, which computes everything anew."""
    op.drop_table("cached_result")
