"""With which of its lab's microscopes a case's pictures were taken."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("case", sa.Column("microscope", sa.String(80), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the one before, in which a lab has one scale."""
    op.drop_column("case", "microscope")
