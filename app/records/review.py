"""What people say of images: every review is a row of its own, and the newest holds."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Record, now, random_id
from app.records.people import User

if TYPE_CHECKING:
    from app.records.cases import SmearImage

COMMENT_LENGTH = 2000  # characters
REVIEW_KINDS = ("label", "other", "uncertain", "not_gradable")


def code_of(kind: str, label: str | None) -> str:
    """Return what a review says as one word, as the buttons name it and as reviews are compared."""
    return f"label:{label}" if kind == "label" else kind


class Review(Record):
    """What one person saw in one image; never changed. The next version is another row, whoever writes it."""

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("image_id", "version", name="uq_review_version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"))
    version: Mapped[int]  # 1, 2, 3 within the image: of two people writing at once, one is told
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))  # only where the kind is a label
    label_name: Mapped[str] = mapped_column(String(120), default="")  # legible when no bundle knows the label any more
    comment: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    image: Mapped[SmearImage] = relationship(back_populates="reviews")
    made_by: Mapped[User] = relationship(lazy="joined")

    @property
    def code(self) -> str:
        """Return the review as one word, to be compared."""
        return code_of(self.kind, self.label)
