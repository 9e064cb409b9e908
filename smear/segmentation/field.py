"""A picture that was looked at once: its working copy, its background, and the leukocytes in it.

Everything that comes after segmentation takes a `Field`, so that no picture is segmented, shrunk or searched for its
black surround twice.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import black_surround, optical_density

WORKING_SIDE = 640  # of the picture that is kept and painted; a nucleus is still 30 px wide there
BOX_MARGIN = 0.04  # of the cell, on every side
WHITE: Array = np.full(3, 255, np.uint8)


@dataclass(frozen=True)
class Field:
    """A picture and the N leukocytes in it.

    rgb: uint8 (H, W, 3), the picture at its own size. Everything else is at the working size, `scale` original pixels
    per working pixel: small: uint8 RGB (h, w, 3), the picture itself; surround: uint8 (h, w), not 0 where a cell was
    cut out on black, None for any other picture; background: uint8 RGB (3,), the colour of the slide where nothing is
    stained; labels: int32 (h, w), i + 1 inside the whole cell of leukocyte i, 0 outside; nuclei: bool (h, w).
    boxes: int32 (N, 4) x0, y0, x1, y1 in original pixels, left to right; areas: float64 (N,), nucleus areas in original
    square pixels; cut: bool (N,), whether the border of the picture cuts it.
    """

    rgb: Array
    small: Array
    scale: float
    surround: Array | None
    background: Array
    labels: Array
    nuclei: Array
    boxes: Array
    areas: Array
    cut: Array

    def __len__(self) -> int:
        """Return how many leukocytes were found."""
        return len(self.boxes)

    @cached_property
    def cells(self) -> Array:
        """Whether a pixel is in a leukocyte, bool (h, w)."""
        cells: Array = self.labels > 0
        return cells

    @cached_property
    def standing(self) -> Array:
        """Which leukocytes have pixels, bool (N,): not those that a correction replaced, or that others lie on."""
        standing: Array = np.bincount(self.labels.ravel(), minlength=len(self) + 1)[1:] > 0
        return standing

    @cached_property
    def density(self) -> Array:
        """The optical density of the working copy against the background, float32 (h, w, 3)."""
        return optical_density(self.small, self.background)


def working_copy(rgb: Array, side: int = WORKING_SIDE) -> tuple[Array, float]:
    """Return `rgb` with its long side at most `side`, and original pixels per pixel of the copy."""
    height, width = rgb.shape[:2]
    scale = max(height, width) / side
    if scale <= 1:
        return rgb, 1.0
    size = max(1, round(width / scale)), max(1, round(height / scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), scale


def unsegmented(rgb: Array, background: Array = WHITE) -> Field:
    """Return the field of `rgb`, uint8 (H, W, 3), before anybody looked for leukocytes: it has none, on white."""
    small, scale = working_copy(rgb)
    return Field(
        rgb=rgb,
        small=small,
        scale=scale,
        surround=black_surround(small),
        background=background,
        labels=np.zeros(small.shape[:2], np.int32),
        nuclei=np.zeros(small.shape[:2], bool),
        boxes=np.zeros((0, 4), np.int32),
        areas=np.zeros(0),
        cut=np.zeros(0, bool),
    )


def with_leukocytes(field: Field, labels: Array, nuclei: Array) -> Field:
    """Return `field` with the leukocytes of `labels`, int32 (h, w), numbered from left to right.

    nuclei: bool (h, w); what of them lies outside the labels is left out of the areas.
    """
    labels, boxes, areas, cut = _numbered(labels, nuclei)
    limit = np.array([field.rgb.shape[1], field.rgb.shape[0]] * 2)
    boxes = np.minimum(np.rint(boxes * field.scale).astype(np.int32), limit).astype(np.int32)
    return replace(field, labels=labels, nuclei=nuclei, boxes=boxes, areas=areas * field.scale * field.scale, cut=cut)


def _numbered(labels: Array, nuclei: Array) -> tuple[Array, Array, Array, Array]:
    """Return labels renumbered from left to right, boxes (N, 4), nucleus areas (N,) and whether the border cuts."""
    height, width = labels.shape
    at = np.flatnonzero(labels)
    label, (y, x) = labels.ravel()[at], np.divmod(at, width)
    size = int(label.max(initial=0)) + 1
    x0, y0, x1, y1 = np.full(size, width), np.full(size, height), np.zeros(size, int), np.zeros(size, int)
    np.minimum.at(x0, label, x)
    np.minimum.at(y0, label, y)
    np.maximum.at(x1, label, x + 1)
    np.maximum.at(y1, label, y + 1)
    present = np.flatnonzero(x1)
    x0, y0, x1, y1 = x0[present], y0[present], x1[present], y1[present]
    areas = np.bincount(label[nuclei.ravel()[at]], minlength=size)[present].astype(np.float64)
    cut = (x0 <= 1) | (y0 <= 1) | (x1 >= width - 1) | (y1 >= height - 1)
    dx, dy = BOX_MARGIN * (x1 - x0) + 1, BOX_MARGIN * (y1 - y0) + 1
    boxes = np.stack([(x0 - dx).clip(0), (y0 - dy).clip(0), (x1 + dx).clip(max=width), (y1 + dy).clip(max=height)], 1)
    order = np.lexsort((present, cut, areas, *boxes.T[::-1]))
    number = np.zeros(size, np.int32)
    number[present[order]] = np.arange(1, len(present) + 1)
    return number.take(labels), boxes[order], areas[order], cut[order]
