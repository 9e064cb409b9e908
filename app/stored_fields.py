"""A stored picture as a field: its pixels and the outlines that were drawn when it came. Nothing is searched again."""

from __future__ import annotations

import numpy as np
from flask_babel import gettext as _

from app.image_store import image_store
from app.records import Detections, SmearImage
from smear.segmentation import label_map, mask_network
from smear.segmentation.field import Field
from smear.segmentation.find import find
from smear.segmentation.label_map import LabelMapError
from smear.sentence import SentenceError


class FieldDamagedError(SentenceError):
    """A stored picture or its outlines cannot be read any more; `text` is the sentence for the page."""


def segmenter_name() -> str:
    """Return what finds leukocytes at present, with its version."""
    card = mask_network.read_card()
    return f"{card.name} {card.version}"


def keep_outlines(field: Field) -> Detections:
    """Write a field's label map into the image store, and return the record of its leukocytes, still of no image."""
    segmenter = segmenter_name()
    return Detections(
        segmenter=segmenter,
        boxes=field.boxes.tolist(),
        cut=field.cut.tolist(),
        label_map_sha256=image_store().put(label_map.encode(field, segmenter)),
    )


def field_of(image: SmearImage) -> Field:
    """Return an image's field with its leukocytes numbered as they are kept; FieldDamagedError where it is unreadable.

    A field that an older version left without outlines is segmented for the moment; `maintenance` does it for good.
    """
    detections = image.detections
    try:
        rgb = image_store().read(image.pixels_sha256)
        if detections is None:
            return find(rgb)
        if detections.label_map_sha256:
            return label_map.decode(image_store().path(detections.label_map_sha256).read_bytes(), rgb)
    except (OSError, ValueError) as error:  # ImageError and LabelMapError are ValueErrors
        raise FieldDamagedError(_damaged(error)) from error
    return label_map.renumbered(find(rgb), np.array(detections.boxes, np.int32), np.array(detections.cut, bool))


def _damaged(error: Exception) -> str:
    if isinstance(error, LabelMapError):
        return _("The outlines of this image's leukocytes cannot be read from the disk.")
    return _("This image cannot be read from the disk.")
