"""The card of each bundle that read is held to; an activation knows the card that was activated."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "held_card",
        sa.Column("bundle", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("card_sha256", sa.String(length=64), nullable=False),
        sa.Column("held_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("bundle", "version", name=op.f("pk_held_card")),
    )
    op.add_column("bundle_activation", sa.Column("card_sha256", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("bundle_activation") as table:
        table.drop_column("card_sha256")
    op.drop_table("held_card")
