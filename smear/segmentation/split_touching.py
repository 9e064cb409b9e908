"""Split touching cells: which pixel of what the network calls cell belongs to which leukocyte."""

import cv2
import numpy as np

from smear.arrays import Array, compare
from smear.segmentation.mask_network import CELL, CORE

THRESHOLD = 0.5  # a pixel is what the network gives a higher probability
CORE_DEPTH = 0.62  # of the deepest point of a component: there, touching cells of one size are apart
WAIST = 0.85  # of the depth of the shallower of two cells: where they touch more broadly they are one
ENCLOSED = 0.22  # of the network, on the mean over a hole: it is in a cell, not slide between cells that touch


def split(probabilities: Array) -> tuple[Array, int]:
    """Label the cells apart, int32 (h, w) with 0 outside, and return how many there are.

    probabilities: cell, nucleus and core, float32 (3, h, w) in 0..1.

    Each pixel goes to the nearest core in its own component. Where the waist between two is no waist, because it is
    nearly as wide as the smaller of them, it was one cell with two cores.
    """
    cell = _filled(compare(probabilities[CELL], THRESHOLD, cv2.CMP_GT) & 1, probabilities[CELL])
    count, parts = cv2.connectedComponents(cell)
    if count == 1:
        return parts, 0
    depth = np.minimum(cv2.distanceTransform(cell, cv2.DIST_L2, 5), max(cell.shape))  # infinite where all is cell
    core = compare(probabilities[CORE], THRESHOLD, cv2.CMP_GT) & cell
    seeded, seeds = cv2.connectedComponents(_cores(core, parts, count, depth))
    if seeded == count:  # every component has a core, so each has one: nothing touches
        return parts, count - 1
    labels = nearest(seeds, cell)
    of_part, home = np.zeros(count, np.int32), np.zeros(seeded, np.int32)
    seed = seeds > 0
    of_part[parts[seed]], home[seeds[seed]] = seeds[seed], parts[seed]
    astray = (cell > 0) & (home[labels] != parts)  # nearer to a core of another component
    labels[astray] = of_part[parts[astray]]
    return _without_false_waists(labels, depth), seeded - 1


def _filled(cell: Array, probability: Array) -> Array:
    """Return `cell`, uint8 (h, w), with the holes filled that lie in a cell: around them it would seem all waists.

    That is the pale middle of a neutrophil. Slide that is enclosed by touching cells stays out.
    """
    count, holes, stats, _ = cv2.connectedComponentsWithStats(1 - cell, connectivity=4)
    if count <= 2:  # the cells, and the slide around them
        return cell
    area = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(holes.ravel(), weights=probability.ravel(), minlength=count) / np.maximum(area, 1)
    inside = (mean > ENCLOSED) & (area < area[1:].max() / 2)  # of a cell that the border cuts it may reach the border
    inside[0] = False  # the cells
    result: Array = cell | inside.view(np.uint8)[holes]
    return result


def _cores(core: Array, parts: Array, count: int, depth: Array) -> Array:
    """Return cores, uint8 (h, w): what the network saw, `core`, cut at waists; where it saw none, the deepest parts.

    Everything is looked up at the pixels inside cells, `at`: most of a field is none.
    """
    at = np.flatnonzero(parts)
    component, depths, in_core = parts.ravel()[at], depth.ravel()[at], core.ravel()[at] > 0
    deep = depths >= CORE_DEPTH * deepest(component, depths, count)[component]
    has = np.zeros(count, bool)
    has[component[in_core]] = True
    number, pieces = cv2.connectedComponents(core)
    piece = pieces.ravel()[at]
    reached = np.zeros(number, bool)
    reached[piece[deep & in_core]] = True
    cores = np.zeros_like(core)
    cores.ravel()[at] = np.where(has[component], in_core & (deep | ~reached[piece]), deep)
    return cores


def _without_false_waists(labels: Array, depth: Array) -> Array:
    """Join neighbours whose common border is as deep as `WAIST` of the depth of the shallower one, deepest first."""
    size = int(labels.max()) + 1
    waist = np.zeros((size, size), np.float32)
    for pixel, neighbour, at, beside in (
        (labels[:, 1:], labels[:, :-1], depth[:, 1:], depth[:, :-1]),
        (labels[1:], labels[:-1], depth[1:], depth[:-1]),
    ):
        meet = (pixel != neighbour) & (pixel > 0) & (neighbour > 0)
        pair = np.minimum(pixel, neighbour)[meet], np.maximum(pixel, neighbour)[meet]
        np.maximum.at(waist, pair, np.minimum(at, beside)[meet])
    depths = deepest(labels, depth, size)
    becomes = np.arange(size, dtype=np.int32)
    pairs = np.argwhere(waist > 0)
    for a, b in pairs[np.argsort(-waist[pairs[:, 0], pairs[:, 1]], kind="stable")]:
        keep, gone = becomes[a], becomes[b]
        if keep != gone and waist[a, b] > WAIST * min(depths[keep], depths[gone]):
            depths[keep] = max(depths[keep], depths[gone])
            becomes[becomes == gone] = keep
    return becomes[labels]


def deepest(labels: Array, depth: Array, count: int) -> Array:
    """Return the largest `depth` under each label 0..count - 1 of `labels`, of one shape; float32 (count,)."""
    largest = np.zeros(count, np.float32)
    np.maximum.at(largest, labels.ravel(), depth.ravel())
    return largest


def nearest(seeds: Array, where: Array) -> Array:
    """Return for every pixel of `where` the label of the nearest one in `seeds`; int32 (h, w), 0 elsewhere."""
    if not seeds.any():
        return np.zeros(seeds.shape, np.int32)
    outside = (seeds == 0).view(np.uint8)
    _, place = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    of_place = np.zeros(int(place.max()) + 1, np.int32)
    of_place[place[outside == 0]] = seeds[outside == 0]
    return np.where(where > 0, of_place[place], 0).astype(np.int32)


def typical(areas: Array) -> float:
    """Return the typical one of some areas: half of all that they cover lies in larger ones; 0 where there is none."""
    ordered = np.sort(areas)
    total = float(ordered.sum())
    return float(ordered[np.searchsorted(np.cumsum(ordered), total / 2)]) if total else 0.0


def diameter(areas: Array) -> float:
    """Return the diameter of the typical cell among cells of such `areas`, in pixels; 0 where there is none."""
    return float(2 * np.sqrt(typical(areas) / np.pi))
