"""Which pixels of the leukocytes are nucleus: what the network says, told apart once more by the picture's own dyes."""

import cv2
import numpy as np

from smear.arrays import Array

SURE = 0.35  # a pixel of a cell is nucleus above this: at one half nuclei come out 4 % smaller than drawn ones
CERTAIN = 0.9  # how sure the network is of what teaches it the picture's own dyes
ENOUGH, ENOUGH_SHARE = 40, 0.04  # pixels of nucleus and of cytoplasm, and share of all, to learn them from
MOST_EVIDENCE = 6.0  # log odds that colour alone may bring
SMOOTHED = 0.06  # of the cell's diameter: what of a nucleus is thinner is a shadow at the rim
SCRAP = 0.08  # of a nucleus: smaller pieces are shadows too; the lobes of a neutrophil are larger


def by_dyes(density: Array, labels: Array, said: Array) -> Array:
    """Return how surely a pixel is nucleus, float32 (h, w): what the network says, told apart by this picture's dyes.

    Linear discriminant analysis (Fisher 1936) of the optical densities of what it is sure of decides half of the rest.
    """
    at = np.flatnonzero(labels)
    here = said.ravel()[at]
    nucleus, cytoplasm = here > CERTAIN, here < 1 - CERTAIN
    count = np.count_nonzero(nucleus), np.count_nonzero(cytoplasm)
    if min(count) < max(ENOUGH, ENOUGH_SHARE * sum(count)):
        return said
    smooth = cv2.blur(density, (3, 3)).reshape(-1, 3)[at]
    one, other = smooth[nucleus], smooth[cytoplasm]
    spread = (np.cov(one.T) + np.cov(other.T)) / 2 + 1e-3 * np.eye(3)
    direction = np.linalg.solve(spread, one.mean(axis=0) - other.mean(axis=0)).astype(np.float32)
    by_dye = smooth @ direction - float((one.mean(axis=0) + other.mean(axis=0)) @ direction) / 2
    share = np.clip(here, 1e-4, 1 - 1e-4)
    evidence = (np.log(share / (1 - share)) + np.clip(by_dye, -MOST_EVIDENCE, MOST_EVIDENCE)) / 2
    both = said.copy()
    both.ravel()[at] = 1 / (1 + np.exp(-evidence))
    return both


def clean(shares: Array, labels: Array, width: float) -> Array:
    """Return the nuclei, bool (h, w), of `shares`, how surely a pixel is nucleus, inside `labels`, both (h, w).

    Without shadows at the rim: nothing thin beside cells `width` pixels across, and no scraps.
    """
    return _without_scraps(_smooth(shares > SURE, SMOOTHED * width) & (labels > 0), labels)


def _smooth(nuclei: Array, width: float) -> Array:
    """Return `nuclei`, bool (h, w), without what is thinner than `width` pixels, and without such gaps."""
    size = 2 * round(width / 2) + 1
    if size < 3:
        return nuclei
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx(nuclei.view(np.uint8), cv2.MORPH_CLOSE, disc)
    return cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc).view(bool)


def _without_scraps(nuclei: Array, labels: Array) -> Array:
    """Return `nuclei`, bool (h, w), without pieces that are small beside the rest of the same cell's nucleus."""
    count, pieces = cv2.connectedComponents(nuclei.view(np.uint8))
    at = np.flatnonzero(pieces)
    piece, label = pieces.ravel()[at], labels.ravel()[at]
    cell = np.zeros(count, np.int32)
    cell[piece] = label
    whole = np.bincount(label, minlength=1)
    kept = np.bincount(piece, minlength=count) >= SCRAP * whole[cell]
    kept[0] = False
    return kept[pieces]
