"""A lab's own terms, in versions that are never changed."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, protect_keys, release

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "term_list",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(), nullable=False),
        sa.Column("saved_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name="fk_term_list_lab_id"),
        sa.ForeignKeyConstraint(["saved_by_id"], ["user.id"], name="fk_term_list_saved_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_term_list"),
        sa.UniqueConstraint("lab_id", "kind", "version", name="uq_term_list_version"),
    )
    protect("term_list")
    protect_keys("term_list", ("id",), ("lab_id", "kind", "version"))


def downgrade() -> None:
    """Go back to the one before, in which every lab has the built-in terms."""
    release("term_list")
    op.drop_table("term_list")
