"""A picture that shows more of the slide than a model's training pictures did, or shows it larger, read in parts.

A network that is shown a wide field shrunk to its input sees cells of a size that it never learnt. So such a picture is
cut into parts as large, in cells, as the training pictures were; each is brought to their size in pixels, segmented
and read as a field of its own, and what is said of them is pooled. A part without a whole leukocyte is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.card import Scale
from smear.segmentation.field import Field
from smear.sentence import SentenceError

WIDER = 1.35  # times the training pictures' longer side: from here on a picture is cut or shrunk
TOLERANCE = 1.15  # by which a nucleus may miss the sizes that the training pictures had
LARGEST_ZOOM = 1.3  # a picture whose cells would have to be made larger than this lacks their detail
MAGNIFICATION = "magnification"  # code of the reason why a picture is not read
IN_PARTS = (
    "This field is wider than those the model was trained on: {} parts with whole leukocytes were read, each at the"
    " magnification that it knows, and what was said of them is pooled."
)
AT_SCALE = "The picture was brought to the magnification that the model knows."
MOST_PARTS = 40  # of a picture; those with the most leukocytes are read


class CellsTooSmallError(SentenceError):
    """A picture whose cells are too small for the model; the sentence says so and what to do."""


@dataclass(frozen=True)
class Plan:
    """How a picture is cut: boxes, int32 (P, 4) x0, y0, x1, y1 in its pixels, and what each is zoomed by."""

    boxes: Array
    zoom: float


def magnification(field: Field, scale: Scale | None) -> float:
    """Return by what a picture has to be zoomed for its nuclei to be as large as in the training pictures.

    1 where they are already, where nothing tells, and where the picture is no larger than those: what is wrong with its
    magnification then is a matter of its out-of-distribution score.
    """
    if scale is None or not field.standing.any() or max(field.rgb.shape[:2]) <= WIDER * scale.side:
        return 1.0
    nucleus = float(np.sqrt(np.median(field.areas[field.standing])))
    if not nucleus or scale.least / TOLERANCE <= nucleus <= scale.most * TOLERANCE:
        return 1.0
    return scale.nucleus / nucleus


def plan(field: Field, scale: Scale | None) -> Plan | None:
    """Return how to cut a field; None where it is read as it is.

    CellsTooSmallError where they would have to be zoomed by more than LARGEST_ZOOM.
    """
    zoom = magnification(field, scale)
    if zoom > LARGEST_ZOOM:
        raise CellsTooSmallError(
            f"The magnification differs too much: the cells in this picture are {zoom:.1f} times smaller than those the"
            " model was trained on. Take the field through a stronger objective, or at the camera's full size."
        )
    height, width = field.rgb.shape[:2]
    if scale is None or max(height, width) <= WIDER * scale.side:
        return None
    side = scale.side / zoom
    boxes = np.array([(x0, y0, x1, y1) for y0, y1 in _spans(height, side) for x0, x1 in _spans(width, side)], np.int32)
    return Plan(_with_most(boxes, field), zoom)


def _spans(length: int, side: float) -> list[tuple[int, int]]:
    """Return the fewest spans of `side` that cover a length evenly; one of all where it is not much longer."""
    if length <= WIDER * side:
        return [(0, length)]
    count, part = int(np.ceil(length / side)), round(side)
    starts = np.rint(np.linspace(0, length - part, count)).astype(int).tolist()
    return [(start, start + part) for start in starts]


def _with_most(boxes: Array, field: Field) -> Array:
    """Return the boxes with a whole leukocyte in them, those with the most where they are too many, in their order."""
    whole = ~field.cut & field.standing
    middles = (field.boxes[:, :2] + field.boxes[:, 2:]) / 2
    inside = [
        int(((middles >= box[:2]) & (middles < box[2:])).all(axis=1)[whole].sum()) if len(field) else 0 for box in boxes
    ]
    order = np.argsort(-np.array(inside), kind="stable")[:MOST_PARTS]
    busiest = np.sort(order[np.array(inside)[order] > 0])
    return boxes[busiest]


def part_of(rgb: Array, box: Array, zoom: float) -> Array:
    """Return a part of a picture at the training pictures' scale, uint8 RGB (h, w, 3)."""
    x0, y0, x1, y1 = (int(value) for value in box)
    part = rgb[y0:y1, x0:x1]
    if zoom == 1:
        return np.ascontiguousarray(part)
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=method))


def stitched(maps: Sequence[Array], boxes: Array, height: int, width: int) -> Array:
    """Return the maps of parts, float32 (C, h, w) each, laid where they belong: (C, H, W), the larger one in overlaps.

    Its grid is as fine as that of the parts; where no part was read it is zero.
    """
    rows, columns = maps[0].shape[1:]
    if not rows:
        return maps[0]
    step_y = float(np.median(boxes[:, 3] - boxes[:, 1])) / rows
    step_x = float(np.median(boxes[:, 2] - boxes[:, 0])) / columns
    whole = np.zeros((len(maps[0]), max(1, round(height / step_y)), max(1, round(width / step_x))), np.float32)
    scale_y, scale_x = whole.shape[1] / height, whole.shape[2] / width
    for part, (x0, y0, x1, y1) in zip(maps, boxes.tolist(), strict=True):
        top, left = round(y0 * scale_y), round(x0 * scale_x)
        bottom, right = max(top + 1, round(y1 * scale_y)), max(left + 1, round(x1 * scale_x))
        place = whole[:, top:bottom, left:right]
        size = place.shape[2], place.shape[1]
        for label, grid in enumerate(part):
            np.maximum(place[label], cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR), out=place[label])
    return whole


def note(parts: int) -> tuple[str, ...]:
    """Say that a picture was read in so many parts; nothing where it was read as it is."""
    if not parts:
        return ()
    return (IN_PARTS.format(parts) if parts > 1 else AT_SCALE,)
