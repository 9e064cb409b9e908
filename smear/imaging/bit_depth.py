"""Samples of more than 8 bits, brought to 8 by the depth that a picture's values use.

The smallest of 8, 10, 12, 14 and 16 bits that holds all but a thousandth of the values. Cameras store 12-bit values in
16-bit files without saying so, and scaled by the container such a picture is black. One hot pixel is no reason to think
that a sensor is deeper. A bright field reaches near the top of its range, so this seldom mistakes the depth; the note
tells which was used.
"""

import cv2
import numpy as np

from smear.arrays import Array

DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras use
OUTSIDE = 0.001  # of the values may be larger: hot pixels
_STEP = 256  # every depth ends with a bin of the histogram


def depth_of(samples: Array) -> int:
    """Return how many bits the values of uint16 samples, (H, W) or (H, W, C), use: one of DEPTHS."""
    channels = [samples] if samples.ndim == 2 else [samples[..., c] for c in range(samples.shape[2])]
    counts = sum(
        cv2.calcHist([np.ascontiguousarray(channel)], [0], None, [2**16 // _STEP], [0, 2**16]).ravel()
        for channel in channels
    )
    below = np.cumsum(counts, dtype=np.float64)
    return next(depth for depth in DEPTHS if below[2**depth // _STEP - 1] >= (1 - OUTSIDE) * below[-1])


def scaled(samples: Array, depth: int) -> Array:
    """Return round(value * 255 / (2^depth - 1)) of uint16 samples, at most 255, as uint8 of the same shape."""
    eight: Array = cv2.convertScaleAbs(np.ascontiguousarray(samples), alpha=255 / (2**depth - 1))
    return eight.reshape(samples.shape)


def depth_note(depth: int) -> str:
    """Say which depth was taken for the picture's."""
    return f"Values of {depth} bits were scaled to 8 bits."
