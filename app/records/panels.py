"""Frozen panels: pictures and labels that a lab measures models on, as they were when it froze them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id
from app.records.people import User


class FrozenPanel(Record):
    """A named set of labelled fields or cells of signed cases; never changed.

    items: of each its image, its number (0 for a field), label, the label's name and group, as `image`, `number`,
    `label`, `name` and `group`.
    """

    __tablename__ = "frozen_panel"
    __table_args__ = (UniqueConstraint("lab_id", "name", name="uq_frozen_panel_name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    name: Mapped[str] = mapped_column(String(120))
    scope: Mapped[str] = mapped_column(String(8))
    items: Mapped[list[Any]]
    frozen_at: Mapped[datetime] = mapped_column(default=now)
    frozen_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    frozen_by: Mapped[User] = relationship(lazy="joined")
    closing: Mapped[PanelClosing | None] = relationship(lazy="joined", back_populates="panel")


class PanelClosing(Record):
    """Why a panel is measured on no more; its pictures may teach models again."""

    __tablename__ = "panel_closing"
    __table_args__ = (UniqueConstraint("panel_id", name="uq_panel_closing_panel"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    panel_id: Mapped[str] = mapped_column(ForeignKey("frozen_panel.id"))
    reason: Mapped[str] = mapped_column(String(500))
    closed_at: Mapped[datetime] = mapped_column(default=now)
    closed_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    panel: Mapped[FrozenPanel] = relationship(back_populates="closing")
    closed_by: Mapped[User] = relationship(lazy="joined")
