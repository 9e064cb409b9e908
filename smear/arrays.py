"""The one name for a NumPy array in signatures, and a comparison; shapes and units stand in the docstrings."""

from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def compare(values: Array, limit: float, how: int) -> Array:
    """Return where `values` compare with a number as `how` (cv2.CMP_GT and the like) says: uint8, 255 there, else 0."""
    # The stub of OpenCV leaves numbers out.
    compared: Array = cv2.compare(values, limit, how)  # type: ignore[call-overload]
    return compared
