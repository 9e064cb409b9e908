"""How well found leukocytes agree with drawn ones: Dice of areas, and how many cells were found at all.

* Dice (1945) is taken per picture and averaged over pictures; two empty masks agree, Dice 1.
* Detection: a found and a drawn cell match where their intersection over union is at least 0.5 (the PASCAL VOC
  criterion, Everingham et al. 2010). Cells of one kind do not overlap, so above 0.5 nobody has two partners, and at
  exactly 0.5 the better pair, then the first, takes precedence: no assignment problem is left. Counts are summed over
  the set.
* What the border cuts to a sliver nobody can name. A drawn cell that touches the border and is smaller than a quarter
  of the set's median whole cell is neither missed nor needed: what was found there counts for nothing. Found slivers
  without a partner are left out by the same rule, and so are drawn specks under 2 % of the median cell.
* Intervals: percentile bootstrap over pictures (Efron 1979), because cells of one picture are not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct

from smear.arrays import Array

IOU = 0.5
SLIVER = 0.25  # of the median whole cell, at the border
SPECK = 0.02  # of the median whole cell, anywhere: slips of the drawing pen
RESAMPLES = 1000
LEVEL = 95  # per cent
NUMBERS = ("nucleus_dice", "cell_dice", "precision", "recall", "f1")


@dataclass(frozen=True)
class Agreement:
    """One picture: its two Dice, and all that is needed to count its cells once the set's median cell is known.

    intersections: (T, F) shared pixels of every drawn and found cell; drawn, found: their areas; at_border: bool (N,).
    """

    nucleus_dice: float
    cell_dice: float
    intersections: Array
    drawn: Array
    found: Array
    drawn_at_border: Array
    found_at_border: Array


@dataclass(frozen=True)
class Counts:
    """Cells of one picture: matched, found without a partner, drawn without a partner, and left out."""

    right: int
    false: int
    missed: int
    ignored: int


class Cells(Struct, frozen=True):
    """Cells of a set: drawn and found ones that count, matched ones, and how many were left out."""

    drawn: int
    found: int
    matched: int
    ignored: int


class Summary(Struct, frozen=True):
    """The five numbers of a set of `n` pictures, their 95 % intervals by name, and the counts behind them.

    nucleus_dice and its interval are None where the set has no nuclei.
    """

    nucleus_dice: float | None
    cell_dice: float
    precision: float
    recall: float
    f1: float
    intervals: dict[str, tuple[float, float] | None]
    n: int
    cells: Cells


def dice(drawn: Array, segmented: Array) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two bool masks, 1 where both are empty."""
    total = np.count_nonzero(drawn) + np.count_nonzero(segmented)
    return 2 * np.count_nonzero(drawn & segmented) / total if total else 1.0


def agreement(drawn: Array, drawn_nuclei: Array, segmented: Array, segmented_nuclei: Array) -> Agreement:
    """Return how two labellings (int, 0 outside) and two nucleus masks (bool) of the same size agree."""
    rows, columns = int(drawn.max(initial=0)) + 1, int(segmented.max(initial=0)) + 1
    pairs = drawn.astype(np.int64) * columns + segmented
    table = np.bincount(pairs.ravel(), minlength=rows * columns).reshape(rows, columns)
    return Agreement(
        dice(drawn_nuclei, segmented_nuclei),
        dice(drawn > 0, segmented > 0),
        table[1:, 1:],
        table[1:].sum(axis=1),
        table[:, 1:].sum(axis=0),
        _at_border(drawn, rows),
        _at_border(segmented, columns),
    )


def _at_border(labels: Array, count: int) -> Array:
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.asarray(np.bincount(rim, minlength=count)[1:] > 0)


def median_cell(pictures: Sequence[Agreement]) -> float:
    """Return the median area of the drawn cells that no border cuts; of all where every one is cut; 0 without any."""
    areas = np.concatenate([picture.drawn for picture in pictures])
    whole = areas[~np.concatenate([picture.drawn_at_border for picture in pictures])]
    return float(np.median(whole if len(whole) else areas)) if len(areas) else 0.0


def count(picture: Agreement, median: float) -> Counts:
    """Return the counts of one picture, given the set's median whole cell."""
    shared = picture.intersections
    union = picture.drawn[:, None] + picture.found[None, :] - shared
    iou = np.where(shared > 0, shared / np.maximum(union, 1), 0.0)
    partner = np.full(len(picture.drawn), -1)
    matched = np.zeros(len(picture.found), bool)
    for place in np.argsort(-iou, axis=None, kind="stable"):
        row, column = divmod(int(place), max(1, iou.shape[1]))
        if iou[row, column] < IOU:
            break
        if partner[row] < 0 and not matched[column]:
            partner[row], matched[column] = column, True
    slight = picture.drawn < np.where(picture.drawn_at_border, SLIVER, SPECK) * median
    released = np.zeros(len(picture.found), bool)
    released[partner[slight & (partner >= 0)]] = True
    lone = ~matched
    released |= lone & picture.found_at_border & (picture.found < SLIVER * median)
    released |= lone & (2 * shared[slight].sum(axis=0) >= picture.found)
    return Counts(
        right=int(np.count_nonzero((partner >= 0) & ~slight)),
        false=int(np.count_nonzero(lone & ~released)),
        missed=int(np.count_nonzero((partner < 0) & ~slight)),
        ignored=int(np.count_nonzero(slight)) + int(np.count_nonzero(released)),
    )


def detection(right: Array, false: Array, missed: Array) -> tuple[Array, Array, Array]:
    """Return precision, recall and F1 of counts of any shape. Of nothing found (drawn) it is 1 if nothing was amiss."""
    right, false, missed = (np.asarray(counts, np.float64) for counts in (right, false, missed))
    return (
        np.where(right + false > 0, right / np.maximum(right + false, 1), missed == 0),
        np.where(right + missed > 0, right / np.maximum(right + missed, 1), false == 0),
        np.where(right + false + missed > 0, 2 * right / np.maximum(2 * right + false + missed, 1), 1.0),
    )


def summary(pictures: Sequence[Agreement], seed: int = 0, resamples: int = RESAMPLES) -> Summary:
    """Return the five numbers of a set, their 95 % intervals, and the counts behind them."""
    median = median_cell(pictures)
    counts = [count(picture, median) for picture in pictures]
    table = np.array([(c.right, c.false, c.missed) for c in counts])
    areas = np.array([(picture.nucleus_dice, picture.cell_dice) for picture in pictures])
    chosen = np.random.default_rng(seed).integers(0, len(pictures), (resamples, len(pictures)))
    drawn = np.column_stack([areas[chosen].mean(axis=1), *detection(*table[chosen].sum(axis=1).T)])
    middle = np.concatenate([areas.mean(axis=0), detection(*table.sum(axis=0))])
    low, high = np.percentile(drawn, [(100 - LEVEL) / 2, (100 + LEVEL) / 2], axis=0)
    nucleus_dice, cell_dice, precision, recall, f1 = (round(float(value), 5) for value in middle)
    return Summary(
        nucleus_dice,
        cell_dice,
        precision,
        recall,
        f1,
        intervals={
            name: (round(float(a), 5), round(float(b), 5)) for name, a, b in zip(NUMBERS, low, high, strict=True)
        },
        n=len(pictures),
        cells=Cells(
            drawn=int(table[:, [0, 2]].sum()),
            found=int(table[:, :2].sum()),
            matched=int(table[:, 0].sum()),
            ignored=sum(c.ignored for c in counts),
        ),
    )
