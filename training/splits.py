"""Folds and validation parts. Groups never stand on both sides, except in the protocol that says so."""

from typing import Literal

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from smear.arrays import Array
from training.dataset import DataError

Protocol = Literal["random", "grouped"]
PROTOCOLS: dict[Protocol, str] = {
    "random": "random split, comparable with papers, optimistic: fields of one slide stand in training and test",
    "grouped": "grouped split: fields that share a patient, or look as if they share a slide, stay together",
}
VALIDATION_PARTS = 8  # one of them is held out of every training part for temperature and thresholds


def folds(targets: Array, groups: Array, protocol: Protocol, count: int, seed: int = 0) -> list[tuple[Array, Array]]:
    """Return (training, test) index arrays, `count` pairs; DataError where there are too few groups or pictures."""
    if count < 2:
        raise DataError("Two folds are the least.")
    smallest = int(np.bincount(targets).min())
    if smallest < count:
        raise DataError(f"The smallest class has {smallest} pictures, too few for {count} folds. Ask for fewer folds.")
    if protocol == "random":
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed).split(targets, targets)
        return [(train, test) for train, test in splitter]
    distinct = len(np.unique(groups))
    if distinct < count:
        raise DataError(f"The data has {distinct} groups, too few for {count} folds. Ask for fewer folds.")
    # Stratification by shuffled groups varies a lot; of some shufflings take the one with the most even classes.
    best: list[tuple[Array, Array]] = []
    best_spread = np.inf
    for attempt in range(20):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed + attempt).split(
            targets, targets, groups
        )
        candidate = [(train, test) for train, test in splitter]
        shares = np.array([np.bincount(targets[test], minlength=targets.max() + 1) for _, test in candidate])
        spread = float((shares / shares.sum(axis=0)).std(axis=0).max())
        if spread < best_spread:
            best, best_spread = candidate, spread
    return best


def validation(train: Array, targets: Array, groups: Array, protocol: Protocol, seed: int = 0) -> tuple[Array, Array]:
    """Return `train` divided into what is fitted on and what sets temperature and thresholds."""
    parts = folds(targets[train], groups[train], protocol, VALIDATION_PARTS, seed)
    classes = int(targets.max()) + 1
    wanted = np.bincount(targets[train], minlength=classes) / len(train)

    def unevenness(part: tuple[Array, Array]) -> float:
        return float(np.abs(np.bincount(targets[train][part[1]], minlength=classes) / len(part[1]) - wanted).max())

    # Groups are lumpy: of the parts take the one that looks most like the whole.
    fit, held = min(parts, key=unevenness)
    return train[fit], train[held]
