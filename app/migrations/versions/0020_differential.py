"""A lab's rules for differential counts, cells that are outlined by people, cases that need attention, who was told."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, protect_from_change, protect_keys, release

revision = "0020"
down_revision = "0019"

ATTENTION = sa.text("attention <> ''")
LAB: tuple[sa.Column[Any], ...] = (
    sa.Column("cell_bundle", sa.String(120), nullable=True),
    sa.Column("count_target", sa.Integer(), nullable=False, server_default="100"),
    sa.Column("blast_percent", sa.Double(), nullable=False, server_default="20"),
    sa.Column("unnamed_rule", sa.String(10), nullable=False, server_default="sign"),
    sa.Column("review_rules", sa.JSON(), nullable=False, server_default="{}"),
    sa.Column("micrometres_per_pixel", sa.Double(), nullable=True),
)
CASE: tuple[sa.Column[Any], ...] = (
    sa.Column("attention", sa.String(10), nullable=False, server_default=""),
    sa.Column("attention_rules", sa.JSON(), nullable=False, server_default="[]"),
    sa.Column("told_at", sa.DateTime(), nullable=True),
)


def upgrade() -> None:
    """Go to this revision."""
    for column in LAB:
        op.add_column("lab", column)
    for column in CASE:
        op.add_column("case", column)
    op.create_index(
        "ix_case_attention",
        "case",
        ["lab_id", "created_at", "id"],
        sqlite_where=ATTENTION,
        postgresql_where=ATTENTION,
    )
    release("cell_reading")  # SQLite writes the table anew, and its triggers go with the old one
    with op.batch_alter_table("cell_reading") as table:
        table.add_column(sa.Column("first", sa.Integer(), nullable=False, server_default="1"))
        table.drop_constraint("uq_cell_reading_bundle", type_="unique")
        table.create_unique_constraint("uq_cell_reading_first", ["image_id", "bundle", "version", "first"])
    protect_from_change("cell_reading")
    protect_keys("cell_reading", ("id",), ("image_id", "bundle", "version", "first"))
    op.create_table(
        "redrawing",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("replaced", sa.JSON(), nullable=False),
        sa.Column("added", sa.JSON(), nullable=False),
        sa.Column("label_map_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name="fk_redrawing_image_id"),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name="fk_redrawing_made_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_redrawing"),
    )
    op.create_index("ix_redrawing_image", "redrawing", ["image_id", "made_at"])
    op.create_index("ix_redrawing_label_map_sha256", "redrawing", ["label_map_sha256"])
    protect("redrawing")
    protect_keys("redrawing", ("id",))
    op.create_table(
        "notification",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("told", sa.String(length=200), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_notification_case_id"),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name="fk_notification_made_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
    )
    op.create_index("ix_notification_case", "notification", ["case_id", "told_at"])
    protect("notification")
    protect_keys("notification", ("id",))


def downgrade() -> None:
    """Go back to the one before; what was said of cells that people outlined has no place there and is lost."""
    for name in ("notification", "redrawing"):
        release(name)
        op.drop_table(name)
    release("cell_reading")
    op.execute("DELETE FROM cell_reading WHERE first > 1")
    with op.batch_alter_table("cell_reading") as table:
        table.drop_constraint("uq_cell_reading_first", type_="unique")
        table.create_unique_constraint("uq_cell_reading_bundle", ["image_id", "bundle", "version"])
        table.drop_column("first")
    protect_from_change("cell_reading")
    protect_keys("cell_reading", ("id",), ("image_id", "bundle", "version"))
    op.drop_index("ix_case_attention", "case")
    for name, columns in (("case", CASE), ("lab", LAB)):
        for (
            column
        ) in columns:  # by the database itself: other tables point to these, so that they cannot be written anew
            op.drop_column(name, column.name)
