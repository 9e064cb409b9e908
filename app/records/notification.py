"""Who was told of a count that meets a rule of the lab, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id
from app.records.people import User


class Notification(Record):
    """One telling; never changed. told: whom, as written down; rules: which of the lab's said so then."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_case", "case_id", "told_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id"))
    told: Mapped[str] = mapped_column(String(200))
    rules: Mapped[list[Any]]
    told_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    made_by: Mapped[User] = relationship(lazy="joined")
