"""Why a model reads for a lab although it does not reach the floors; empty for one that does."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("bundle_activation", sa.Column("despite", sa.String(500), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("bundle_activation") as table:
        table.drop_column("despite")
