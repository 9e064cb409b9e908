"""Whom a lab asks for two-factor sign-in."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("lab", sa.Column("second_factor", sa.String(10), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the one before, in which everybody chooses for themselves."""
    op.drop_column("lab", "second_factor")
