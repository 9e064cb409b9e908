"""Candidates that read silently beside the active model: since when, and what they said."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "shadow_trial",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("bundle", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("begun_by_id", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name="fk_shadow_trial_lab_id"),
        sa.ForeignKeyConstraint(["begun_by_id"], ["user.id"], name="fk_shadow_trial_begun_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_trial"),
    )
    op.create_index("ix_shadow_trial_lab", "shadow_trial", ["lab_id", "ends_at"])
    op.create_table(
        "shadow_reading",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("bundle", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("suggestions", sa.JSON(), nullable=False),
        sa.Column("program", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["smear_image.id"], name="fk_shadow_reading_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_reading"),
        sa.UniqueConstraint("image_id", "bundle", "version", name="uq_shadow_reading_bundle"),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("shadow_reading")
    op.drop_table("shadow_trial")
