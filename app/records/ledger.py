"""The record of what was done: one chain of events, each sealed with the hash of the one before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record
from app.records.people import User


class AuditEvent(Record):
    """One thing that somebody did. It names people and things by their ids only; nothing of a patient is in it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_lab", "lab_id", "id"),
        Index("ix_audit_event_action", "lab_id", "action", "id"),
        Index("ix_audit_event_actor", "lab_id", "actor_id", "id"),
        Index("ix_audit_event_subject", "lab_id", "subject_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1, 2, 3: a gap is seen
    at: Mapped[datetime]
    lab_id: Mapped[int | None] = mapped_column(ForeignKey("lab.id"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # None: the command line
    action: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(64), default="")
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    actor: Mapped[User | None] = relationship()
