"""Which pictures of a data set are the same picture: the same pixels, or one made of the other.

Found are copies that were mirrored, turned by quarters, shifted, cropped to four fifths of the side, scaled, recoloured
or stored anew, and two of these at once. First every part of every picture is compared with every other picture,
coarsely, by matrix multiplication. Of those most alike, the middle of one is then looked for in the other, and what
both show is compared finely. The first alone would take any two round cells for one, the second alone would take days.
Time grows with the square of the number of pictures: 3000 take 10 s to a minute on two cores. Each takes 30 kB.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from smear.arrays import Array
from training.data.dataset import THREADS, Dataset
from training.data.manifest import DataError
from training.data.sketches import (
    CROPS,
    GRID,
    LEVELS,
    MIDDLE,
    PARTS,
    SIDE,
    SMALL_CROPS,
    TURNS,
    Sketch,
    cut,
    sketch,
    turned,
    unit,
)
from training.progress import track

BLOCK = 128  # pictures that are compared with all others at a time
DIMENSIONS = 64  # of a coarse drawing, whitened: what most pictures share counts less
MOST_ALIKE = 6  # pictures that are looked at finely, for each
ALIKE = 0.6  # coarse correlation from which they are; copies had 0.74 and more
SAME = 0.6  # fine correlation, where both show it, from which two are one picture: copies had 0.7 and more, others 0.45
OVERLAP = 0.5  # of the second that both show
SOUGHT = 0.56  # share of the side of what is looked for: whatever four fifths were kept, they hold it
STRETCHES = 0.95, 1.0, 1.05
STRUCTURE = 0.3, 0.05  # standard deviations, and share of the pixels that vary by them: with less there is no telling
# With what a part is compared: everything with the whole of another, the small crops with its middle too (shifts).
AGAINST = ((0, range(len(PARTS))), (MIDDLE, range(1 + len(CROPS), 1 + len(CROPS) + len(SMALL_CROPS))))


@dataclass(frozen=True)
class Duplicates:
    """Pairs (i, j), i < j, of pictures: of the same pixels, or one made of the other.

    Of many copies of one picture not every two need be a pair; all are connected by pairs.
    """

    exact: tuple[tuple[int, int], ...]
    near: tuple[tuple[int, int], ...]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs."""
        return self.exact + self.near


class Candidate(NamedTuple):
    """Picture `first` in one of its TURNS is like `second`, which shows `share` of its side."""

    first: int
    second: int
    turn: int
    share: float


def sketches(dataset: Dataset) -> list[Sketch]:
    """Return the sketch of every picture; DataError naming one that cannot be read."""
    with ThreadPoolExecutor(THREADS) as threads:
        drawn = threads.map(lambda index: sketch(dataset.picture(index)), range(len(dataset)))
        return list(track(drawn, "sketches", len(dataset)))


def find_duplicates(drawn: Sequence[Sketch]) -> Duplicates:
    """Return which pictures are the same, from their sketches."""
    first: dict[str, int] = {}
    exact = [(first[drawing.digest], k) for k, drawing in enumerate(drawn) if first.setdefault(drawing.digest, k) != k]
    different = sorted(first.values())
    near: set[tuple[int, int]] = set()
    with threadpool_limits(1), ThreadPoolExecutor(THREADS) as threads:  # many small products: BLAS' own threads wait
        alike = _alike([drawn[k] for k in different], threads)
        verdicts = threads.map(
            lambda pair: _is_same(drawn[different[pair.first]], drawn[different[pair.second]], pair), alike
        )
        for pair, same in zip(alike, verdicts, strict=True):
            if same:
                i, j = sorted((different[pair.first], different[pair.second]))
                near.add((i, j))
    return Duplicates(tuple(exact), tuple(sorted(near)))


@lru_cache(maxsize=2)
def duplicates_of(dataset: Dataset) -> Duplicates:
    """Return which pictures of a data set are the same, once for all who ask."""
    return find_duplicates(sketches(dataset))


def families(count: int, pairs: Iterable[tuple[int, int]]) -> Array:
    """Return of `count` things, int64 (N,), the number of the family that each is in: what pairs connect is one."""
    first, second = np.array(list(pairs), np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1]).astype(np.int64)


def under_two_labels(dataset: Dataset, duplicates: Duplicates) -> list[tuple[int, int]]:
    """Return the pairs whose pictures have different labels."""
    return [(i, j) for i, j in duplicates.pairs if dataset.labels[i] != dataset.labels[j]]


def agreed(data: Dataset, report: Callable[[str], None]) -> Dataset:
    """Return the pictures that stand under one label, and name those that stand under two: nobody knows what they are.

    DataError where a label has no picture left.
    """
    torn = under_two_labels(data, duplicates_of(data))
    if not torn:
        return data
    for i, j in torn:
        both = " and ".join(f"{data.paths[index]} ('{data.labels[index]}')" for index in (i, j))
        report(f"Left out, for they show the same picture under two labels: {both}.")
    doubted = {index for pair in torn for index in pair}
    rest = data.only(np.array([index for index in range(len(data)) if index not in doubted]))
    if len(rest.classes) < 2:
        raise DataError(
            "Without the pictures that stand under two labels fewer than two labels are left. Look at them."
        )
    return agreed(rest, report)  # of each picture only the most alike are looked at finely: now they are others


def refuse_two_labels(dataset: Dataset, duplicates: Duplicates) -> None:
    """Refuse a data set in which one picture stands under two labels; DataError names the first such pair."""
    torn = under_two_labels(dataset, duplicates)
    if torn:
        i, j = torn[0]
        more = (
            f" So {'does one more pair' if len(torn) == 2 else f'do {len(torn) - 1} more pairs'}." if torn[1:] else ""
        )
        raise DataError(
            f"{dataset.paths[i]} ('{dataset.labels[i]}') and {dataset.paths[j]} ('{dataset.labels[j]}') show the same"
            f" picture under two labels.{more} Remove the one whose label is wrong, or both; inspect lists every pair."
        )


def _alike(drawn: Sequence[Sketch], threads: ThreadPoolExecutor) -> list[Candidate]:
    """Return which pictures may be the same: those most alike by their coarse drawings."""
    if len(drawn) < 2:
        return []
    axes = _whitening(drawn)
    wholes = [
        np.ascontiguousarray(unit(np.stack([drawing.parts[part] for drawing in drawn]).astype(np.float32) @ axes).T)
        for part, _ in AGAINST
    ]

    def block(start: int) -> list[Candidate]:
        return list(_alike_in(drawn[start : start + BLOCK], start, axes, wholes))

    return [pair for pairs in threads.map(block, range(0, len(drawn), BLOCK)) for pair in pairs]


def _whitening(drawn: Sequence[Sketch]) -> Array:
    """Return the axes along which the pictures' wholes differ, float32 (GRID * GRID, K), the strong ones shortened."""
    wholes = np.stack([drawing.parts[0] for drawing in drawn]).astype(np.float32).reshape(-1, GRID, GRID)
    rows = np.concatenate([turned(wholes, turn).reshape(len(wholes), -1) for turn in range(TURNS)])
    values, axes = np.linalg.eigh(rows.T @ rows / len(rows))
    values, axes = values[::-1][:DIMENSIONS], axes[:, ::-1][:, :DIMENSIONS]
    return np.asarray(axes / np.sqrt(np.maximum(values, 0) + 0.1 * values.mean() + 1e-6), np.float32)


def _alike_in(drawn: Sequence[Sketch], start: int, axes: Array, wholes: Sequence[Array]) -> Iterator[Candidate]:
    parts = (
        np.stack([drawing.parts for drawing in drawn]).astype(np.float32).reshape(len(drawn), len(PARTS), GRID, GRID)
    )
    # By turn and part, one matrix of the block each: (B, K).
    codes = {
        (turn, part): unit(turned(parts[:, part], turn).reshape(len(drawn), -1) @ axes)
        for turn in range(TURNS)
        for part in range(len(PARTS))
    }
    ways = [(kind, turn, part) for kind, (_, own) in enumerate(AGAINST) for turn in range(TURNS) for part in own]
    count = wholes[0].shape[1]
    best, product = np.full((len(drawn), count), -1, np.float32), np.empty((len(drawn), count), np.float32)
    for kind, turn, part in ways:
        np.matmul(codes[turn, part], wholes[kind], out=product)
        np.maximum(best, product, out=best)
    rows = np.arange(len(drawn))
    best[rows, start + rows] = -1
    most = min(MOST_ALIKE, count - 1)
    for row, others in enumerate(np.argpartition(-best, most - 1, axis=1)[:, :most]):
        others = others[best[row, others] >= ALIKE]
        if len(others):
            scores = [codes[turn, part][row] @ wholes[kind][:, others] for kind, turn, part in ways]
            for other, way in zip(others, np.argmax(scores, axis=0), strict=True):
                kind, turn, part = ways[way]
                yield Candidate(start + row, int(other), turn, PARTS[part][0] / PARTS[AGAINST[kind][0]][0])


def _is_same(first: Sketch, second: Sketch, pair: Candidate) -> bool:
    """Return whether the pictures agree wherever both show the same, once the first's middle is found in the second."""
    whole, other = turned(first.fine, pair.turn).astype(np.float32), second.fine.astype(np.float32)
    sought = cut(whole, SOUGHT, 0.5, 0.5)
    deviations, share = STRUCTURE
    if np.mean(np.abs(sought) > deviations * LEVELS) < share:
        return False
    before, best, place = round((SIDE - len(sought)) / 2), -1.0, np.zeros((2, 3), np.float32)
    for stretch in STRETCHES:
        size = round(len(sought) * stretch / pair.share)
        scale = size / len(sought)
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(sought, (size, size), interpolation=smooth)
        _, height, _, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(other, scaled, cv2.TM_CCOEFF_NORMED))
        if height > best:
            offset = scale * (0.5 - before) - 0.5
            best, place = height, np.array([[scale, 0, offset + left], [0, scale, offset + top]], np.float32)
    both = cv2.warpAffine(np.ones_like(whole), place, (SIDE, SIDE)) > 0.99
    if both.mean() < OVERLAP:
        return False
    placed = cv2.warpAffine(whole, place, (SIDE, SIDE))
    return bool(np.corrcoef(placed[both], other[both])[0, 1] >= SAME)
