"""Who looked at what: kept for as long as the lab wants, and so not in the chain of events, which is kept for good."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now
from app.records.people import User


class Viewing(Record):
    """A page or a picture that a person opened. kind: what it was (`app.audit.viewings`); subject: its id."""

    __tablename__ = "viewing"
    __table_args__ = (
        Index("ix_viewing_lab", "lab_id", "id"),
        Index("ix_viewing_case", "lab_id", "case_id", "id"),
        Index("ix_viewing_person", "person_id", "kind", "subject_id", "at"),
        Index("ix_viewing_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[str] = mapped_column(String(64), default="")
    case_id: Mapped[str] = mapped_column(String(32), default="")  # empty for a search

    person: Mapped[User] = relationship(lazy="joined")
