"""How large the erythrocytes of a field are: the one measure that every smear brings along, whatever the camera."""

import cv2
import numpy as np

from smear.arrays import Array
from smear.segmentation.field import Field
from smear.segmentation.thresholds import otsu

DENSEST = 0.8  # green optical density: what is darker beside the leukocytes is dirt or precipitate
STAINED = 0.06  # of green optical density, at least: below it a pixel is background
SIZES = 0.35, 0.85  # of a leukocyte's diameter: what is smaller is a platelet, what is larger a clump
FEWEST = 5  # in sight; of fewer the median says nothing
SPREAD = 0.2  # of the median, by which half of them may differ: else they are no erythrocytes


def erythrocyte_diameter(field: Field) -> float | None:
    """Return the median diameter of a field's erythrocytes in pixels of the picture; None where too few are in sight.

    They are what is stained beside the leukocytes. Each has a point that lies deepest in it, also where some touch or
    overlap; twice that depth is its diameter, about 7.2 micrometres in normal blood (6.2 to 8.2, Turgeon, Clinical
    Hematology).
    """
    sizes = np.bincount(field.labels.ravel(), minlength=len(field) + 1)[1:]
    whole = sizes[(sizes > 0) & ~field.cut]
    if not len(whole):
        return None
    leukocyte = float(np.sqrt(4 * np.median(whole) / np.pi))
    depths = _depths(_stained(field), leukocyte)
    low, high = (share * leukocyte / 2 for share in SIZES)
    radii = depths[(depths >= low) & (depths <= high)]
    if len(radii) < FEWEST:
        return None
    middle = float(np.median(radii))
    if float(np.median(np.abs(radii - middle))) > SPREAD * middle:
        return None
    return 2 * middle * field.scale


def _stained(field: Field) -> Array:
    """Return what is stained and no leukocyte, with pale middles filled, uint8 0/1 (h, w)."""
    green = np.clip(cv2.blur(field.density[..., 1], (3, 3)), 0, DENSEST)
    around = cv2.dilate(field.cells.view(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    beside = ~around if field.surround is None else ~around & (field.surround == 0)
    if np.count_nonzero(beside) < FEWEST:
        return np.zeros(green.shape, np.uint8)
    stained = ((green > max(STAINED, otsu(green[beside], DENSEST))) & beside).view(np.uint8)
    contours, hierarchy = cv2.findContours(stained, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    filled = stained.copy()
    for contour, (_next, _before, _child, parent) in zip(contours, hierarchy[0] if contours else (), strict=True):
        hole, around_it = cv2.contourArea(contour), cv2.contourArea(contours[parent]) if parent >= 0 else 0.0
        if parent >= 0 and hole < 0.5 * around_it:
            cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    return np.where(beside, filled, 0).astype(np.uint8)


def _depths(stained: Array, leukocyte: float) -> Array:
    """Return the depth of each deepest point of uint8 (h, w) that the border of the picture does not cut, in pixels."""
    depth = cv2.distanceTransform(stained, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    size = 2 * max(1, round(SIZES[0] * leukocyte / 2)) + 1
    highest = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    _count, _labels, _stats, centres = cv2.connectedComponentsWithStats(
        ((depth == highest) & (depth >= SIZES[0] * leukocyte / 2)).view(np.uint8)
    )
    radii = []
    height, width = stained.shape
    for x, y in np.rint(centres[1:]).astype(int):
        radius = float(depth[y, x])
        if min(x, y, width - 1 - x, height - 1 - y) > radius:
            radii.append(radius)
    return np.array(radii)
