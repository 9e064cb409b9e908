"""What only looks like a leukocyte: specks, violet erythrocytes, platelets, dirt. Told by the rest of the picture."""

import cv2
import numpy as np

from smear.arrays import Array
from smear.segmentation.split_touching import THRESHOLD, diameter, typical

SMALLEST = 6.0  # pixels across in the network's view: smaller things are specks
SMALL_OF_TYPICAL = 0.42  # of the typical cell's diameter in the same picture: what is smaller is a fragment
LEAST_NUCLEUS = 0.08  # of the cell's area: what has less nucleus is no leukocyte
LARGE = 0.6  # of the median area of what was found: a smaller dark thing sets no measure
PALE, SMALLER = 0.55, 0.8  # of the darkest nucleus's density, of a dark cell's area: below both it is doubtful
VERY_PALE = 0.33  # and below this, whatever its size
FLAT = 0.17  # standard deviation over mean of the green density: less, and there is no chromatin
MOST_RED = 1.15  # density of red over that of green: no violet nucleus measured is above 1.0, but blue ones are
LESS_PALE, MORE_RED, MORE_BLUE = 0.85, 0.4, 0.12  # doubtful below this, absorbing so much more red or blue per green
BLACK = 1.4  # of the median density: what is darker, absorbs so much more blue per green,
OPAQUE = 0.7  # and is denser in red, so that less than half of it passes, is dirt

STAINED, LEAST_STAINED = 0.06, 0.02  # density of green from which there is matter; share of the picture to measure it
DARK_PART = 0.9  # quantile of the densities of a thing, or of all erythrocytes, by which they are compared
LEAST_OF_TYPICAL = 0.5  # of a leukocyte's area: platelets are darker than erythrocytes too
DENSER = 2.1  # than the erythrocytes: so is no erythrocyte, and no two that overlap
AS_DENSE, LESS_RED, ROUNDED = 1.2, 0.35, 0.945  # nor is what is so dense, more violet, textured and convex
BLUE_AND_DENSER, NOT_RAGGED = 1.6, 0.8  # nor is what is blue, so much denser, and so convex
SAME_HUE, OVERLAID = 0.65, 1.6  # of the way from nuclei to erythrocytes; as dense as some that lie over each other
APART = 0.05  # at least between the hues of the two, or there is no way to go


def without_false_positives(labels: Array, count: int, nucleus_probability: Array, density: Array) -> Array:
    """Return `labels`, int32 (h, w) 0..count, without specks and fragments, and without what is no leukocyte.

    nucleus_probability: float32 (h, w) in 0..1; density: optical density of RGB, float32 (h, w, 3).
    """
    at = np.flatnonzero(labels)
    if not len(at):
        return labels
    label, inside = labels.ravel()[at], nucleus_probability.ravel()[at] > THRESHOLD
    areas = np.bincount(label, minlength=count + 1)
    with_nucleus = np.bincount(label[inside], minlength=count + 1) > LEAST_NUCLEUS * areas
    least = np.pi / 4 * max(SMALLEST, SMALL_OF_TYPICAL * diameter(areas)) ** 2
    areas[~((areas > least) & with_nucleus)] = 0
    inside &= areas[label] > 0
    colours = _Colours(areas, label[inside], density.reshape(-1, 3)[at[inside]])
    keep, doubtful = _beside_nuclei(areas, colours)
    pale = keep & (colours.green < PALE * colours.green[keep].max(initial=0))
    if (pale | doubtful).any():
        around = _erythrocytes(labels, keep if keep.any() else areas > 0, density)
        if around is not None:
            if keep.any():
                keep &= ~_overlaid(labels, keep, pale, colours, density[..., 1], *around)
            keep |= _unlike_erythrocytes(labels, areas, keep, doubtful, colours, density[..., 1], *around)
    return np.where(keep, np.arange(count + 1), 0).astype(np.int32).take(labels)


class _Colours:
    """Mean densities of the nuclei by label, float64 (count + 1,), and whether they have no texture, bool."""

    def __init__(self, areas: Array, label: Array, density: Array) -> None:
        """`areas` by label; of the pixels of nuclei `label`, int32 (n,), and `density`, float32 (n, 3)."""
        size = len(areas)
        pixels = np.maximum(np.bincount(label, minlength=size), 1)
        self.red, self.green, blue = (
            np.bincount(label, weights=channel, minlength=size) / pixels for channel in density.T
        )
        self.reds, self.blues = (channel / np.maximum(self.green, 1e-3) for channel in (self.red, blue))
        squares = np.bincount(label, weights=density[:, 1] ** 2, minlength=size) / pixels
        self.flat = np.sqrt(np.maximum(squares - self.green**2, 0)) < FLAT * self.green


def _beside_nuclei(areas: Array, of: _Colours) -> tuple[Array, Array]:
    """Doubt what only the nuclei of the same picture tell from a leukocyte: violet erythrocytes, platelets, shadows.

    In some stains erythrocytes are as violet as another laboratory's nuclei. Beside nuclei they are paler and smaller,
    paler and without texture, or paler and of another hue: they absorb more blue or more red. In a picture without any
    nucleus only the bluest go. Dirt and precipitate are darker than nuclei and absorb more blue: they go first, or
    everything would be pale beside them.

    areas: of whole cells by label, 0 for what is none, int64 (count + 1,). Returns which labels stay and which may
    still be leukocytes, bool (count + 1,) each.
    """
    size = len(areas)
    there = (areas > 0) & (of.reds <= MOST_RED)  # above: blue-grey erythrocytes
    present = np.flatnonzero(there)
    if len(present) < 2:
        return there, (areas > 0) & ~there
    large = present[areas[present] >= LARGE * np.median(areas[present])]
    black = of.blues > np.median(of.blues[large]) + MORE_BLUE
    black &= (of.red > OPAQUE) & (of.green > BLACK * np.median(of.green[large]))
    if (black | of.flat)[large].all():
        black[:] = False  # beside erythrocytes alone even the nucleus that seems black is one
    large = large[~black[large]]
    there &= ~black
    # Of what is about as violet as the most violet: blue erythrocytes that lie over each other are as dark as nuclei.
    most_violet = large[(of.green[large] * (1 - of.reds[large])).argmax()]
    nuclei = large[of.reds[large] <= of.reds[most_violet] + MORE_RED]
    darkest = nuclei[of.green[nuclei].argmax()]
    share = of.green / max(float(of.green[darkest]), 1e-3)
    leukocytes = present[share[present] > PALE]
    if not len(leukocytes):
        return np.zeros(size, bool), np.zeros(size, bool)  # nothing in it absorbs any green
    other_hue = (of.reds > of.reds[darkest] + MORE_RED) | (of.blues > of.blues[darkest] + MORE_BLUE)
    pale = (
        (share < VERY_PALE)
        | ((share < PALE) & (of.flat | (areas < SMALLER * typical(areas[leukocytes]))))
        | ((share < LESS_PALE) & other_hue)
    )
    keep = there & ~pale
    return keep, (areas > 0) & ~keep & ~black


def _erythrocytes(labels: Array, keep: Array, density: Array) -> tuple[float, float] | None:
    """Return how much red per green stained matter outside the labels `keep` absorbs, and how dense its dark part is.

    None where there is too little of it.
    """
    green = density[..., 1]
    matter = (green > STAINED) & (cv2.dilate(keep[labels].view(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    if np.count_nonzero(matter) < LEAST_STAINED * matter.size:
        return None
    red, middle = (np.median(density[..., channel][matter]) for channel in (0, 1))
    return float(red / middle), float(np.quantile(green[matter], DARK_PART))


def _overlaid(labels: Array, keep: Array, pale: Array, of: _Colours, green: Array, reds: float, dense: float) -> Array:
    """Return which of the `pale` among the labels `keep` are erythrocytes that lie over each other, bool (count + 1,).

    They are too large and too textured to be told from a leukocyte by the nuclei beside them, but paler than these,
    of the hue of the erythrocytes (`reds`), and not much denser (`dense`). A smudged nucleus keeps the hue of nuclei.
    """
    nuclei = np.median(of.reds[keep & ~pale])
    same: Array = pale & (of.reds - nuclei > SAME_HUE * (reds - nuclei)) & (reds - nuclei > APART)
    if same.any():
        same &= _dark_parts(labels, same, green) < OVERLAID * dense
    return same


def _unlike_erythrocytes(
    labels: Array, areas: Array, keep: Array, doubtful: Array, of: _Colours, green: Array, reds: float, dense: float
) -> Array:
    """Return which of the `doubtful` labels are leukocytes after all, bool (count + 1,).

    Beside the small black nuclei of erythroblasts a neutrophil is pale, beside violet blasts a plasma cell is blue, and
    in some stains every nucleus is. Yet none is like the erythrocytes of its picture (`reds`, `dense`): it is far
    denser; or as dense, more violet, textured and convex; or blue, denser and not ragged, as a clump of them would be.
    """
    if not doubtful.any():
        return doubtful
    candidates = doubtful & (areas >= LEAST_OF_TYPICAL * typical(areas[keep if keep.any() else areas > 0]))
    denser = _dark_parts(labels, candidates, green) / dense
    leukocytes: Array = candidates & (denser > DENSER)
    violet = (of.reds < reds - LESS_RED) & ~of.flat
    for label in np.flatnonzero(candidates & ~leukocytes & (denser > AS_DENSE) & violet):
        leukocytes[label] = _convexity(labels == label) > ROUNDED
    for label in np.flatnonzero(candidates & ~leukocytes & (denser > BLUE_AND_DENSER) & (of.reds > MOST_RED)):
        leukocytes[label] = _convexity(labels == label) > NOT_RAGGED
    return leukocytes


def _dark_parts(labels: Array, tested: Array, green: Array) -> Array:
    """Return the quantile DARK_PART of `green`, float32 (h, w), over each label that is `tested`, 0 for the others."""
    at = np.flatnonzero(tested[labels])
    label, values = labels.ravel()[at], green.ravel()[at]
    counts = np.bincount(label, minlength=len(tested))
    firsts = np.cumsum(counts) - counts
    quantiles = np.zeros(len(tested), np.float32)
    chosen = np.flatnonzero(counts)
    quantiles[chosen] = values[np.lexsort((values, label))][(firsts + DARK_PART * counts)[chosen].astype(int)]
    return quantiles


def _convexity(inside: Array) -> float:
    """Return the area of `inside`, bool (h, w), over that of its convex hull, each by its outline."""
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    hull = cv2.contourArea(cv2.convexHull(outline))
    return cv2.contourArea(outline) / hull if hull else 0.0
