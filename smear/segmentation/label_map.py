"""The outlines of a field's leukocytes as a file: a 16-bit grey PNG beside the picture, so that nobody segments twice.

Of each value the low 15 bits are the number of the leukocyte, 0 outside, and the highest bit is set in its nucleus. The
file's text says what drew the outlines, which colour the background had for it, and the boxes as they were numbered.
"""

import io
import json
from dataclasses import replace
from typing import Literal

import cv2
import msgspec
import numpy as np
from PIL import Image, PngImagePlugin

from smear import schema
from smear.arrays import Array
from smear.segmentation.field import WORKING_SIDE, Field, unsegmented
from smear.sentence import SentenceError

NUCLEUS = 1 << 15
MOST = NUCLEUS - 1  # leukocytes that can be told apart
KEY = "leukolens"  # of the PNG's text
OVERLAP = 0.5  # intersection over union from which a box of today is the one that was kept


class LabelMapError(SentenceError):
    """A file that is not the label map of this picture; the sentence says why."""


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a label map says beside its pixels; see `Field` for background, boxes and cut."""

    schema: Literal[1]
    segmenter: str
    background: tuple[int, int, int]
    boxes: list[tuple[int, int, int, int]]
    cut: list[bool]


def encode(field: Field, segmenter: str) -> bytes:
    """Return the label map of `field` as PNG; segmenter: name and version of what drew it.

    Raises LabelMapError for more leukocytes than 15 bits can number.
    """
    if len(field) > MOST:
        raise LabelMapError(f"There are {len(field)} leukocytes; a label map can number {MOST}.")
    red, green, blue = (int(value) for value in field.background)
    described = Description(1, segmenter, (red, green, blue), field.boxes.tolist(), field.cut.tolist())
    text = PngImagePlugin.PngInfo()
    text.add_text(KEY, msgspec.json.encode(described).decode())
    values = field.labels.astype(np.uint16) | np.where(field.nuclei, NUCLEUS, 0).astype(np.uint16)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG", pnginfo=text, compress_level=1)
    return file.getvalue()


def read(data: bytes) -> tuple[Array, Description]:
    """Return the values, uint16 (h, w), and the description of a label map; LabelMapError for any other file."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if max(image.size) > WORKING_SIDE or not image.mode.startswith("I"):
                raise LabelMapError("This is no label map: it is not a 16-bit grey PNG of a working copy's size.")
            text = str(image.info.get(KEY, ""))
            values = np.asarray(image).astype(np.uint16)
        return values, schema.read(Description, json.loads(text), "label map")
    except LabelMapError:
        raise
    except Exception as error:  # Pillow raises whatever a damaged file drives it to
        raise LabelMapError("The label map is damaged.") from error


def decode(data: bytes, rgb: Array) -> Field:
    """Return the field of `rgb`, uint8 (H, W, 3), with the leukocytes of a stored label map: nothing is searched.

    Raises LabelMapError where the file is damaged or belongs to a picture of another size.
    """
    values, described = read(data)
    field = unsegmented(rgb, np.array(described.background, np.uint8))
    count = len(described.boxes)
    labels, nuclei = (values & MOST).astype(np.int32), values >= NUCLEUS
    if values.shape != field.labels.shape or len(described.cut) != count or labels.max(initial=0) > count:
        raise LabelMapError("The label map belongs to another picture.")
    areas = np.bincount(labels[nuclei], minlength=count + 1)[1:].astype(np.float64)
    return replace(
        field,
        labels=labels,
        nuclei=nuclei,
        boxes=np.array(described.boxes, np.int32).reshape(-1, 4),
        areas=areas * field.scale * field.scale,
        cut=np.array(described.cut, bool),
    )


def renumbered(field: Field, boxes: Array, cut: Array) -> Field:
    """Return `field` with its leukocytes numbered as `boxes`, int32 (N, 4), of which an earlier segmenter kept no more.

    Each takes the outline that overlaps its box most. Where none overlaps it by half (intersection over union), because
    today's segmenter sees no leukocyte there, it is the ellipse in the box, and all of it is nucleus. What was not
    numbered then is left out. cut: bool (N,), as it was kept.
    """
    labels, nuclei = np.zeros_like(field.labels), np.zeros_like(field.nuclei)
    matched: set[int] = set()
    for number, box in enumerate(boxes, 1):
        overlaps = np.array([_overlap(box, other) for other in field.boxes])
        best = int(overlaps.argmax()) if len(overlaps) else -1
        if best >= 0 and overlaps[best] >= OVERLAP and best not in matched:
            matched.add(best)
            outline = field.labels == best + 1
            nucleus = outline & field.nuclei
        else:
            outline = nucleus = _ellipse(field, box) & (labels == 0)
        labels[outline], nuclei[outline] = number, nucleus[outline]
    areas = np.bincount(labels[nuclei], minlength=len(boxes) + 1)[1:].astype(np.float64)
    return replace(field, labels=labels, nuclei=nuclei, boxes=boxes, areas=areas * field.scale * field.scale, cut=cut)


def _overlap(box: Array, other: Array) -> float:
    """Return the intersection over union of two boxes, 0..1."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(0, int(width)) * max(0, int(height))
    areas = [int(corners[2] - corners[0]) * int(corners[3] - corners[1]) for corners in (box, other)]
    return shared / max(1, sum(areas) - shared)


def _ellipse(field: Field, box: Array) -> Array:
    """Return the ellipse that fills a box, bool (h, w) at the working size."""
    x0, y0, x1, y1 = (round(float(side) / field.scale) for side in box)
    mask = np.zeros(field.labels.shape, np.uint8)
    axes = max(1, (x1 - x0) // 2), max(1, (y1 - y0) // 2)
    cv2.ellipse(mask, ((x0 + x1) // 2, (y0 + y1) // 2), axes, 0, 0, 360, 1, cv2.FILLED)
    return mask > 0
