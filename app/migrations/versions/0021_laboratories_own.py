"""Patients by a key, a lab's microscope, and jobs that are of the whole lab rather than of one case."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

KEYED = sa.text("patient_key <> ''")
JOB: tuple[sa.Column[Any], ...] = (
    sa.Column("total", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("done", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("result", sa.JSON(), nullable=False, server_default="{}"),
)


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("case", sa.Column("patient_key", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_case_patient", "case", ["lab_id", "patient_key"], sqlite_where=KEYED, postgresql_where=KEYED)
    op.add_column("lab", sa.Column("microscope", sa.String(80), nullable=False, server_default=""))
    with op.batch_alter_table("job") as table:
        table.alter_column("case_id", existing_type=sa.String(32), nullable=True)
        for column in JOB:
            table.add_column(column)


def downgrade() -> None:
    """Go back to the one before; jobs of the whole lab have no place there."""
    op.execute("DELETE FROM job WHERE case_id IS NULL")
    with op.batch_alter_table("job") as table:
        for column in JOB:
            table.drop_column(column.name)
        table.alter_column("case_id", existing_type=sa.String(32), nullable=False)
    op.drop_column("lab", "microscope")
    op.drop_index("ix_case_patient", "case")
    op.drop_column("case", "patient_key")
