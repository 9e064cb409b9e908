"""What was done: a chain of events that nobody can change unnoticed."""

import sqlalchemy as sa
from alembic import op

from app.migrations.immutable import protect, protect_chain, release

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("lab_id", sa.Integer(), nullable=True),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["user.id"], name=op.f("fk_audit_event_actor_id")),
        sa.ForeignKeyConstraint(["lab_id"], ["lab.id"], name=op.f("fk_audit_event_lab_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_lab", "audit_event", ["lab_id", "id"])
    op.create_index("ix_audit_event_action", "audit_event", ["lab_id", "action", "id"])
    op.create_index("ix_audit_event_actor", "audit_event", ["lab_id", "actor_id", "id"])
    op.create_index("ix_audit_event_subject", "audit_event", ["lab_id", "subject_id", "id"])
    protect("audit_event")
    protect_chain()


def downgrade() -> None:
    """Go back to the one before."""
    release("audit_event")
    op.drop_table("audit_event")
