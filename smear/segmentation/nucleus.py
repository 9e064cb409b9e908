"""Which pixels of the leukocytes are nucleus: what the network says, corrected by the picture's own dyes."""

import cv2
import numpy as np

from smear.arrays import Array

THRESHOLD = (
    0.35  # a pixel of a cell is nucleus above this probability: at one half nuclei come out 3 % smaller than drawn ones
)
CERTAIN = 0.9  # how sure the network is of what teaches it the picture's own dyes
ENOUGH, ENOUGH_SHARE = 40, 0.04  # pixels of nucleus and of cytoplasm, and share of all, to learn them from
MOST_EVIDENCE = 6.0  # log odds that colour alone may bring
AGREES = 0.9  # of the pixels of either kind that it is sure of, on their side of the cut
LEVELS = 10  # of 256 between the least and the most violet pixel: so far from the cut, the odds are e to 1
MEDIAN = 3  # px
SMOOTHED = 0.04  # of the cell's diameter: what of a nucleus is thinner is a shadow at the rim
SCRAP = 0.08  # of a nucleus: smaller pieces are shadows too; the lobes of a neutrophil are larger


def refine_nucleus(balanced: Array, density: Array, labels: Array, nucleus_probability: Array) -> Array:
    """Return how probably a pixel is nucleus, float32 (h, w): what the network says, corrected by this picture's dyes.

    The network tends to take the dark rim of a cell that is out of focus or reddish for nucleus. Two things know
    better. Linear discriminant analysis (Fisher 1936) of the optical densities of what it is certain of counts as much
    as it does; Otsu's cut (1979) of `violet` within the cells as much as both. The cut counts only where what the
    network is certain of lies on either side of it: in pale blasts without much cytoplasm it goes through the
    chromatin.

    balanced: white-balanced RGB uint8 (h, w, 3); density: its optical density, float32 (h, w, 3).
    """
    at = np.flatnonzero(labels)
    here = nucleus_probability.ravel()[at]
    nucleus, cytoplasm = here > CERTAIN, here < 1 - CERTAIN
    count = np.count_nonzero(nucleus), np.count_nonzero(cytoplasm)
    if min(count) < max(ENOUGH, ENOUGH_SHARE * sum(count)):
        return nucleus_probability
    smooth = cv2.blur(density, (3, 3)).reshape(-1, 3)[at]
    share = np.clip(here, 1e-4, 1 - 1e-4)
    learnt = (np.log(share / (1 - share)) + _by_density(smooth, nucleus, cytoplasm)) / 2
    cut = _by_cut(violet(balanced).ravel()[at])
    agrees = min(np.mean(cut[nucleus] > 0), np.mean(cut[cytoplasm] <= 0)) > AGREES
    evidence = (learnt + cut) / 2 if agrees else learnt
    refined = nucleus_probability.copy()
    refined.ravel()[at] = 1 / (1 + np.exp(-evidence))
    return refined


def violet(rgb: Array) -> Array:
    """Return saturation minus green of uint8 RGB (h, w, 3), smoothed: int16 (h, w), -255..255, highest in nuclei."""
    smooth = cv2.medianBlur(rgb, MEDIAN)
    saturation = cv2.extractChannel(cv2.cvtColor(smooth, cv2.COLOR_RGB2HSV), 1)
    return cv2.subtract(saturation, cv2.extractChannel(smooth, 1), dtype=cv2.CV_16S)


def _by_density(density: Array, nucleus: Array, cytoplasm: Array) -> Array:
    """Return the log odds of nucleus of pixels, by what is surely nucleus and surely cytoplasm among them."""
    dark, pale = density[nucleus], density[cytoplasm]
    spread = (np.cov(dark.T) + np.cov(pale.T)) / 2 + 1e-3 * np.eye(3)
    direction = np.linalg.solve(spread, dark.mean(axis=0) - pale.mean(axis=0)).astype(np.float32)
    middle = float((dark.mean(axis=0) + pale.mean(axis=0)) @ direction) / 2
    result: Array = np.clip(density @ direction - middle, -MOST_EVIDENCE, MOST_EVIDENCE)
    return result


def _by_cut(values: Array) -> Array:
    """Return the log odds of nucleus of pixels by how far their value lies from Otsu's cut."""
    low, high = int(values.min()), int(values.max())
    levels = ((values - low) * (255 / max(1, high - low))).astype(np.uint8)
    cut, _ = cv2.threshold(levels[None], 0, 255, cv2.THRESH_OTSU)
    return np.clip((levels - np.float32(cut)) / LEVELS, -MOST_EVIDENCE, MOST_EVIDENCE)


def clean(nucleus_probability: Array, labels: Array, width: float) -> Array:
    """Return the nuclei, bool (h, w), of a probability of nucleus inside `labels`, both (h, w).

    Without shadows at the rim: nothing thin beside cells `width` pixels across, and no scraps.
    """
    return _without_scraps(_smooth(nucleus_probability > THRESHOLD, SMOOTHED * width) & (labels > 0), labels)


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
    keep = np.bincount(piece, minlength=count) >= SCRAP * whole[cell]
    keep[0] = False
    result: Array = keep[pieces]
    return result
