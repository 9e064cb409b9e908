"""Outlines that a person corrects: a leukocyte that was missed, two taken for one, one taken for two.

Leukocytes are numbered for good, because people speak of cell 14. So a correction adds leukocytes at the end, and those
that it replaces keep their numbers and their boxes and lose their pixels.
"""

from dataclasses import replace

import cv2
import numpy as np

from smear.arrays import Array
from smear.segmentation.field import BOX_MARGIN, Field
from smear.segmentation.nucleus import violet
from smear.sentence import SentenceError

LEAST = 24  # pixels at the working size: less is a slip of the hand
CORNERS = 3, 2000  # of an outline, at least and at most
NECK = 0.06  # of the greatest width: what is less deep is a ragged outline
BRIDGE = 0.25  # of the cells' diameter: gaps as wide as that are closed between cells that are merged


class RedrawError(SentenceError):
    """A correction that cannot be made; the sentence says why and what to do."""


def add(field: Field, outline: Array) -> Field:
    """Return `field` with one leukocyte more, inside `outline`, float (K, 2) x and y in pixels of the picture.

    What of it lies on another leukocyte stays that one's. Its nucleus is what Otsu's cut of `violet` says. RedrawError
    where the outline is none, or hardly anything is left of it.
    """
    if outline.ndim != 2 or outline.shape[1:] != (2,) or not CORNERS[0] <= len(outline) <= CORNERS[1]:
        raise RedrawError("This is no outline. Draw once around the whole cell.")
    if not np.isfinite(outline).all():
        raise RedrawError("This outline has no place in the picture. Draw once around the cell.")
    limit = 4.0 * max(field.rgb.shape[:2])
    inside = np.zeros(field.labels.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(np.clip(outline, -limit, limit) / field.scale).astype(np.int32)], 1)
    mask = inside.astype(bool) & (field.labels == 0)
    if np.count_nonzero(mask) < LEAST:
        raise RedrawError("Hardly anything of that lies outside of cells that are outlined. Draw around a whole cell.")
    return _with(field, [mask], mask & _nucleus(field, mask), ())


def split(field: Field, number: int, line: Array | None = None) -> Field:
    """Return `field` with leukocyte `number`, from 1, replaced by its two parts.

    line: float (2, 2), two points in pixels of the picture; the parts lie on its two sides. Without one it is cut
    at the neck across its long axis, or halved where it has none. RedrawError where that leaves hardly anything of one.
    """
    mask = _mask(field, number)
    y, x = np.nonzero(mask)
    points = np.stack([x, y], axis=1).astype(np.float64)
    if line is None:
        side = _across(points)
    else:
        start, end = line.astype(np.float64) / field.scale
        along = end - start
        side = along[0] * (points[:, 1] - start[1]) - along[1] * (points[:, 0] - start[0]) > 0
    parts = [np.zeros_like(mask), np.zeros_like(mask)]
    for part, chosen in zip(parts, (side, ~side), strict=True):
        part[y[chosen], x[chosen]] = True
    if min(np.count_nonzero(part) for part in parts) < LEAST:
        raise RedrawError("That leaves hardly anything of one part. Draw the line through the middle of the cell.")
    return _with(field, parts, field.nuclei, (number,))


def merge(field: Field, numbers: tuple[int, ...]) -> Field:
    """Return `field` with two leukocytes or more, from 1, replaced by one; gaps between them are closed.

    RedrawError where they lie too far apart to be one cell.
    """
    if len(set(numbers)) < 2:
        raise RedrawError("Select at least two cells of one field that are one cell.")
    masks = [_mask(field, number) for number in dict.fromkeys(numbers)]
    together: Array = np.any(masks, axis=0)
    diameter = np.sqrt(4 * max(np.count_nonzero(mask) for mask in masks) / np.pi)
    size = 2 * max(1, round(BRIDGE * diameter)) + 1
    reach = size // 2 + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    padded = np.pad(together.view(np.uint8), reach)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[reach:-reach, reach:-reach].astype(bool)
    mask = together | (closed & (field.labels == 0))
    if cv2.connectedComponents(mask.view(np.uint8))[0] != 2:
        raise RedrawError("These cells do not touch, so that they are not one cell. Select cells that touch.")
    return _with(field, [mask], field.nuclei, tuple(dict.fromkeys(numbers)))


def _mask(field: Field, number: int) -> Array:
    """Return the pixels of a leukocyte, bool (h, w); RedrawError where it has none."""
    mask: Array = field.labels == number
    if not 1 <= number <= len(field) or not mask.any():
        raise RedrawError("The outline of this cell was drawn anew before. Load the page again and choose a new one.")
    return mask


def _across(points: Array) -> Array:
    """Return which of float (K, 2) points lie on one side of the neck across their long axis, bool (K,).

    A neck is narrower than the widest place on either side of it. Where there is none, they are halved.
    """
    centred = points - points.mean(axis=0)
    axes = np.linalg.eigh(np.cov(centred.T) + 1e-9 * np.eye(2))[1]
    along = centred @ axes[:, 1]
    place = np.rint(along - along.min()).astype(int)
    width = np.convolve(np.bincount(place), np.ones(3) / 3, "same")
    before = np.maximum.accumulate(width)
    after = np.maximum.accumulate(width[::-1])[::-1]
    depth = np.minimum(before, after) - width
    neck = int(depth.argmax())
    side: Array = place > neck if depth[neck] >= NECK * width.max() else along > 0
    return side


def _nucleus(field: Field, mask: Array) -> Array:
    """Return the nucleus inside bool (h, w) `mask`, by Otsu's cut (1979) of what is violet in it."""
    values = violet(field.small)
    inside = values[mask]
    low, high = int(inside.min()), int(inside.max())
    levels = ((inside - low) * (255 / max(1, high - low))).astype(np.uint8)
    cut, _ = cv2.threshold(levels[None], 0, 255, cv2.THRESH_OTSU)
    nucleus = np.zeros_like(mask)
    nucleus[mask] = levels > cut
    return nucleus


def _with(field: Field, masks: list[Array], nucleus: Array, replaced: tuple[int, ...]) -> Field:
    """Return `field` with a leukocyte more for each of `masks`, and none of the pixels of those that are replaced."""
    labels = np.where(np.isin(field.labels, replaced), 0, field.labels).astype(np.int32)
    boxes, cut = field.boxes.tolist(), field.cut.tolist()
    for mask in masks:
        labels[mask] = len(boxes) + 1
        boxes.append(_box(field, mask))
        cut.append(_touches_border(mask))
    # The nuclei of everything else stay; those of the new cells are theirs.
    nuclei = np.where(np.any(masks, axis=0), nucleus, field.nuclei & (labels > 0))
    areas = np.bincount(labels[nuclei], minlength=len(boxes) + 1)[1:].astype(np.float64)
    return replace(
        field,
        labels=labels,
        nuclei=nuclei,
        boxes=np.array(boxes, np.int32).reshape(-1, 4),
        areas=areas * field.scale * field.scale,
        cut=np.array(cut, bool),
    )


def _box(field: Field, mask: Array) -> list[int]:
    """Return x0, y0, x1, y1 around a mask, in pixels of the picture, with the margin of every box."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    dx, dy = BOX_MARGIN * width + 1, BOX_MARGIN * height + 1
    sides = np.array([max(0, x - dx), max(0, y - dy), x + width + dx, y + height + dy]) * field.scale
    limit = np.array([field.rgb.shape[1], field.rgb.shape[0]] * 2)
    return [int(side) for side in np.minimum(np.rint(sides), limit)]


def _touches_border(mask: Array) -> bool:
    """Return whether the border of the picture cuts a mask, as where leukocytes are found."""
    return bool(mask[:2].any() or mask[-2:].any() or mask[:, :2].any() or mask[:, -2:].any())
