"""Pictures that are none of the model's business, made from the training pictures themselves.

A network that has only seen leukocytes gives anything one of its labels. Shown strangers in training, with the answer
"all labels alike" (outlier exposure: Hendrycks et al. 2019), it learns to be unsure, and abstention refuses them.
Everything here comes from the training part of a split, so nothing of the test pictures is learnt.
"""

from dataclasses import replace

import cv2
import numpy as np

from smear.arrays import Array
from smear.card import Step
from smear.leukocytes import background_colour
from smear.preprocess import Sight, begin, run
from training.groups import painted_out

KINDS = ("erythrocytes", "erythrocytes", "pieces", "close_up", "far_away", "recoloured")
LEFT_OVER_SHARE = 0.5  # of the pictures in which something is found although all leukocytes are painted out


def stranger(rgb: Array, steps: tuple[Step, ...], seed: int) -> Array:
    """Return a stranger made of a training picture, as the network would be given it: uint8 (h, w, 3)."""
    random = np.random.default_rng(seed)
    sight = begin(painted_out(rgb))
    if sight.leukocytes.cells.any() and random.random() < LEFT_OVER_SHARE:
        return run(steps, sight).rgb
    kind = KINDS[int(random.integers(len(KINDS)))]
    if kind in ("close_up", "far_away"):
        return _rescaled(run(steps, begin(rgb)).rgb, 0.4 if kind == "far_away" else 3.2, random)
    if kind == "recoloured":
        return _recoloured(run(steps, begin(rgb)).rgb, random)
    cells = _erythrocytes(sight.rgb, random) if kind == "erythrocytes" else _blobs(sight.rgb.shape[:2], random)
    return run(steps, Sight(sight.rgb, replace(sight.leukocytes, cells=cells))).rgb


def _erythrocytes(rgb: Array, random: np.random.Generator) -> Array:
    """Return a mask of some of the stained things on a picture whose leukocytes are painted out."""
    away = cv2.absdiff(rgb, np.full_like(rgb, background_colour(rgb))).max(axis=2)
    mask = cv2.morphologyEx((away > 40).view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(mask)
    chosen = np.less(random.random(count), random.uniform(0.1, 0.7))
    chosen[0] = False
    return chosen[labels]


def _blobs(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return a mask of one to twenty ellipses of about a leukocyte's size."""
    mask = np.zeros(shape, np.uint8)
    side = min(shape)
    for _ in range(int(random.integers(1, 21))):
        centre = tuple(int(v) for v in random.uniform(0, 1, 2) * shape[::-1])
        axes = tuple(int(v) for v in side * random.uniform(0.03, 0.10, 2) + 1)
        cv2.ellipse(mask, centre, axes, float(random.uniform(0, 180)), 0, 360, 1, cv2.FILLED)
    return mask.view(bool)


def _rescaled(seen: Array, factor: float, random: np.random.Generator) -> Array:
    """Return the input far too close or too far, around one of its cells, on white."""
    height, width = seen.shape[:2]
    rows, columns = np.nonzero(seen.min(axis=2) < 200)
    at = int(random.integers(len(rows))) if len(rows) else None
    centre = (float(columns[at]), float(rows[at])) if at is not None and factor > 1 else (width / 2, height / 2)
    matrix = cv2.getRotationMatrix2D(centre, 0, factor * random.uniform(0.8, 1.25))
    matrix[:, 2] += (width / 2 - centre[0], height / 2 - centre[1])
    return cv2.warpAffine(seen, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=(255, 255, 255))


def _recoloured(seen: Array, random: np.random.Generator) -> Array:
    """Return the input in a hue that no Romanowsky stain has; white stays white."""
    hsv = cv2.cvtColor(seen, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(random.integers(40, 141))) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
