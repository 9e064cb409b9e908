"""Labs, people, cases, images, readings, activations and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "lab",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab")),
        sa.UniqueConstraint("name", name=op.f("uq_lab_name")),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role")),
        sa.UniqueConstraint("name", name=op.f("uq_role_name")),
    )
    op.create_table(
        "server_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_session")),
    )
    op.create_index(op.f("ix_server_session_expires_at"), "server_session", ["expires_at"])

    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name=op.f("fk_user_lab_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_user_fs_uniquifier")),
    )
    op.create_index(op.f("ix_user_lab_id"), "user", ["lab_id"])

    op.create_table(
        "bundle_activation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("bundle", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("activated_at", sa.DateTime(), nullable=False),
        sa.Column("activated_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["activated_by_id"], ["user.id"], name=op.f("fk_bundle_activation_activated_by_id")),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name=op.f("fk_bundle_activation_lab_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle_activation")),
    )
    op.create_index(op.f("ix_bundle_activation_newest"), "bundle_activation", ["lab_id", "id"])

    op.create_table(
        "case",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("accession", sa.String(length=64), nullable=False),
        sa.Column("accession_key", sa.String(length=128), nullable=False),
        sa.Column("specimen", sa.String(length=2), nullable=False),
        sa.Column("stain", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("image_count", sa.Integer(), nullable=False),
        sa.Column("suggested_count", sa.Integer(), nullable=False),
        sa.Column("uncertain_count", sa.Integer(), nullable=False),
        sa.Column("not_gradable_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_case_created_by_id")),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name=op.f("fk_case_lab_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("lab_id", "accession_key", name="uq_case_accession"),
    )
    op.create_index(op.f("ix_case_newest"), "case", ["lab_id", "created_at", "id"])
    op.create_index(
        op.f("ix_case_not_gradable"),
        "case",
        ["lab_id", "created_at", "id"],
        sqlite_where=sa.text("not_gradable_count > 0"),
        postgresql_where=sa.text("not_gradable_count > 0"),
    )
    op.create_index(
        op.f("ix_case_suggested"),
        "case",
        ["lab_id", "created_at", "id"],
        sqlite_where=sa.text("suggested_count > 0"),
        postgresql_where=sa.text("suggested_count > 0"),
    )
    op.create_index(
        op.f("ix_case_uncertain"),
        "case",
        ["lab_id", "created_at", "id"],
        sqlite_where=sa.text("uncertain_count > 0"),
        postgresql_where=sa.text("uncertain_count > 0"),
    )

    op.create_table(
        "role_of_user",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name=op.f("fk_role_of_user_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_role_of_user_user_id")),
        sa.PrimaryKeyConstraint("user_id", "role_id", name=op.f("pk_role_of_user")),
    )
    op.create_table(
        "smear_image",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("pixels_sha256", sa.String(length=64), nullable=False),
        sa.Column("thumbnail_sha256", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["added_by_id"], ["user.id"], name=op.f("fk_smear_image_added_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_smear_image_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_smear_image")),
        sa.UniqueConstraint("case_id", "source_sha256", name="uq_smear_image_source"),
    )
    op.create_index(op.f("ix_smear_image_pixels_sha256"), "smear_image", ["pixels_sha256"])
    op.create_index(op.f("ix_smear_image_thumbnail_sha256"), "smear_image", ["thumbnail_sha256"])

    op.create_table(
        "reading",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("bundle", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("intended_use", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name=op.f("fk_reading_image_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name=op.f("fk_reading_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading")),
    )
    op.create_index(op.f("ix_reading_image"), "reading", ["image_id", "made_at"])


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_index("ix_reading_image", table_name="reading")

    op.drop_table("reading")
    op.drop_index("ix_smear_image_thumbnail_sha256", table_name="smear_image")
    op.drop_index("ix_smear_image_pixels_sha256", table_name="smear_image")

    op.drop_table("smear_image")
    op.drop_table("role_of_user")
    op.drop_index("ix_case_uncertain", table_name="case")
    op.drop_index("ix_case_suggested", table_name="case")
    op.drop_index("ix_case_not_gradable", table_name="case")
    op.drop_index("ix_case_newest", table_name="case")

    op.drop_table("case")
    op.drop_index("ix_bundle_activation_newest", table_name="bundle_activation")

    op.drop_table("bundle_activation")
    op.drop_index("ix_user_lab_id", table_name="user")

    op.drop_table("user")
    op.drop_index("ix_server_session_expires_at", table_name="server_session")

    op.drop_table("server_session")
    op.drop_table("role")
    op.drop_table("lab")
