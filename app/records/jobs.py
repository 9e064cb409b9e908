"""Jobs: work that no request waits for, of the images of a case or of a whole lab, and how far it has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id
from app.records.people import User

JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
UNFINISHED = ("queued", "running")
ITEM_STATES = ("queued", "done", "failed")


class Job(Record):
    """Work over the images of a case, each an item; or of a whole lab, which counts its steps itself.

    kind: which work, as the feature that does it calls it; argument: what the work needs beside the images, as the name
    of a bundle; text: why it failed; total, done, result: of work of a lab, its steps and what it ended in.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_case", "case_id", "made_at"),
        Index("ix_job_state", "state", "made_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case.id"))  # None: of the whole lab
    kind: Mapped[str] = mapped_column(String(32))
    argument: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(10), default="queued")  # one of JOB_STATES
    text: Mapped[str] = mapped_column(Text, default="")
    total: Mapped[int] = mapped_column(default=0, server_default="0")
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    result: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    alive_at: Mapped[datetime | None]  # when whoever runs it last said so: one that fell silent is taken over
    ended_at: Mapped[datetime | None]

    made_by: Mapped[User] = relationship(lazy="joined")
    items: Mapped[list[JobItem]] = relationship(
        back_populates="job", order_by="JobItem.place", cascade="all, delete-orphan"
    )

    @property
    def unfinished(self) -> bool:
        """Return whether it is still to be done, in whole or in part."""
        return self.state in UNFINISHED


class JobItem(Record):
    """One image of a job. text: why it failed; a damaged picture fails here and not the whole."""

    __tablename__ = "job_item"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="queued")  # one of ITEM_STATES
    text: Mapped[str] = mapped_column(Text, default="")

    job: Mapped[Job] = relationship(back_populates="items")
