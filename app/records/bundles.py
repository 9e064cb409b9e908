"""Which model a lab chose to read, the card with which each reads, candidates beside it, and what they are measured on.

A frozen panel is pictures and labels on which models are measured, as they were when it was frozen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, Suggestions, now, random_id
from app.records.people import User
from app.version import __version__
from smear.inference.suggestion import Suggestion


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


class ShadowTrial(Record):
    """A time for which a candidate reads every new image of a lab beside the active model, and nobody sees it."""

    __tablename__ = "shadow_trial"
    __table_args__ = (Index("ix_shadow_trial_lab", "lab_id", "ends_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    bundle: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(40))
    begun_at: Mapped[datetime] = mapped_column(default=now)
    begun_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    ends_at: Mapped[datetime]  # when somebody ends it, that moment

    begun_by: Mapped[User] = relationship(lazy="joined")


class ShadowReading(Record):
    """What a candidate said of an image, for comparisons alone: it is on no page of a case and in no report.

    scope: of the bundle; suggestions: one for a field, or one for each of its cells in their order.
    """

    __tablename__ = "shadow_reading"
    __table_args__ = (UniqueConstraint("image_id", "bundle", "version", name="uq_shadow_reading_bundle"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id", ondelete="CASCADE"))
    bundle: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(40))
    scope: Mapped[str] = mapped_column(String(8))
    suggestions: Mapped[list[Suggestion]] = mapped_column(Suggestions)
    program: Mapped[str] = mapped_column(String(40), default=__version__)  # version of LeukoLens
    made_at: Mapped[datetime] = mapped_column(default=now)


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
