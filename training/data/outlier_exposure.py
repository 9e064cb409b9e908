"""Pictures that are none of the model's business, made from the training pictures themselves.

A network that has only seen leukocytes gives anything one of its labels. Shown outliers in training, with the answer
"all labels alike" (outlier exposure: Hendrycks et al. 2019), it learns to be unsure, and abstention refuses them.
Everything here comes from the training part of a split, so nothing of the test pictures is learnt.
"""

from dataclasses import replace

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour
from smear.inference.card import Step
from smear.inference.preprocess import WHITE, begin, run
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training.data.ablations import cells_removed

KINDS = ("erythrocytes", "erythrocytes", "pieces", "rims", "close_up", "close_up", "far_away", "recoloured")


def outlier(field: Field, steps: tuple[Step, ...], seed: int) -> Array:
    """Return an outlier made of a training picture's field, as the network would be given it: uint8 (h, w, 3)."""
    random = np.random.default_rng(seed)
    kind = KINDS[int(random.integers(len(KINDS)))]
    if kind in CHANGES:
        return CHANGES[kind](run(steps, begin(field)).rgb, random)
    sight = begin(field if kind == "rims" else find(cells_removed(field)))
    if kind == "rims":
        cells = _rims(sight.field.cells)
    elif kind == "erythrocytes":
        cells = _erythrocytes(sight.rgb, random)
    else:
        cells = _blobs(sight.rgb.shape[:2], random)
    return run(steps, replace(sight, mask=cells)).rgb


def _rims(cells: Array) -> Array:
    """Return the outermost pixels of the cells: what careless painting leaves of them."""
    width = max(2, round(0.018 * min(cells.shape)))
    core = cv2.erode(cells.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2))
    return np.asarray(cells & ~core.view(bool))


def _erythrocytes(rgb: Array, random: np.random.Generator) -> Array:
    """Return a mask of some of the stained things on a picture whose leukocytes are painted out."""
    away = cv2.absdiff(rgb, np.full_like(rgb, background_colour(rgb))).max(axis=2)
    mask = cv2.morphologyEx((away > 40).view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(mask)
    chosen = np.less(random.random(count), random.uniform(0.1, 0.7))
    chosen[0] = False
    return np.asarray(chosen[labels])


def _blobs(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return a mask of one to twenty ellipses of about a leukocyte's size."""
    mask = np.zeros(shape, np.uint8)
    side = min(shape)
    for _ in range(int(random.integers(1, 21))):
        centre = tuple(int(v) for v in random.uniform(0, 1, 2) * shape[::-1])
        axes = tuple(int(v) for v in side * random.uniform(0.03, 0.10, 2) + 1)
        cv2.ellipse(mask, centre, axes, float(random.uniform(0, 180)), 0, 360, 1, cv2.FILLED)
    return mask.view(bool)


def _close_up(rgb: Array, random: np.random.Generator) -> Array:
    """Return the input two to five times too close, around one of its cells; half the time that cell alone."""
    height, width = rgb.shape[:2]
    count, parts, _, centres = cv2.connectedComponentsWithStats((rgb.min(axis=2) < 235).view(np.uint8))
    if count < 2:
        return rgb
    chosen = int(random.integers(1, count))
    if random.random() < 0.5:
        rgb = np.where((parts == chosen)[..., None], rgb, WHITE).astype(np.uint8)
    centre = centres[chosen]
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), 0, random.uniform(2, 5))
    matrix[:, 2] += np.array([width, height]) * random.uniform(0.4, 0.6, 2) - centre
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(WHITE,) * 3))


def _far_away(rgb: Array, random: np.random.Generator) -> Array:
    """Return the input two to three times too small, in the middle of white."""
    height, width = rgb.shape[:2]
    factor = random.uniform(0.33, 0.5)
    small = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    placed = np.full_like(rgb, WHITE)
    placed[top : top + small.shape[0], left : left + small.shape[1]] = small
    return placed


def _recoloured(rgb: Array, random: np.random.Generator) -> Array:
    """Return the input in a hue that no Romanowsky stain has; white stays white."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(random.integers(40, 141))) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


CHANGES = {"close_up": _close_up, "far_away": _far_away, "recoloured": _recoloured}
