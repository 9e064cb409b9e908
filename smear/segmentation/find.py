"""Find the leukocytes of a field, whatever the stain: a small network says where, geometry says which and how many.

The published systems smooth with a median filter and cut one fixed range out of HSV (`preprocess.hsv_range`). A fixed
range fails on the next laboratory's stain; thresholds from the picture's own background and erythrocytes
(`smear.segmentation.thresholds`) do better and still take violet erythrocytes for leukocytes and lose pale cytoplasm.
So the network (`smear.segmentation.mask_network`) was taught, by what such thresholds are sure of, in many stains.

* Every channel is divided by the background colour: lamp and white balance leave the picture.
* The network sees a view of 160 to 320 px, and a second one where leukocytes are small or large in the first.
* Touching cells are told apart by their cores, the inner parts that do not touch.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour, black_surround, optical_density, white_balanced
from smear.segmentation import nucleus
from smear.segmentation.false_positives import without_lookalikes
from smear.segmentation.mask_network import CELL, NUCLEUS, Segmenter, segmenter
from smear.segmentation.split_touching import SURE, across, part

WORKING_SIDE = 640  # of the picture that is kept and painted; a nucleus is still 30 px wide there
FIRST_SIDES = (160, 320)  # long side of what the network is shown at first: at least and at most
SECOND_SIDES = (96, 640)  # and when leukocytes come out much smaller or larger in it than
ACROSS = 20.0, 50.0  # pixels across, which it knows; it looks again with them at
BEST_ACROSS = 40.0
BOX_MARGIN = 0.04  # of the cell, on every side


@dataclass(frozen=True)
class Leukocytes:
    """What was found, at the working size (`scale` original pixels per working pixel).

    small: uint8 RGB (h, w, 3), the picture itself; labels: int32 (h, w), i + 1 inside the whole cell of leukocyte i, 0
    outside; nuclei, cells: bool (h, w), cells is labels > 0; background: uint8 RGB (3,); boxes: int32 (N, 4) x0, y0,
    x1, y1 in original pixels, left to right; areas: float64 (N,), nucleus areas in original square pixels; cut: bool
    (N,), whether the border of the picture cuts it.
    """

    small: Array
    labels: Array
    nuclei: Array
    cells: Array
    background: Array
    boxes: Array
    areas: Array
    cut: Array
    scale: float

    def __len__(self) -> int:
        return len(self.boxes)


def working_copy(rgb: Array, side: int = WORKING_SIDE) -> tuple[Array, float]:
    """Return `rgb` with its long side at most `side`, and original pixels per pixel of the copy."""
    height, width = rgb.shape[:2]
    scale = max(height, width) / side
    if scale <= 1:
        return rgb, 1.0
    size = max(1, round(width / scale)), max(1, round(height / scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), scale


def find(rgb: Array, network: Segmenter | None = None) -> Leukocytes:
    """Return the leukocytes of `rgb`, uint8 (H, W, 3), at least 16 px on each side.

    network: to find them with another than the published one, for measuring a draft.
    """
    look = network or segmenter()
    small, scale = working_copy(rgb)
    surround = black_surround(small)
    shown = small if surround is None else np.where(surround[..., None] > 0, 255, small).astype(np.uint8)
    longest = max(small.shape[:2])
    side = int(np.clip(longest, *FIRST_SIDES))
    view, background, balanced, said = _look(look, shown, side)
    labels, count = part(said)
    better = _better_side(side, across(_areas(labels, count)), longest)
    if better != side:
        view, background, balanced, said = _look(look, shown, better)
        labels, count = part(said)
    density = optical_density(view, background)
    sure = said[NUCLEUS]
    labels = without_lookalikes(labels, count, sure, density)
    nuclei = nucleus.told_apart(balanced, density, labels, sure)
    whole = said[CELL]
    height, width = small.shape[:2]
    if labels.shape != (height, width):
        nuclei, whole = (cv2.resize(one, (width, height)) for one in (nuclei, whole))
    labels = _at_size(labels, whole > SURE)
    cells = labels > 0
    nuclei = nucleus.clean(nuclei, labels, across(_areas(labels, count)))
    labels, boxes, areas, cut = _numbered(labels, nuclei)
    limit = np.array([rgb.shape[1], rgb.shape[0]] * 2)
    boxes = np.minimum(np.rint(boxes * scale).astype(np.int32), limit).astype(np.int32)
    return Leukocytes(small, labels, nuclei, cells, background, boxes, areas * scale * scale, cut, scale)


def _areas(labels: Array, count: int) -> Array:
    """Return the area of each label 1..count, int64 (count,)."""
    return np.bincount(labels.ravel(), minlength=count + 1)[1:]


def _look(network: Segmenter, shown: Array, side: int) -> tuple[Array, Array, Array, Array]:
    """Return `shown` at that length of its long side, its background colour, it balanced, and what the network says."""
    longest = max(shown.shape[:2])
    view = shown
    if longest != side:
        size = tuple(max(1, round(n * side / longest)) for n in shown.shape[1::-1])
        view = cv2.resize(shown, size, interpolation=cv2.INTER_AREA if longest > side else cv2.INTER_CUBIC)
    background = background_colour(view)
    balanced = white_balanced(view, background)
    return view, background, balanced, network(balanced)


def _better_side(side: int, width: float, longest: int) -> int:
    """Return at which length of its long side the network should see a picture in which cells were `width` px wide."""
    if ACROSS[0] <= width <= ACROSS[1]:
        return side
    wanted = side * BEST_ACROSS / width if width else 2 * side  # nothing found: perhaps they are small
    lowest, highest = SECOND_SIDES
    return int(np.clip(wanted, lowest, max(side, min(highest, longest))))


def _at_size(labels: Array, cells: Array) -> Array:
    """Return `labels` at the size of `cells` (bool) and inside them, without holes between the two."""
    if labels.shape == cells.shape:
        return np.where(cells, labels, 0).astype(np.int32)
    large = cv2.resize(labels.astype(np.float32), cells.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.int32)
    reach = 2 * -(-cells.shape[1] // labels.shape[1]) + 1
    around = cv2.dilate(large.astype(np.float32), np.ones((reach, reach), np.uint8)).astype(np.int32)
    return np.where(cells, np.where(large > 0, large, around), 0).astype(np.int32)


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
