"""What else is written down of a case, how a lab writes its accessions, and an index for SQLite's searches."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("lab", sa.Column("accession_pattern", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("case", sa.Column("received_on", sa.String(length=10), nullable=False, server_default=""))
    op.add_column("case", sa.Column("age_band", sa.String(length=8), nullable=False, server_default=""))
    op.add_column("case", sa.Column("sex", sa.String(length=8), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_case_search", "case", ["lab_id", "created_at", "id", "search_text"])


def downgrade() -> None:
    """Go back to the one before."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_case_search", table_name="case")
    for name in ("sex", "age_band", "received_on"):
        op.drop_column("case", name)
    op.drop_column("lab", "accession_pattern")
