"""One stain for all laboratories: the optical density of a cell, evened out by its own densest part."""

import cv2
import numpy as np

from smear.arrays import Array

BACKGROUND = 245  # from here on a pixel's darkest channel is background, painted or real
MOST = 2.5  # density beyond which a channel is black, and how black is the camera's noise
DENSEST = 0.35  # the share of a cell's pixels that are its nucleus, or its granules
FEWEST = 30  # stained pixels that say something of a stain
LEAST, STRONGEST = 0.3, 4.0  # factors: a pale, blurred cell is not blown up to noise


def evened(rgb: Array, target: tuple[float, float, float], amount: float) -> Array:
    """Return a cell on white, uint8 RGB (h, w, 3), with the optical density of its densest part near `target`.

    Measured is the densest third of what is not background, which is nucleus or granules whatever the stain. target:
    what its mean density (natural logarithm) is to be in each channel; amount: of the way there, 0 to 1. A picture with
    hardly any cell stays as it is.
    """
    density = np.minimum(-np.log((np.arange(256, dtype=np.float32) + 1) / 256), MOST)
    stained = density[rgb[rgb.min(axis=2) < BACKGROUND]]
    if len(stained) < FEWEST:
        return rgb
    total = stained.sum(axis=1)
    dense = np.maximum(stained[total >= np.quantile(total, 1 - DENSEST)].mean(axis=0), 0.05)
    factors = np.clip((np.array(target) / dense) ** amount, LEAST, STRONGEST)
    table = np.clip(256 * np.exp(-density[:, None] * factors) - 1, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table.reshape(256, 1, 3)))
