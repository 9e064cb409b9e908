"""Pictures whose leukocytes can be outlined with confidence, because more is known of them than of a field.

Two teachers that `smear.segmentation.find.find` cannot ask:

* a single cell in the middle of its picture (PBC): GrabCut (Rother et al. 2004) between the nucleus and all that is
  far from it;
* fields of one laboratory for which the thresholds were set and looked at (Taleghani), and drawn fields.

What a teacher doubts is labelled `UNSURE` and takes no part in the loss.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour, optical_density
from smear.segmentation import thresholds

OUTSIDE, CYTOPLASM, NUCLEUS, UNSURE = 0, 1, 2, 255

PALE = 0.06  # optical density: as good as background
REACH = 0.75  # of the nucleus diameter: how far cytoplasm may lie from it
TWO_TONES = 1.45  # the darker half of what is dark is this much denser: then the paler half is blue cytoplasm
ONE_TONE = 1.33  # below: all of it is nucleus; between the two nobody knows
BIG_OF_TYPICAL = 0.25  # violet things of this share of a leukocyte, which are none, may be one after all
FALLBACK = 0.0015  # of the picture: the size of a leukocyte where none was found


@dataclass(frozen=True)
class Labelled:
    """A picture, uint8 RGB (h, w, 3), and for every pixel its class (uint8) and its leukocyte (uint8, 0 for none)."""

    rgb: Array
    classes: Array
    instances: Array


def disc(radius: int) -> Array:
    """Return a structuring element of that radius."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def field(rgb: Array) -> Labelled:
    """Return a field with what the thresholds are sure of."""
    thresholded = thresholds.find(rgb)
    inner = cv2.erode(thresholded.cells.view(np.uint8), disc(1)).view(bool)
    classes = np.where(inner, CYTOPLASM, np.where(thresholded.cells, UNSURE, OUTSIDE)).astype(np.uint8)  # no sure rim
    classes[thresholded.nuclei] = NUCLEUS
    labels = thresholded.labels()
    areas = np.bincount(labels.ravel())[1:]
    typical = float(np.median(areas[areas > 0])) if areas.any() else FALLBACK * classes.size
    rest = (thresholded.violet & ~thresholded.cells).view(np.uint8)
    count, parts, table, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(rest, cv2.MORPH_OPEN, disc(1)))
    doubtful = np.zeros(count, bool)
    doubtful[1:] = table[1:, cv2.CC_STAT_AREA] > BIG_OF_TYPICAL * typical
    classes[cv2.dilate(doubtful[parts].view(np.uint8), disc(2)).view(bool) & ~thresholded.cells] = UNSURE
    return Labelled(thresholded.small, classes, labels.astype(np.uint8))


def _nucleus(density: Array, where: Array) -> Array | None:
    """Return the nucleus among the pixels `where`, bool (h, w); None where it cannot be told from the cytoplasm."""
    red, green, blue = cv2.split(density)
    violet = cv2.GaussianBlur(cv2.subtract(green, blue), (0, 0), 1.5)
    # Nuclei absorb red, granules of eosinophils and erythrocytes hardly do.
    dark = cv2.GaussianBlur(red, (0, 0), 2.0)
    values = dark[where & (violet > 0.5 * thresholds.VIOLET_FLOOR)]
    if values.size < 100:
        return None
    ceiling = float(np.quantile(values, 0.95))
    if ceiling < 0.1:
        return None
    threshold = thresholds.otsu(dark.ravel(), ceiling)
    # Away from its blurred rim and smoothed over its chromatin, a nucleus has one tone; blue cytoplasm is a second.
    core = cv2.erode(((dark > threshold) & where).view(np.uint8), disc(4)).view(bool)
    inside = cv2.GaussianBlur(red, (0, 0), 3.0)[core]
    if inside.size:
        second = thresholds.otsu(inside, ceiling)
        paler, darker = inside[inside <= second], inside[inside > second]
        if min(paler.size, darker.size) > 0.1 * inside.size:
            step = float(np.median(darker) / np.median(paler))
            if step > TWO_TONES:
                threshold = second
            elif step > ONE_TONE:
                return None
    # The edge is half-way between what lies inside and what lies around; Otsu's threshold is nearer the background.
    rough = ((dark > threshold) & where).view(np.uint8)
    deep = cv2.erode(rough, disc(4)).view(bool)
    around = (cv2.dilate(rough, disc(9)) > 0) & (cv2.dilate(rough, disc(5)) == 0) & where
    if deep.any() and around.any():
        threshold = max(threshold, float(np.median(dark[deep]) + np.median(dark[around])) / 2)
    nucleus: Array = ((dark > threshold) & (violet > 0.4 * thresholds.VIOLET_FLOOR)).view(np.uint8)
    nucleus = cv2.morphologyEx(cv2.morphologyEx(nucleus, cv2.MORPH_OPEN, disc(2)), cv2.MORPH_CLOSE, disc(2))
    contours, hierarchy = cv2.findContours(nucleus, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for contour, (_, _, _, parent) in zip(contours, hierarchy[0] if contours else (), strict=True):
        if parent >= 0 and cv2.contourArea(contour) < 0.05 * nucleus.sum():
            cv2.drawContours(nucleus, [contour], -1, 1, cv2.FILLED)
    return np.asarray(nucleus.view(bool))


def middle_cell(rgb: Array) -> Labelled | None:
    """Return a picture of one leukocyte in its middle (as in PBC); None where the teacher is not sure of it."""
    height, width = rgb.shape[:2]
    smooth = cv2.medianBlur(rgb, 3)
    density = optical_density(smooth, background_colour(smooth))
    rows, columns = np.mgrid[:height, :width]
    near = np.hypot(columns - width / 2, rows - height / 2) < 0.33 * min(height, width)
    dark = _nucleus(density, near)
    if dark is None:
        return None
    nucleus = dark & _most_central(cv2.dilate(dark.view(np.uint8), disc(6)))
    if not nucleus.any():
        return None
    diameter = 2 * np.sqrt(nucleus.sum() / np.pi)
    fence = cv2.dilate(nucleus.view(np.uint8), disc(int(max(8, REACH * diameter)))).view(bool)
    cell = _grab(density, nucleus, fence, diameter)
    if cell is None or _ran_wild(cell, fence):
        return None
    classes = cell.astype(np.uint8)
    classes[nucleus] = NUCLEUS
    # Other large dark things in the picture are neighbours, of which nothing is known.
    neighbours = cv2.morphologyEx((dark & ~cell).view(np.uint8), cv2.MORPH_OPEN, disc(int(max(3, 0.1 * diameter))))
    classes[cv2.dilate(neighbours, disc(int(0.4 * diameter))).view(bool) & ~cell] = UNSURE
    return Labelled(rgb, classes, cell.astype(np.uint8))


def _most_central(mask: Array) -> Array:
    count, parts, table, centres = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return np.zeros(mask.shape, bool)
    middle = np.array(mask.shape[::-1]) / 2
    away = np.hypot(*(centres[1:] - middle).T) - 0.5 * np.sqrt(table[1:, cv2.CC_STAT_AREA])
    return np.asarray(parts == 1 + int(away.argmin()))


def _grab(density: Array, nucleus: Array, fence: Array, diameter: float) -> Array | None:
    """Return the whole cell around `nucleus` and inside `fence`, bool (h, w)."""
    marks = np.where(fence, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    marks[fence & (density.max(axis=2) < PALE)] = cv2.GC_PR_BGD
    contours, _ = cv2.findContours(nucleus.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.fillConvexPoly(np.zeros(nucleus.shape, np.uint8), cv2.convexHull(np.vstack(contours)), 1)
    marks[hull > 0] = cv2.GC_PR_FGD
    marks[cv2.dilate(nucleus.view(np.uint8), disc(1)) > 0] = cv2.GC_FGD
    picture = np.clip(cv2.GaussianBlur(density, (0, 0), 1.0) * 120, 0, 255).astype(np.uint8)
    try:
        cv2.setRNGSeed(0)
        cv2.grabCut(picture, marks, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # no pixel left on one side
        return None
    cell = cv2.morphologyEx(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).view(np.uint8), cv2.MORPH_CLOSE, disc(2))
    cell = cv2.morphologyEx(cell | nucleus, cv2.MORPH_OPEN, disc(max(2, int(0.09 * diameter)))) | nucleus
    contours, _ = cv2.findContours(cell, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    filled = np.zeros(cell.shape, np.uint8)
    cv2.drawContours(filled, [largest], -1, 1, cv2.FILLED)
    if np.count_nonzero(nucleus & (filled == 0)) > 0.02 * nucleus.sum():
        return None
    return (filled | nucleus).view(bool)


def _ran_wild(cell: Array, fence: Array) -> bool:
    """Return whether the outline is ragged, leaves the picture or follows the fence: then it is not the cell's."""
    if cell[[0, -1]].any() or cell[:, [0, -1]].any():
        return True
    contours, _ = cv2.findContours(cell.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solidity = cell.sum() / max(1.0, cv2.contourArea(cv2.convexHull(np.vstack(contours))))
    rim = cell & (cv2.erode(cell.view(np.uint8), disc(1)) == 0)
    at_fence = rim & (cv2.erode(fence.view(np.uint8), disc(1)) == 0)
    return bool(solidity < 0.93 or at_fence.sum() > 0.06 * rim.sum())
