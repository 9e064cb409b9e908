"""Today's names for what people and models say; label maps beside the pictures; jobs."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, protect_from_change, release

revision = "0011"
down_revision = "0010"

# New table, the one it takes its rows from, and where a column was called differently.
MOVED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("blind_reading", "second_reading", {}),
    ("blind_review", "blind_verdict", {"kind": "verdict", "blind_reading_id": "second_reading_id"}),
    ("annotation", "cell_verdict", {"kind": "verdict"}),
    ("detections", "cell_survey", {"segmenter": "finder"}),
)
EARLIER = ("review", "blind_verdict", "cell_verdict", "cell_survey")
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Go to this revision."""
    for table in EARLIER:
        release(table)
    op.alter_column("review", "verdict", new_column_name="kind")
    create_moved()
    for table, before, renamed in MOVED:
        carry(table, before, renamed)
    for _table, before, _renamed in reversed(MOVED):
        op.drop_table(before)
    for table in ("review", "blind_review", "annotation"):
        protect(table)
    for table in ("reading", "cell_reading"):
        op.add_column(table, sa.Column("program", sa.String(length=40), nullable=False, server_default=""))
    create_jobs()


def columns_of(table: str) -> list[str]:
    """Return the names of a table's columns."""
    return [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]


def carry(table: str, before: str, renamed: dict[str, str]) -> None:
    """Copy every row of the table before; a column that was not there keeps its default."""
    known = set(columns_of(before))
    copied = [name for name in columns_of(table) if renamed.get(name, name) in known]
    quoted = op.get_bind().dialect.identifier_preparer.quote
    into, out_of = (
        ", ".join(quoted(name) for name in names) for names in (copied, [renamed.get(n, n) for n in copied])
    )
    op.execute(sa.text(f"INSERT INTO {table} ({into}) SELECT {out_of} FROM {before}"))  # noqa: S608 -- our own names


def create_moved() -> None:
    """Create the tables that take the rows of others."""
    op.create_table(
        "blind_reading",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["asked_by_id"], ["user.id"], name="fk_blind_reading_asked_by_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_blind_reading_case_id"),
        sa.ForeignKeyConstraint(["reader_id"], ["user.id"], name="fk_blind_reading_reader_id"),
        sa.PrimaryKeyConstraint("id", name="pk_blind_reading"),
    )
    op.create_index("ix_blind_reading_case_id", "blind_reading", ["case_id"])
    op.create_index("ix_blind_reading_reader", "blind_reading", ["reader_id", "state"])
    op.create_index(
        "ix_blind_reading_open", "blind_reading", ["case_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_table(
        "blind_review",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("blind_reading_id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("first_review_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("label_name", sa.String(length=120), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["first_review_id"], ["review.id"], name="fk_blind_review_first_review_id"),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name="fk_blind_review_image_id"),
        sa.ForeignKeyConstraint(["blind_reading_id"], ["blind_reading.id"], name="fk_blind_review_blind_reading_id"),
        sa.PrimaryKeyConstraint("id", name="pk_blind_review"),
        sa.UniqueConstraint("blind_reading_id", "image_id", name="uq_blind_review_image"),
    )
    op.create_table(
        "annotation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("label_name", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name="fk_annotation_image_id"),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name="fk_annotation_made_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation"),
        sa.UniqueConstraint("image_id", "number", "version", name="uq_annotation_version"),
    )
    op.create_table(
        "detections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("segmenter", sa.String(length=80), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("cut", sa.JSON(), nullable=False),
        sa.Column("label_map_sha256", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name="fk_detections_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_detections"),
        sa.UniqueConstraint("image_id", name="uq_detections_image_id"),
    )
    op.create_index("ix_detections_label_map_sha256", "detections", ["label_map_sha256"])


def create_jobs() -> None:
    """Create the tables of jobs and of the maps that they draw."""
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("argument", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("alive_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name="fk_job_lab_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_job_case_id"),
        sa.ForeignKeyConstraint(["made_by_id"], ["user.id"], name="fk_job_made_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_case", "job", ["case_id", "made_at"])
    op.create_index("ix_job_state", "job", ["state", "made_at"])
    op.create_table(
        "job_item",
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_item_job_id"),
        sa.ForeignKeyConstraint(["image_id"], ["smear_image.id"], name="fk_job_item_image_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "place", name="pk_job_item"),
    )
    op.create_index("ix_job_item_image_id", "job_item", ["image_id"])
    op.create_table(
        "explanation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reading_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("grid", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.id"], name="fk_explanation_reading_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_explanation"),
        sa.UniqueConstraint("reading_id", "label", "method", name="uq_explanation_method"),
    )


def downgrade() -> None:
    """Go back to the one before; outlines, jobs and their maps have no place there and are lost."""
    for table in ("explanation", "job_item", "job"):
        op.drop_table(table)
    for table in ("reading", "cell_reading"):
        op.drop_column(table, "program")
    for table in ("review", "blind_review", "annotation"):
        release(table)
    for name, table in (
        ("ix_blind_reading_open", "blind_reading"),
        ("ix_blind_reading_reader", "blind_reading"),
        ("ix_blind_reading_case_id", "blind_reading"),
        ("ix_detections_label_map_sha256", "detections"),
    ):
        op.drop_index(name, table)
    op.drop_column("detections", "label_map_sha256")
    op.add_column("detections", sa.Column("measured", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("detections", sa.Column("sheet_sha256", sa.String(64), nullable=False, server_default=""))
    for table, before, renamed in MOVED:
        for name, earlier in renamed.items():
            op.alter_column(table, name, new_column_name=earlier)
        op.rename_table(table, before)
    op.alter_column("review", "kind", new_column_name="verdict")
    op.create_index("ix_cell_survey_sheet_sha256", "cell_survey", ["sheet_sha256"])
    op.create_index("ix_second_reading_case_id", "second_reading", ["case_id"])
    op.create_index("ix_second_reading_reader", "second_reading", ["reader_id", "state"])
    op.create_index(
        "ix_second_reading_open", "second_reading", ["case_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    for table in EARLIER[:-1]:
        protect(table)
    protect_from_change("cell_survey")
