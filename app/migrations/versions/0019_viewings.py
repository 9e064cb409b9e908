"""Who looked at which case, picture and report; and no row that is kept for good can be replaced by an INSERT."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect_keys

revision = "0019"
down_revision = "0018"

INDEXES = {
    "ix_viewing_lab": ["lab_id", "id"],
    "ix_viewing_case": ["lab_id", "case_id", "id"],
    "ix_viewing_person": ["person_id", "kind", "subject_id", "at"],
    "ix_viewing_at": ["at"],
}
# The keys of the tables whose rows are kept: a REPLACE under one of them would remove the row that is there.
KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "signature": (("id",), ("case_id", "version")),
    "amendment": (("id",), ("case_id", "version")),
    "review": (("id",), ("image_id", "version")),
    "blind_review": (("id",), ("blind_reading_id", "image_id")),
    "annotation": (("id",), ("image_id", "number", "version")),
    "bundle_activation": (("id",),),
    "reading": (("id",),),
    "cell_reading": (("id",),),
}


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "viewing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name=op.f("fk_viewing_lab_id")),
        sa.ForeignKeyConstraint(["person_id"], ["user.id"], name=op.f("fk_viewing_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_viewing")),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "viewing", columns)
    for table, keys in KEYS.items():
        protect_keys(table, *keys)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("viewing")
    if op.get_bind().dialect.name == "sqlite":
        for table in KEYS:
            op.execute(f"DROP TRIGGER {table}_no_replace")
