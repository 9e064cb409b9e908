"""The records of single cells: where they lie in a field, what bundles said of them, and what people say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Labels, Record, Suggestions, now, random_id
from app.records.people import User
from app.version import __version__
from smear.inference.card import Label
from smear.inference.suggestion import Suggestion

if TYPE_CHECKING:
    from app.records.cases import SmearImage

ANNOTATION_KINDS = ("label", "other", "uncertain", "excluded", "cleared")
REDRAWINGS = ("add", "split", "merge")


class Detections(Record):
    """The leukocytes of one field, found once and numbered for good: number n is entry n - 1 of each list.

    Their outlines are a file in the image store (`smear.segmentation.label_map`); a later segmenter does not change
    them, and what a person outlines is added at the end (`Redrawing`). boxes: x0, y0, x1, y1 in pixels of the picture;
    cut: whether the border of the picture cuts the cell.
    """

    __tablename__ = "detections"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"), unique=True)
    segmenter: Mapped[str] = mapped_column(String(80))  # what found them, with its version
    boxes: Mapped[list[Any]]
    cut: Mapped[list[Any]]
    # Empty where an older version found them and kept boxes alone, until `maintenance` has drawn the outlines.
    label_map_sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    made_at: Mapped[datetime] = mapped_column(default=now)

    image: Mapped[SmearImage] = relationship(back_populates="detections")


class CellReading(Record):
    """What one bundle said of the cells of one field; never changed, and legible without the bundle.

    suggestions: in the order of the field's boxes, from number `first` on. A cell that a person outlines later is read
    by itself, in a row of its own.
    """

    __tablename__ = "cell_reading"
    __table_args__ = (UniqueConstraint("image_id", "bundle", "version", "first", name="uq_cell_reading_first"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"))
    bundle: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(40))
    first: Mapped[int] = mapped_column(default=1, server_default="1")
    suggestions: Mapped[list[Suggestion]] = mapped_column(Suggestions)
    labels: Mapped[tuple[Label, ...]] = mapped_column(Labels)  # the card's then
    program: Mapped[str] = mapped_column(String(40), default=__version__, server_default="")  # version of LeukoLens
    intended_use: Mapped[str] = mapped_column(Text)
    milliseconds: Mapped[float]
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    image: Mapped[SmearImage] = relationship(back_populates="cell_readings")
    made_by: Mapped[User] = relationship()


class Annotation(Record):
    """What one person says of one cell; never changed. The next version is another row, and the newest holds."""

    __tablename__ = "annotation"
    __table_args__ = (UniqueConstraint("image_id", "number", "version", name="uq_annotation_version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"))
    number: Mapped[int]  # of the cell in its field's detections, from 1
    version: Mapped[int]  # 1, 2, 3 within the cell: of two people writing at once, one is told
    kind: Mapped[str] = mapped_column(String(16))  # one of ANNOTATION_KINDS; cleared: as if nobody had said anything
    label: Mapped[str | None] = mapped_column(String(64))  # only where the kind is a label
    label_name: Mapped[str] = mapped_column(String(120), default="")  # legible when no list has the label any more
    reason: Mapped[str] = mapped_column(String(32), default="")  # only where it is excluded
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    image: Mapped[SmearImage] = relationship(back_populates="annotations")
    made_by: Mapped[User] = relationship(lazy="joined")


class Redrawing(Record):
    """What one person corrected of a field's outlines; never changed.

    kind: one of REDRAWINGS; replaced, added: numbers of the leukocytes that lost their pixels and that got them;
    label_map_sha256: of the outlines before.
    """

    __tablename__ = "redrawing"
    __table_args__ = (Index("ix_redrawing_image", "image_id", "made_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"))
    kind: Mapped[str] = mapped_column(String(10))
    replaced: Mapped[list[Any]]
    added: Mapped[list[Any]]
    label_map_sha256: Mapped[str] = mapped_column(String(64), index=True)
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    made_by: Mapped[User] = relationship(lazy="joined")
