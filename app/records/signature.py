"""Signed versions of a case: what was signed, whole, with its hash; and why a case was opened again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id
from app.records.people import User

if TYPE_CHECKING:
    from app.records.cases import Case


class Signature(Record):
    """One signed version of a case; never changed. Its report is drawn from `content` and from nothing else."""

    __tablename__ = "signature"
    __table_args__ = (UniqueConstraint("case_id", "version", name="uq_signature_version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id"))
    version: Mapped[int]
    content: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64))  # of the content in canonical JSON
    signed_at: Mapped[datetime] = mapped_column(default=now)
    signed_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship(back_populates="signatures")
    signed_by: Mapped[User] = relationship(lazy="joined")


class Amendment(Record):
    """Why a signed case was opened again; its version is the one that will be signed next."""

    __tablename__ = "amendment"
    __table_args__ = (UniqueConstraint("case_id", "version", name="uq_amendment_version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id"))
    version: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship(back_populates="amendments")
    made_by: Mapped[User] = relationship(lazy="joined")
