"""Samples of more than 8 bits, brought to 8 by the depth that a picture's values use.

The smallest of 8, 10, 12, 14 and 16 bits that holds the largest value. Cameras store 12-bit values in 16-bit files
without saying so, and scaled by the container such a picture is black. A bright field reaches near the top of its
range, so this seldom mistakes the depth; the note tells which was used.
"""

import cv2
import numpy as np

from smear.arrays import Array

DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras use
OPAQUE = 2**16 - 1  # alpha always uses the full range
TRANSPARENT = "Transparent parts were laid over white."


def eight_bits(samples: Array, white_is_zero: bool = False) -> tuple[Array, str]:
    """Return round(value * 255 / (2^depth - 1)), uint8 RGB (H, W, 3), and a note of what was done.

    samples: uint16, grey (H, W), BGR (H, W, 3) or BGRA (H, W, 4), as OpenCV reads them; alpha is laid over white.
    """
    alpha = samples[..., 3] if samples.ndim == 3 and samples.shape[2] == 4 else None
    colours = samples if alpha is None else samples[..., :3]
    largest = int(colours.max())
    depth = next(depth for depth in DEPTHS if largest < 2**depth)
    note = f"Values of {depth} bits were scaled to 8 bits."
    eight: Array = cv2.convertScaleAbs(colours, alpha=255 / (2**depth - 1))
    if white_is_zero:
        eight = 255 - eight
    rgb = cv2.cvtColor(eight, cv2.COLOR_GRAY2RGB if eight.ndim == 2 else cv2.COLOR_BGR2RGB)
    if alpha is not None and int(alpha.min()) < OPAQUE:
        opacity = (alpha / np.float32(OPAQUE))[..., None]
        rgb = np.rint(255 - (255 - rgb) * opacity).astype(np.uint8)
        note += " " + TRANSPARENT
    return rgb, note
