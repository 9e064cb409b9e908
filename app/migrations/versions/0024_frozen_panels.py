"""Frozen panels: labelled pictures of signed cases that models are measured on, as they were."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, protect_keys, release

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "frozen_panel",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(), nullable=False),
        sa.Column("frozen_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name="fk_frozen_panel_lab_id"),
        sa.ForeignKeyConstraint(["frozen_by_id"], ["user.id"], name="fk_frozen_panel_frozen_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_frozen_panel"),
        sa.UniqueConstraint("lab_id", "name", name="uq_frozen_panel_name"),
    )
    op.create_table(
        "panel_closing",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("panel_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=False),
        sa.Column("closed_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["panel_id"], ["frozen_panel.id"], name="fk_panel_closing_panel_id"),
        sa.ForeignKeyConstraint(["closed_by_id"], ["user.id"], name="fk_panel_closing_closed_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_panel_closing"),
        sa.UniqueConstraint("panel_id", name="uq_panel_closing_panel"),
    )
    for table, other in (("frozen_panel", ("lab_id", "name")), ("panel_closing", ("panel_id",))):
        protect(table)
        protect_keys(table, ("id",), other)


def downgrade() -> None:
    """Go back to the one before."""
    for table in ("panel_closing", "frozen_panel"):
        release(table)
        op.drop_table(table)
