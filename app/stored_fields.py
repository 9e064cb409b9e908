"""A stored picture as a field: its pixels and the outlines that were drawn when it came. Nothing is searched again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
from flask_babel import gettext as _
from sqlalchemy import Column, select

from app.database import db
from app.image_store import UnreadableError, image_store
from app.records import Detections, Record, Redrawing, SmearImage
from smear.imaging.decode import ImageError
from smear.segmentation import label_map, mask_network
from smear.segmentation.field import Field
from smear.segmentation.find import find
from smear.segmentation.label_map import LabelMapError
from smear.sentence import SentenceError

STORED = ("pixels_sha256", "thumbnail_sha256", "label_map_sha256")  # what such columns are called, in every table


class FieldDamagedError(SentenceError):
    """A stored picture or its outlines cannot be read any more; `text` is the sentence for the page."""


def segmenter_name() -> str:
    """Return what finds leukocytes at present, with its version."""
    card = mask_network.read_card()
    return f"{card.name} {card.version}"


def keep_outlines(field: Field) -> Detections:
    """Write a field's label map into the image store, and return the record of its leukocytes, still of no image.

    ImageError where there are more leukocytes than a label map can number.
    """
    segmenter = segmenter_name()
    try:
        encoded = label_map.encode(field, segmenter)
    except LabelMapError as error:
        raise ImageError(
            "too_many_leukocytes", f"{error.text} Cut out the field to be read and upload that."
        ) from error
    return Detections(
        segmenter=segmenter,
        boxes=field.boxes.tolist(),
        cut=field.cut.tolist(),
        label_map_sha256=image_store().put(encoded),
    )


def pixels_of(image: SmearImage) -> np.ndarray:
    """Return the pixels of an image; FieldDamagedError where they cannot be read."""
    try:
        return image_store().read(image.pixels_sha256)
    except UnreadableError as error:
        raise FieldDamagedError(_("This image cannot be read from the disk.")) from error


def bytes_of(digest: str) -> bytes:
    """Return the file of a stored picture; FieldDamagedError where it is gone or is not what was stored."""
    try:
        return image_store().read_bytes(digest)
    except UnreadableError as error:
        raise FieldDamagedError(_("This image cannot be read from the disk.")) from error


def sweep() -> Iterator[str]:
    """Remove the files of the store that no row points to, a day after they were last needed; yield their names."""
    return image_store().sweep(used)


def stored_columns() -> list[Column[Any]]:
    """Return every column that names files of the store: what they name is swept, backed up and verified by them."""
    return [column for table in Record.metadata.sorted_tables for column in table.c if column.name in STORED]


def used(digest: str) -> bool:
    """Return whether a row points to a file of the store."""
    db.session.rollback()  # the newest rows, not those of when the sweep began
    queries = (select(column).where(column == digest).limit(1) for column in stored_columns())
    return any(db.session.scalar(query) is not None for query in queries)


def outlines_at(image: SmearImage, moment: datetime) -> str:
    """Return the label map that an image had at a moment, before people corrected its outlines later; "" for none."""
    later = select(Redrawing).where(Redrawing.image_id == image.id, Redrawing.made_at > moment)
    first = db.session.scalar(later.order_by(Redrawing.made_at).limit(1))
    if first is not None:
        return first.label_map_sha256
    return image.detections.label_map_sha256 if image.detections else ""


def outlined(digest: str, rgb: np.ndarray) -> Field:
    """Return the field of a picture, uint8 (H, W, 3), with a stored label map; FieldDamagedError for none."""
    try:
        return label_map.decode(image_store().read_bytes(digest), rgb)
    except (OSError, LabelMapError) as error:
        raise FieldDamagedError(_("The outlines of this image's leukocytes cannot be read from the disk.")) from error


def field_of(image: SmearImage, moment: datetime | None = None) -> Field:
    """Return an image's field with its leukocytes numbered as they are kept; FieldDamagedError where it is unreadable.

    moment: when what is to be shown was read, for outlines that were corrected since. A field that an older version
    left without outlines is segmented for the moment; `maintenance` does it for good.
    """
    detections, rgb = image.detections, pixels_of(image)
    if detections is None:
        return find(rgb)
    outlines = detections.label_map_sha256 if moment is None else outlines_at(image, moment)
    if outlines:
        return outlined(outlines, rgb)
    return label_map.renumbered(find(rgb), np.array(detections.boxes, np.int32), np.array(detections.cut, bool))
