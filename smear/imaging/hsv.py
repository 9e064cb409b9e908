"""Colours by hue, saturation and value."""

from collections.abc import Sequence

import cv2

from smear.arrays import Array


def in_hsv_range(rgb: Array, lower: Sequence[int], upper: Sequence[int]) -> Array:
    """Return which pixels lie between two HSV colours, both included, bool (h, w).

    In OpenCV's units: hue 0 to 179, saturation and value 0 to 255. A lower hue above the upper one goes round by red.
    """
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    (low, *rest_low), (high, *rest_high) = lower, upper
    if low <= high:
        return cv2.inRange(hsv, (low, *rest_low), (high, *rest_high)) > 0
    red = cv2.inRange(hsv, (low, *rest_low), (179, *rest_high))
    return cv2.bitwise_or(red, cv2.inRange(hsv, (0, *rest_low), (high, *rest_high))) > 0
