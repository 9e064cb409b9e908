"""Blind second readings and their verdicts."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, release

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "second_reading",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["asked_by_id"], ["user.id"], name=op.f("fk_second_reading_asked_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_second_reading_case_id")),
        sa.ForeignKeyConstraint(["reader_id"], ["user.id"], name=op.f("fk_second_reading_reader_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_reading")),
    )
    op.create_index(op.f("ix_second_reading_case_id"), "second_reading", ["case_id"])
    op.create_index("ix_second_reading_reader", "second_reading", ["reader_id", "state"])
    op.create_index(
        "ix_second_reading_open",
        "second_reading",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "blind_verdict",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("second_reading_id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("first_review_id", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("label_name", sa.String(length=120), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["first_review_id"], ["review.id"], name=op.f("fk_blind_verdict_first_review_id")),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name=op.f("fk_blind_verdict_image_id")),
        sa.ForeignKeyConstraint(
            ["second_reading_id"], ["second_reading.id"], name=op.f("fk_blind_verdict_second_reading_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_verdict")),
        sa.UniqueConstraint("second_reading_id", "image_id", name="uq_blind_verdict_image"),
    )
    protect("blind_verdict")


def downgrade() -> None:
    """Go back to the one before."""
    release("blind_verdict")
    op.drop_table("blind_verdict")
    op.drop_table("second_reading")
