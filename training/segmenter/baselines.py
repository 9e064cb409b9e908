"""Two ways of finding leukocytes that fit in a few lines each; what does not beat them is not needed.

Each takes uint8 RGB (H, W, 3) and returns the masks of nuclei and of whole cells, bool (H, W).
"""

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.hsv import in_hsv_range
from smear.segmentation.nucleus import MEDIAN, violet

# Blue to magenta, more than faintly coloured. The published systems give the way (median, HSV, inRange) but not the
# numbers; among round ones these come nearest to what one range can do on Zheng et al. (2018) and BCCD together.
LOWER, UPPER = (110, 60, 0), (175, 255, 255)
LEAST_CELL = 0.0016  # of the picture: smaller pieces are not counted as cells, in the Dice they stay


def multi_otsu(rgb: Array) -> tuple[Array, Array]:
    """Cut saturation minus green in three by Otsu's criterion: background and erythrocytes, cytoplasm, nucleus."""
    difference = violet(rgb)
    low, high = int(difference.min()), int(difference.max())
    values = np.rint((difference - low) * (255 / max(1, high - low))).astype(np.uint8)
    cytoplasm, nucleus = otsu_thresholds(np.bincount(values.ravel(), minlength=256))
    return values > nucleus, values > cytoplasm


def otsu_thresholds(counts: Array) -> tuple[int, int]:
    """Return the two values of a histogram (256,) above which its second and third class begin.

    Otsu (1979) for three classes, by looking at all pairs (Liao, Chen and Chung 2001): the largest between-class
    variance, which is the largest sum of (moment of the class)^2 / (weight of the class).
    """
    weight = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)
    moment = np.concatenate([[0], np.cumsum(counts * np.arange(256))]).astype(np.float64)
    mass = np.maximum(weight[None, :] - weight[:, None], 1)  # [a, b]: of the class a <= value < b; 1 for none
    within = (moment[None, :] - moment[:, None]) ** 2 / mass
    first, second = np.triu_indices(255, 1)
    best = (within[0, first + 1] + within[first + 1, second + 1] + within[second + 1, 256]).argmax()
    return int(first[best]), int(second[best])


def fixed_range(rgb: Array) -> tuple[Array, Array]:
    """Cut one fixed range out of HSV after a median, as the published systems do; it knows no cytoplasm of its own."""
    mask = in_hsv_range(cv2.medianBlur(rgb, MEDIAN), LOWER, UPPER)
    return mask, mask


def instances(cells: Array) -> Array:
    """Return the connected components of `cells` that are large enough for a leukocyte, int32 (H, W) from 1."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= LEAST_CELL * cells.size
    large[0] = False
    numbers = np.zeros(count, np.int32)
    numbers[large] = np.arange(1, large.sum() + 1)
    return np.asarray(numbers[labels])
