"""Outlines of masks as SVG path data."""

import cv2
import numpy as np

from smear.arrays import Array

TOLERANCE = 0.4  # px by which a drawn outline may leave the mask's edge


def svg_path(mask: Array, tolerance: float = TOLERANCE, factor: float = 1.0) -> str:
    """Return the outline of a mask's parts and holes as SVG path data, in whole units of `factor` to the pixel."""
    # Contours run through the centres of pixels, the edge half a pixel further out. Twice as large, the centres are a
    # quarter of a pixel from the edge, and rounding to whole pixels puts them on it.
    twice = np.pad(np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1), 1)
    contours, _ = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    pieces = []
    for contour in contours:
        corners = cv2.approxPolyDP(contour, 2 * tolerance, True).reshape(-1, 2)
        points = np.rint((corners - 0.5) * (factor / 2)).astype(int)
        steps = np.diff(points, axis=0)
        steps = steps[np.any(steps != 0, axis=1)]
        if len(steps) < 2:
            continue
        x, y = points[0]
        pieces.append(f"M{x} {y}l" + " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-") + "z")
    return "".join(pieces)


def outlines(labels: Array, tolerance: float = TOLERANCE, factor: float = 1.0) -> str:
    """Return the outlines of all cells of a labelling as SVG path data: cells that touch keep their common border."""
    pieces = []
    for label in range(1, int(labels.max(initial=0)) + 1):
        x, y, w, h = cv2.boundingRect((labels == label).view(np.uint8))
        alone = np.zeros((y + h, x + w), bool)
        alone[y:, x:] = labels[y : y + h, x : x + w] == label
        pieces.append(svg_path(alone, tolerance, factor))
    return "".join(pieces)
