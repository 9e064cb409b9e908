"""Activations of models that read cells, beside those of the models that read fields."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("bundle_activation", sa.Column("scope", sa.String(8), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the one before, in which the newest activation of a lab is of what reads its fields."""
    op.execute("DELETE FROM bundle_activation WHERE scope <> ''")
    op.drop_column("bundle_activation", "scope")
