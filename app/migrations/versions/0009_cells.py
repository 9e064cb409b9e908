"""Single cells: where they lie, what bundles and people say of them; and a reading's probabilities beside it."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, protect_from_change, release

revision = "0009"
down_revision = "0008"

# What is copied out of each reading, which stays as it is.
BACKFILL = {
    "sqlite": "UPDATE reading SET probabilities = COALESCE(json_extract(result, '$.suggestion.probabilities'), '{}')",
    "postgresql": "UPDATE reading SET probabilities = COALESCE(result #> '{suggestion,probabilities}', '{}'::json)",
}


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "cell_survey",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("finder", sa.String(length=80), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("cut", sa.JSON(), nullable=False),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("sheet_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name=op.f("fk_cell_survey_image_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_survey")),
        sa.UniqueConstraint("image_id", name=op.f("uq_cell_survey_image_id")),
    )
    op.create_index(op.f("ix_cell_survey_sheet_sha256"), "cell_survey", ["sheet_sha256"])
    op.create_table(
        "cell_reading",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("bundle", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("suggestions", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("intended_use", sa.Text(), nullable=False),
        sa.Column("milliseconds", sa.Double(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name=op.f("fk_cell_reading_image_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name=op.f("fk_cell_reading_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_reading")),
        sa.UniqueConstraint("image_id", "bundle", "version", name="uq_cell_reading_bundle"),
    )
    op.create_table(
        "cell_verdict",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("label_name", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name=op.f("fk_cell_verdict_image_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name=op.f("fk_cell_verdict_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_verdict")),
        sa.UniqueConstraint("image_id", "number", "version", name="uq_cell_verdict_version"),
    )
    protect_from_change("cell_survey")
    protect_from_change("cell_reading")
    protect("cell_verdict")
    op.add_column("reading", sa.Column("probabilities", sa.JSON(), nullable=False, server_default="{}"))
    op.execute(BACKFILL[op.get_bind().dialect.name])


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_column("reading", "probabilities")
    for table in ("cell_verdict", "cell_reading", "cell_survey"):
        release(table)
        op.drop_table(table)
