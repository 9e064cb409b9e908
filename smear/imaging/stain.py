"""The density of a stain: a picture as another laboratory would have stained it.

By Beer and Lambert's law twice the dye has twice the optical density, the negative logarithm of the light that passes,
in each colour its own multiple (Ruifrok and Johnston 2001). What is white has none, and stays white.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from smear.arrays import Array

GAINS = 0.25, 4.0  # of an optical density, at least and at most


def denser(rgb: Array, gains: Sequence[float]) -> Array:
    """Return uint8 RGB (h, w, 3) with the optical density of red, green and blue times their gains.

    TypeError where there are not three gains within GAINS.
    """
    if len(gains) != 3 or not all(GAINS[0] <= gain <= GAINS[1] for gain in gains):
        raise TypeError(f"three gains from {GAINS[0]} to {GAINS[1]}")
    light = (np.arange(256)[:, None] + 1) / 256
    table = np.clip(np.round(256 * light ** np.asarray(gains, np.float64) - 1), 0, 255).astype(np.uint8)
    result: Array = cv2.LUT(rgb, table.reshape(256, 1, 3))
    return result
