"""Outlines for fields that an older version left without: what `maintenance` does, and a job of one case."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import or_, select

from app.database import db, writing
from app.inference.engine import engine
from app.inference.job_queue import Task
from app.records import Detections, SmearImage
from app.stored_fields import field_of, keep_outlines
from smear.sentence import SentenceError

KIND = "outlines"


def without_outlines(case_id: str | None = None) -> list[str]:
    """Return the images whose leukocytes have no outlines in the store, of one case or of all."""
    query = (
        select(SmearImage.id)
        .outerjoin(SmearImage.detections)
        .where(or_(Detections.id.is_(None), Detections.label_map_sha256 == ""))
        .order_by(SmearImage.added_at)
    )
    if case_id is not None:
        query = query.where(SmearImage.case_id == case_id)
    return list(db.session.scalars(query))


def outline(image_id: str) -> None:
    """Segment a stored field once and for all.

    FieldDamagedError where its picture cannot be read; ImageError where it has more leukocytes than can be numbered.

    Leukocytes that were numbered before keep their numbers, because people speak of cell 14 and their words are kept.
    """
    image = db.session.get(SmearImage, image_id)
    if image is None:  # taken out of the case meanwhile
        return
    with engine().slots.stored(image.pixel_count):
        row = keep_outlines(field_of(image))
    with writing() as session:
        there = session.scalar(select(Detections).where(Detections.image_id == image_id))
        if there is not None:
            there.label_map_sha256 = there.label_map_sha256 or row.label_map_sha256
        elif session.get(SmearImage, image_id) is not None:
            row.image_id = image_id
            session.add(row)


def do(task: Task) -> None:
    """Outline one image of a job."""
    outline(task.image_id)


def outline_all() -> Iterator[tuple[str, str]]:
    """Outline everything that has none; yield each image's id, with the sentence of what failed or nothing."""
    for image_id in without_outlines():
        try:
            outline(image_id)
            yield image_id, ""
        except SentenceError as failure:
            yield image_id, failure.text
