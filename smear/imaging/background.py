"""The colour of the slide where nothing is stained, and pictures told relative to it: lamp and white balance go."""

import cv2
import numpy as np

from smear.arrays import Array, compare

BACKGROUND_SHARE = 0.15  # the brightest share by green: nothing that is stained is among it in a gradable field
BLACK, BLACK_SHARE, BLACK_RIM = 24, 0.25, 0.95  # a cut-out's surround: up to this level; share of picture and of rim
LEAST_CUT_OUT = 0.004  # of the picture that has to be there beside the black
_DENSITY = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)


def background_colour(rgb: Array) -> Array:
    """Return the median colour (uint8 RGB) of the brightest pixels by green, the channel that every stain darkens."""
    green = cv2.extractChannel(rgb, 1)
    counts = np.cumsum(_histogram(green, None))
    cut = int(np.searchsorted(counts, (1 - BACKGROUND_SHARE) * counts[-1]))
    bright = compare(green, cut, cv2.CMP_GE)
    return np.array([_median(_histogram(cv2.extractChannel(rgb, c), bright)) for c in range(3)], np.uint8)


def black_surround(rgb: Array) -> Array | None:
    """Where a cell was cut out on black (as in C-NMC): uint8 mask (H, W); None for any other picture."""
    black = cv2.inRange(rgb, (0, 0, 0), (BLACK,) * 3)
    share = cv2.countNonZero(black) / black.size
    if not BLACK_SHARE < share < 1 - LEAST_CUT_OUT:
        return None
    rim = np.concatenate([black[0], black[-1], black[:, 0], black[:, -1]])
    return black if cv2.countNonZero(rim) > BLACK_RIM * rim.size else None


def white_balanced(rgb: Array, background: Array) -> Array:
    """Return `rgb` divided by its background colour (uint8 RGB (3,)): the lamp leaves the picture; uint8 (H, W, 3)."""
    ramp = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip(np.rint(ramp * (255 / np.maximum(background, 1).astype(np.float32))[None, :]), 0, 255)
    return cv2.LUT(rgb, table.astype(np.uint8).reshape(256, 1, 3))


def optical_density(rgb: Array, background: Array) -> Array:
    """Return -ln(I / I_background) per channel, float32 (H, W, 3), zero where brighter than the background."""
    table = np.maximum(_DENSITY[:, None] - _DENSITY[background][None, :], 0).astype(np.float32)
    return cv2.LUT(rgb, table.reshape(256, 1, 3))


def _histogram(channel: Array, mask: Array | None) -> Array:
    return cv2.calcHist([channel], [0], mask, [256], [0, 256]).ravel()


def _median(counts: Array) -> int:
    """Return the median, rounded down, of the 8-bit values that `counts` (256,) counts."""
    below, total = np.cumsum(counts), int(counts.sum())
    lower, upper = np.searchsorted(below, [(total - 1) // 2, total // 2], side="right")
    return int(lower + upper) // 2
