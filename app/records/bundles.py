"""Which model a lab chose to read, and the card with which each reads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now
from app.records.people import User


class BundleActivation(Record):
    """An admin's choice of the bundle that reads for the lab; the newest one of its scope holds.

    despite: why, where the bundle does not reach the floors (`smear.inference.floors`); scope: `cell`, or empty for one
    that reads fields, as all were once.
    """

    __tablename__ = "bundle_activation"
    __table_args__ = (Index("ix_bundle_activation_newest", "lab_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    bundle: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500))
    despite: Mapped[str] = mapped_column(String(500), default="")
    card_sha256: Mapped[str] = mapped_column(String(64), default="", server_default="")  # empty: by an older version
    scope: Mapped[str] = mapped_column(String(8), default="", server_default="")
    activated_at: Mapped[datetime] = mapped_column(default=now)
    activated_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    activated_by: Mapped[User] = relationship(lazy="joined")


class HeldCard(Record):
    """The card with which a version of a bundle reads; one that is changed afterwards does not."""

    __tablename__ = "held_card"

    bundle: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str] = mapped_column(String(40), primary_key=True)
    card_sha256: Mapped[str] = mapped_column(String(64))
    held_at: Mapped[datetime] = mapped_column(default=now)
