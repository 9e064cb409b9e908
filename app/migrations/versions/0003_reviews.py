"""What people say of images, and how far a case has come."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, release

revision = "0003"
down_revision = "0002"

COUNTS = ("reviewed_count", "unresolved_count", "disagreement_count")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "review",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("label_name", sa.String(length=120), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name=op.f("fk_review_image_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name=op.f("fk_review_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("image_id", "version", name="uq_review_version"),
    )
    protect("review")
    for name in COUNTS:
        op.add_column("case", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("case", sa.Column("state", sa.String(length=16), nullable=False, server_default="unreviewed"))
    with op.batch_alter_table("case") as batch:
        batch.add_column(sa.Column("reviewer_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_case_reviewer_id"), "user", ["reviewer_id"], ["id"])
    op.add_column("user", sa.Column("opens_next", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_column("user", "opens_next")
    with op.batch_alter_table("case") as batch:
        batch.drop_constraint(op.f("fk_case_reviewer_id"), type_="foreignkey")
        for name in ("reviewer_id", "state", *COUNTS):
            batch.drop_column(name)
    release("review")
    op.drop_table("review")
