"""Find the leukocytes of a field, whatever the stain: a small network says where, geometry says which and how many.

The published systems smooth with a median filter and cut one fixed range out of HSV (`preprocess.hsv_range`). A fixed
range fails on the next laboratory's stain; thresholds from the picture's own background and erythrocytes
(`smear.segmentation.thresholds`) do better and still take violet erythrocytes for leukocytes and lose pale cytoplasm.
So the network (`smear.segmentation.mask_network`) was taught, by what such thresholds are sure of, in many stains.

* Every channel is divided by the background colour: lamp and white balance leave the picture.
* The network sees a view of 160 to 320 px, and a second one where leukocytes are small or large in the first.
* Touching cells are told apart by their cores, the inner parts that do not touch.
"""

from dataclasses import replace

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour, optical_density, white_balanced
from smear.segmentation import nucleus
from smear.segmentation.false_positives import without_false_positives
from smear.segmentation.field import Field, unsegmented, with_leukocytes
from smear.segmentation.mask_network import CELL, NUCLEUS, Segmenter, segmenter
from smear.segmentation.split_touching import THRESHOLD, diameter, split

FIRST_SIDES = (160, 320)  # long side of what the network is shown at first: at least and at most
SECOND_SIDES = (96, 640)  # and when leukocytes come out much smaller or larger in it than
ACROSS = 20.0, 50.0  # pixels across, which it knows; it looks again with them at
BEST_ACROSS = 40.0
DARK = 16  # of 255: a background below it is no light, and there is nothing to be seen before it


def find(rgb: Array, network: Segmenter | None = None) -> Field:
    """Return the field of `rgb`, uint8 (H, W, 3), at least 16 px on each side, with the leukocytes in it.

    network: to find them with another than the published one, for measuring a draft.
    """
    network = network or segmenter()
    field = unsegmented(rgb)
    small = field.small
    shown = small if field.surround is None else np.where(field.surround[..., None] > 0, 255, small).astype(np.uint8)
    longest = max(small.shape[:2])
    side = int(np.clip(longest, *FIRST_SIDES))
    view, background, balanced, probabilities = _look(network, shown, side)
    if background.max() < DARK:
        return replace(field, background=background)
    labels, count = split(probabilities)
    better = _better_side(side, diameter(_areas(labels, count)), longest)
    if better != side:
        view, background, balanced, probabilities = _look(network, shown, better)
        labels, count = split(probabilities)
    density = optical_density(view, background)
    labels = without_false_positives(labels, count, probabilities[NUCLEUS], density)
    nucleus_probability = nucleus.refine_nucleus(balanced, density, labels, probabilities[NUCLEUS])
    cell_probability = probabilities[CELL]
    height, width = small.shape[:2]
    if labels.shape != (height, width):
        nucleus_probability, cell_probability = (
            cv2.resize(plane, (width, height)) for plane in (nucleus_probability, cell_probability)
        )
    labels = _at_size(labels, cell_probability > THRESHOLD)
    nuclei = nucleus.clean(nucleus_probability, labels, diameter(_areas(labels, count)))
    return with_leukocytes(replace(field, background=background), labels, nuclei)


def _areas(labels: Array, count: int) -> Array:
    """Return the area of each label 1..count, int64 (count,)."""
    return np.bincount(labels.ravel(), minlength=count + 1)[1:]


def _look(network: Segmenter, shown: Array, side: int) -> tuple[Array, Array, Array, Array]:
    """Return `shown` at that length of its long side, its background colour, it balanced, and the probabilities."""
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
