"""Which cases are examples: no patient is behind them, and they count in no statistics."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("case", sa.Column("example", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("case") as table:
        table.drop_column("example")
