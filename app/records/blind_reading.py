"""Blind second readings: who was asked, and what they saw without knowing what anybody saw before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id
from app.records.people import User
from app.records.review import Review, code_of


class BlindReading(Record):
    """One person's blind reading of a case; open until every image has a review, or until it is withdrawn."""

    __tablename__ = "blind_reading"
    __table_args__ = (
        # One at a time in a case; and the question whether somebody reads blind is asked at every page.
        Index(
            "ix_blind_reading_open",
            "case_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_blind_reading_reader", "reader_id", "state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id"), index=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(10), default="open")  # open, done or withdrawn
    ended_at: Mapped[datetime | None]

    reader: Mapped[User] = relationship(foreign_keys=reader_id, lazy="joined")
    asked_by: Mapped[User] = relationship(foreign_keys=asked_by_id, lazy="joined")
    reviews: Mapped[list[BlindReview]] = relationship(back_populates="blind_reading")

    @property
    def differing(self) -> list[str]:
        """Return the images on which it differs from the reviews that held then."""
        return [row.image_id for row in self.reviews if row.differs]


class BlindReview(Record):
    """What the second reader saw in an image; never changed, and never shown before the reading is done."""

    __tablename__ = "blind_review"
    __table_args__ = (UniqueConstraint("blind_reading_id", "image_id", name="uq_blind_review_image"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    blind_reading_id: Mapped[str] = mapped_column(ForeignKey("blind_reading.id"))
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"))
    first_review_id: Mapped[str] = mapped_column(ForeignKey("review.id"))  # that held then, and was not shown
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))
    label_name: Mapped[str] = mapped_column(String(120), default="")
    comment: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime] = mapped_column(default=now)

    blind_reading: Mapped[BlindReading] = relationship(back_populates="reviews")
    first_review: Mapped[Review] = relationship()

    @property
    def code(self) -> str:
        """Return the review as one word, to be compared."""
        return code_of(self.kind, self.label)

    @property
    def differs(self) -> bool:
        """Return whether something else is seen than in the review that held then."""
        return self.code != self.first_review.code
