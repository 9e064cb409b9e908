"""Leukocytes by thresholds from the picture's own colours: how they were found before `smear.segmentation.find` had a
network.

It stays for two reasons: bundles keep seeing the masks that they were trained on (`preprocess.only_leukocytes`), and
it is one of the teachers of the network (`training.segmenter.labelling`).

The published systems smooth with a median filter and cut one fixed range out of HSV. A fixed range fails on the next
laboratory's stain, so the same two ideas are applied relative to the picture itself:

* Every channel is divided by the background colour and turned into optical density, -ln(I / I_background), which is
  proportional to the amount of dye (Beer-Lambert; Ruifrok and Johnston 2001). White balance comes for free.
* A Romanowsky nucleus absorbs green far more than blue, erythrocytes absorb both about alike. `violet` = density(green)
  - density(blue) is the logarithm of what HSV calls saturation for a violet hue, ln(B / G), and its threshold is Otsu's
  (1979) between this picture's erythrocytes and its nuclei. Matter that absorbs more red than green is blue-grey
  (HSV hue below violet): an erythrocyte in the bluish stains.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour, optical_density
from smear.segmentation.field import working_copy
from smear.segmentation.split_touching import nearest, typical

STAINED_DENSITY = 0.12  # below it a pixel is background
VIOLET_FLOOR = 0.22  # the palest nuclei measured (Pro-B slides) lie at 0.33 to 0.5, erythrocytes near 0.1
VIOLET_OF_NUCLEUS = 0.27  # median of a whole nucleus: shaded corners and erythrocyte rims pass the floor, not this
VIOLET_CEILING = 0.9  # nuclei of dark stains reach 3; clipped, they do not pull the threshold off the pale ones
CROWDED_SHARE = 0.12  # of the picture above the threshold: then violet erythrocytes may be among it
ABOVE_ERYTHROCYTES = 1.6  # a nucleus is at least this much more violet than the picture's median erythrocyte
SMALLEST_SHARE = 0.0016  # of the picture: smaller violet things are platelets, precipitate or letters
SMALL_OF_TYPICAL = 0.20  # of the typical nucleus in the same picture: what is smaller has to be compact
COMPACT = 0.88  # area over convex hull of a small lymphocyte; clumps of platelets are ragged
CLUMP = 3.0  # times the median component: larger ones are clumps and not typical
LEAST_SOLIDITY = 0.70  # area over convex hull: platelet clumps and scale bars are ragged
CYTOPLASM_OF_THRESHOLD = 0.55  # cytoplasm is as violet as this share of the nucleus threshold
CYTOPLASM_REACH = 0.30  # of the nucleus diameter
BINS = 128  # of the histogram that Otsu's threshold is taken from
SEPARATE_AT = 0.62  # of the distance-transform maximum: where touching nuclei are cut


@dataclass(frozen=True)
class Thresholded:
    """What was found, at the size of `small`, the working copy (uint8 RGB (h, w, 3)).

    nuclei, cells: bool (h, w); violet: bool (h, w), everything as violet as cytoplasm, of any size, platelets and
    precipitate too.
    """

    small: Array
    nuclei: Array
    cells: Array
    violet: Array

    def labels(self) -> Array:
        """Return which whole cell a pixel belongs to, int32 (h, w), 0 outside; readings do without."""
        return nearest(_separate(self.nuclei.view(np.uint8)), self.cells)


def otsu(values: Array, ceiling: float) -> float:
    """Return Otsu's threshold of `values` clipped to 0..ceiling (Otsu 1979: largest between-class variance)."""
    place = np.minimum((np.maximum(values, 0) * (BINS / ceiling)).astype(np.int64), BINS - 1)
    share = np.bincount(place, minlength=BINS) / max(1, values.size)
    middle = (np.arange(BINS) + 0.5) * (ceiling / BINS)
    below, moment = np.cumsum(share), np.cumsum(share * middle)
    apart = np.zeros_like(below)
    inside = (below > 0) & (below < 1)
    apart[inside] = (moment[-1] * below[inside] - moment[inside]) ** 2 / (below[inside] * (1 - below[inside]))
    return float(middle[int(apart.argmax())])


def violet_threshold(violet: Array, stained: Array) -> float:
    """Return how violet a pixel has to be for a nucleus of this picture."""
    values = violet[stained]
    if values.size < 16:
        return VIOLET_CEILING
    threshold = otsu(values, VIOLET_CEILING)
    below, above = values[values <= threshold], values[values > threshold]
    tinted = below[below > 0]  # what absorbs more red than green was set to 0 and says nothing of erythrocytes here
    typical_below = float(np.median(tinted)) if tinted.size else 0.0
    if above.size > CROWDED_SHARE * violet.size:
        # Either many leukocytes or, in a violet stain, erythrocytes that Otsu put on their side. In the second case
        # the wider gap is the one above them: between them and much darker nuclei, with a valley between.
        typical_above = float(np.median(above))
        second = ABOVE_ERYTHROCYTES * typical_above
        beyond = above[above > 1.1 * second]
        valley = int(np.count_nonzero(np.abs(above - second) < 0.1 * second))
        if beyond.size > max(valley, SMALLEST_SHARE * violet.size):
            upper_gap = float(np.median(beyond)) / typical_above
            if upper_gap * typical_below > typical_above or above.size > below.size:
                return second
    floor = ABOVE_ERYTHROCYTES * float(np.median(below)) if below.size else 0.0
    return max(threshold, min(floor, VIOLET_CEILING), VIOLET_FLOOR)


def find(rgb: Array) -> Thresholded:
    """Return the leukocytes of `rgb`, uint8 (H, W, 3), at least 16 px on each side."""
    small, _ = working_copy(rgb)
    smooth = cv2.medianBlur(small, 3)
    background = background_colour(smooth)
    density = optical_density(smooth, background)
    red, green, blue = cv2.split(density)
    violet = cv2.blur(cv2.subtract(green, blue), (3, 3))
    redder = cv2.blur(cv2.subtract(green, red), (3, 3)) > 0
    stained = cv2.max(cv2.max(red, green), blue) > STAINED_DENSITY
    redder |= violet > VIOLET_CEILING  # the darkest lymphocytes have no red left to tell by
    violet[~redder] = 0
    threshold = violet_threshold(violet, stained)
    nuclei = _plausible(((violet > threshold) & redder).view(np.uint8), violet)
    tinted = (violet > CYTOPLASM_OF_THRESHOLD * threshold) & redder & stained
    cells = _with_cytoplasm(nuclei, tinted)
    return Thresholded(small, nuclei.view(bool), cells.view(bool), tinted)


def _plausible(mask: Array, violet: Array) -> Array:
    """Keep filled components that are as large, as compact and as violet as a nucleus; uint8 0/1 (h, w)."""
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = np.array([cv2.contourArea(c) for c in contours])
    nuclei = np.zeros_like(mask)
    if not contours or areas.sum() == 0:
        return nuclei
    smallest = SMALLEST_SHARE * mask.size
    large = areas[areas >= smallest]
    if not len(large):
        return nuclei
    middling = min(typical(areas), CLUMP * float(np.median(large)))
    for contour, area in zip(contours, areas, strict=True):
        if area < smallest:
            continue
        solidity = area / max(1.0, cv2.contourArea(cv2.convexHull(contour)))
        if solidity < (COMPACT if area < SMALL_OF_TYPICAL * middling else LEAST_SOLIDITY) and area < middling:
            continue
        x, y, w, h = cv2.boundingRect(contour)
        inside = violet[y : y + h, x : x + w][mask[y : y + h, x : x + w] > 0]
        if np.median(inside) < VIOLET_OF_NUCLEUS:
            continue
        cv2.drawContours(nuclei, [contour], -1, 1, cv2.FILLED)
    return nuclei


def _separate(nuclei: Array) -> Array:
    """Label touching nuclei apart by the cores of their distance transform; int32 (h, w), 0 outside."""
    if not nuclei.any():
        return np.zeros(nuclei.shape, np.int32)
    depth = cv2.distanceTransform(nuclei, cv2.DIST_L2, 3)
    count, parts = cv2.connectedComponents(nuclei)
    inside = parts > 0
    # The deepest point of every part: written in the order of depth, it is written last.
    depths = depth[inside]
    order = np.argsort(depths)
    peaks = np.full(count, np.inf, np.float32)
    peaks[parts[inside][order]] = depths[order]
    cores = (depth >= SEPARATE_AT * peaks[parts]).view(np.uint8)
    core_count, seeds = cv2.connectedComponents(cores)
    if core_count == count:
        return parts
    markers = seeds.astype(np.int32)
    markers[nuclei == 0] = core_count  # the outside is a basin of its own
    relief = cv2.cvtColor(cv2.convertScaleAbs(depth, alpha=-4, beta=255), cv2.COLOR_GRAY2BGR)
    cv2.watershed(relief, markers)
    markers[(nuclei == 0) | (markers == core_count)] = 0
    result: Array = np.maximum(markers, 0)
    return result


def _with_cytoplasm(nuclei: Array, tinted: Array) -> Array:
    """Grow `nuclei` into the tinted matter around them by at most a share of their own width; uint8 0/1."""
    if not nuclei.any():
        return nuclei.copy()
    width = 2 * float(cv2.distanceTransform(nuclei, cv2.DIST_L2, 3).max())
    reach = max(1, round(CYTOPLASM_REACH * width))
    around = cv2.dilate(nuclei, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    cells = cv2.morphologyEx(
        nuclei | (around & tinted.view(np.uint8)),
        cv2.MORPH_OPEN,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)),
    )
    contours, _ = cv2.findContours(cells | nuclei, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros_like(cells)
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        if nuclei[y : y + h, x : x + w].any():
            cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    # One pixel of rim: the membrane itself is too pale for any threshold.
    return cv2.dilate(filled, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
