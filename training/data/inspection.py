"""What is in a data set, before anything is trained on it: sizes, colours, duplicates, groups, and what gives it away.

Nothing here looks at a disease. A warning says how a model could name the class without looking at a cell.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from smear.arrays import Array
from smear.imaging.background import optical_density
from smear.segmentation.find import find
from training.data.ablations import colour_statistics, corner_only
from training.data.dataset import THREADS, Dataset
from training.data.duplicates import Duplicates, find_duplicates, sketches
from training.data.groups import find_groups, sharing
from training.data.manifest import DataError
from training.progress import track

CORNER = (3, 6)  # the lower right corner, brought to so many pixels: enough for the length of a bar
TREES, FOLDS = 100, 3
ABOVE_CHANCE = 0.25  # above chance, of 1: from there a warning says that something tells the class
FEW_PICTURES, FEW_GROUPS, UNEVEN = 50, 5, 10.0
SHOWN = 3  # pairs of patients that a warning names
EMPTY = 0.05  # share of a class without a leukocyte from which a warning says so


@dataclass(frozen=True)
class Look:
    """What one picture looks like: size in px, mean RGB, background and stain (optical density of nuclei, RGB; NaN
    without leukocytes), number of leukocytes, colour statistics (15,), corner.
    """

    size: tuple[int, int]
    mean: Array
    background: Array
    stain: Array
    leukocytes: int
    colours: Array
    corner: Array


@dataclass(frozen=True)
class Inspection:
    """All looks of the pictures that can be read, their data set, groups (N,), duplicates, and warnings."""

    dataset: Dataset
    looks: tuple[Look, ...]
    unreadable: tuple[str, ...]
    groups: Array
    duplicates: Duplicates
    warnings: tuple[str, ...]


def inspect(dataset: Dataset) -> Inspection:
    """Return what is in a data set; pictures that cannot be read are left out and listed."""
    looks, unreadable = _looks(dataset)
    dataset = dataset.only(np.array([index for index, look in enumerate(looks) if look is not None], np.int64))
    readable = tuple(look for look in looks if look is not None)
    if len(dataset.classes) < 2 or len(readable) < 4:
        raise DataError("Too few pictures can be read for an inspection: " + "; ".join(unreadable[:3]))
    duplicates = find_duplicates(sketches(dataset))
    groups = find_groups(dataset, duplicates)
    inspection = Inspection(dataset, readable, unreadable, groups, duplicates, ())
    return replace(inspection, warnings=tuple(_warnings(inspection)))


def _looks(dataset: Dataset) -> tuple[list[Look | None], tuple[str, ...]]:
    unreadable: list[str] = []

    def look(index: int) -> Look | None:
        try:
            return look_at(dataset.picture(index))
        except DataError as error:
            unreadable.append(str(error))
            return None

    with ThreadPoolExecutor(THREADS) as threads:
        looks = list(track(threads.map(look, range(len(dataset))), "inspect", len(dataset)))
    return looks, tuple(sorted(unreadable))


def look_at(rgb: Array) -> Look:
    """Return what a picture, uint8 RGB (H, W, 3), looks like."""
    leukocytes = find(rgb)
    stain = np.full(3, np.nan)
    if leukocytes.nuclei.any():
        stain = optical_density(leukocytes.small, leukocytes.background)[leukocytes.nuclei].mean(axis=0)
    bar = corner_only(cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_AREA))[-19:, -44:]
    return Look(
        size=(rgb.shape[1], rgb.shape[0]),
        mean=rgb.reshape(-1, 3).mean(axis=0),
        background=leukocytes.background.astype(float),
        stain=stain,
        leukocytes=len(leukocytes),
        colours=colour_statistics(rgb),
        corner=cv2.resize(bar, CORNER[::-1], interpolation=cv2.INTER_AREA).ravel().astype(float),
    )


def forest_accuracy(table: Array, targets: Array) -> float | None:
    """Return how well a forest names the class from a few numbers, as balanced accuracy; None where too few to say."""
    if np.bincount(targets).min() < FOLDS:
        return None
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    forest = RandomForestClassifier(TREES, random_state=0, n_jobs=THREADS)
    return float(balanced_accuracy_score(targets, cross_val_predict(forest, table, targets, cv=folds)))


def _warnings(inspection: Inspection) -> Iterator[str]:
    """Yield what somebody should know before training, the gravest first."""
    dataset = inspection.dataset
    targets = dataset.targets(dataset.classes)
    for label, source in _coinciding(dataset):
        yield f"Class and source coincide: every '{label}' comes from '{source}'. A model may learn the laboratory."
    chance = 1 / len(dataset.classes)
    for name, table in (
        (
            "Scale bars differ by class, or something else does in the lower right corner: a forest on 18 pixels",
            "corner",
        ),
        ("Colour gives the class away: a forest on 15 colour statistics", "colours"),
    ):
        accuracy = forest_accuracy(np.stack([getattr(look, table) for look in inspection.looks]), targets)
        if accuracy is not None and accuracy > chance + ABOVE_CHANCE:
            share = f"{accuracy:.0%} of the pictures (balanced, random split; chance {chance:.0%})"
            yield f"{name} names the class of {share}."
    sizes = {label: {look.size for look in _of(inspection, label)} for label in dataset.classes}
    if any(not sizes[first] & sizes[second] for first, second in itertools.combinations(sizes, 2)):
        yield "Sizes differ by class: some classes share no picture size. Shrinking to one size leaves a trace."
    exact, near = inspection.duplicates.exact, inspection.duplicates.near
    for kind, pairs in (("the same picture", exact), ("near-duplicates", near)):
        crossing = [(i, j) for i, j in pairs if dataset.labels[i] != dataset.labels[j]]
        if crossing:
            first, second = (dataset.paths[i] for i in crossing[0])
            many = _many(len(crossing), "pair")
            yield f"Under two labels stand {kind}: {many}, such as {first} and {second}. Remove the wrong one."
    shared = sharing(dataset, inspection.duplicates)
    if shared:
        who = "; ".join(f"{patient} and {other}" for patient, other in shared[:SHOWN])
        yield f"Patients share a picture and count as one: {_many(len(shared), 'pair')}, such as {who}."
    if exact:
        yield f"Copies, pixel by pixel: {_many(len(exact), 'picture')}. Remove them."
    if near:
        many = _many(len(near), "pair")
        yield f"Near-duplicates: {many}. They straddle no split here; elsewhere they may."
    if not all(dataset.groups):
        yield "Not every picture has a group. Groups were made from the look of the slides; give the patient if known."
    yield from _small(inspection)
    if inspection.unreadable:
        yield f"Not to be read: {_many(len(inspection.unreadable), 'picture')}, such as {inspection.unreadable[0]}"


def _coinciding(dataset: Dataset) -> list[tuple[str, str]]:
    """Return (class, source) where a class has one source only, which others do not all come from."""
    sources: dict[str, set[str]] = defaultdict(set)
    for label, source in zip(dataset.labels, dataset.sources, strict=True):
        sources[label].add(source)
    if len(set(dataset.sources)) < 2:
        return []
    return [(label, next(iter(own))) for label, own in sorted(sources.items()) if len(own) == 1]


def _small(inspection: Inspection) -> Iterator[str]:
    dataset = inspection.dataset
    counts = Counter(dataset.labels)
    for label in dataset.classes:
        groups = len({int(g) for g, own in zip(inspection.groups, dataset.labels, strict=True) if own == label})
        if groups < FEW_GROUPS:
            yield f"'{label}' has only {_many(groups, 'group')}: what is measured of it hangs on very few patients."
        if counts[label] < FEW_PICTURES:
            yield f"'{label}' has only {_many(counts[label], 'picture')}."
        empty = float(np.mean([look.leukocytes == 0 for look in _of(inspection, label)]))
        if empty > EMPTY:
            yield f"No leukocyte is found in {empty:.0%} of '{label}'; such pictures are not graded."
    times = max(counts.values()) / min(counts.values())
    if times > UNEVEN:
        yield f"The largest class has {times:.0f} times as many pictures as the smallest."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _of(inspection: Inspection, label: str) -> list[Look]:
    return [look for look, own in zip(inspection.looks, inspection.dataset.labels, strict=True) if own == label]
