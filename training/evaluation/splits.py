"""Folds and validation parts. Groups never stand on both sides, except in the protocol that says so."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from smear.arrays import Array
from training.data.manifest import DataError
from training.recipes.recipe import Published, Source

Protocol = Literal["random", "grouped", "source", "as-published"]
PROTOCOLS: dict[Protocol, str] = {
    "random": "random split, comparable with papers, optimistic: fields of one slide stand in training and test",
    "grouped": "grouped split: fields that share a patient, or look as if they share a slide, stay together",
    "source": "leave one data set out: each source in turn is the test, and no picture of it is learnt from",
    "as-published": "as published, leaky: the authors' own split, which flatters; no measure of how good the model is",
}
LEAST_GROUPS = 2  # of every label, in every training part: one to learn from, one that may be held out of it
BY_PICTURE: tuple[Protocol, ...] = ("random", "as-published")
SHUFFLINGS = 20  # of groups, of which the one with the most even classes is taken
VALIDATION_PARTS = 8  # one of them is held out of a training part for temperature and thresholds, if a recipe wants


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
    # Stratification by shuffled groups varies a lot; of some shufflings take the one with the most even classes, if it
    # can be one of which every training part has enough groups of every label.
    best: list[tuple[Array, Array]] = []
    best_spread = np.inf, np.inf
    for attempt in range(SHUFFLINGS):
        state = seed * SHUFFLINGS + attempt  # no two seeds share a shuffling
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=state).split(targets, targets, groups)
        candidate = [(train, test) for train, test in splitter]
        shares = np.array([np.bincount(targets[test], minlength=targets.max() + 1) for _, test in candidate])
        thin = -min(LEAST_GROUPS, min(groups_of_each(train, targets, groups).min() for train, _ in candidate))
        spread = float(thin), float((shares / shares.sum(axis=0)).std(axis=0).max())
        if spread < best_spread:
            best, best_spread = candidate, spread
    return best


def groups_of_each(part: Array, targets: Array, groups: Array) -> Array:
    """Return in how many groups the pictures `part` (indices) of every class are, int64 (classes,)."""
    pairs = np.unique(np.stack([targets[part], groups[part]]), axis=1)
    return np.bincount(pairs[0], minlength=int(targets.max()) + 1)


def refuse_thin(
    parts: Sequence[Array], targets: Array, groups: Array, classes: tuple[str, ...], protocol: Protocol = "grouped"
) -> None:
    """Refuse training parts (indices) before anything is learnt; DataError names the label of which one has too little.

    Two groups of every label are the least; two pictures where the protocol splits by picture.
    """
    by_picture = protocol in BY_PICTURE
    units = np.arange(len(targets)) if by_picture else groups
    noun = "picture" if by_picture else "group"
    whole = groups_of_each(np.arange(len(targets)), targets, units)
    for number, part in enumerate(parts, 1):
        counts = groups_of_each(part, targets, units)
        label = int(counts.argmin())
        if counts[label] < LEAST_GROUPS:
            has = f"one {noun}" if counts[label] else f"no {noun}"
            where = (
                "To learn from there is" if len(parts) == 1 else f"To learn from, fold {number} of {len(parts)} leaves"
            )
            of_all = f"; the data has {whole[label]}" if len(parts) > 1 else ""
            fewer = ", ask for fewer folds" if len(parts) > LEAST_GROUPS else ""
            more = (
                "Add pictures of it"
                if by_picture
                else "A group is a patient, or pictures that look as if they were of one slide. Add pictures of more"
                " patients with it, name the patients"
            )
            raise DataError(
                f"{where} {has} of '{classes[label]}', and two are the least{of_all}. {more}{fewer}, or leave it out."
            )


def source_folds(targets: Array, sources: tuple[str, ...], classes: tuple[str, ...]) -> list[tuple[Array, Array]]:
    """Return (training, test) for every source left out; DataError where nothing could be learnt or asked that way."""
    names = sorted(set(sources))
    if len(names) < 2:
        raise DataError("All pictures come from one source. Leaving one out needs two or more in the column 'source'.")
    where = np.array(sources)
    for i, label in enumerate(classes):
        owners = sorted(set(where[targets == i]))
        if len(owners) == 1:
            raise DataError(
                f"Only the source '{owners[0]}' has pictures of '{label}': without it there are none to learn from."
                " Label and source coincide, and no protocol can tell the one from the other."
            )
    return [(np.flatnonzero(where != name), np.flatnonzero(where == name)) for name in names]


def may_be_learnt_from(sources: tuple[str, ...], known: Mapping[str, Source]) -> Array:
    """Return which pictures a published network may learn from, bool (N,): all where the recipe knows no sources.

    DataError where it knows some, and a picture is of another.
    """
    strange = sorted(set(sources) - set(known)) if known else []
    if strange:
        raise DataError(
            f"The recipe does not say whether pictures of the source '{strange[0]}' may be learnt from for a published"
            f" bundle. It knows {', '.join(known)}. Add a table [sources.{strange[0]}] to a copy of the recipe."
        )
    return np.array([not known or known[name].ships for name in sources], bool)


def laboratory_folds(
    targets: Array, sources: tuple[str, ...], known: Mapping[str, Source]
) -> list[tuple[Array, Array]]:
    """Return (training, test) for every laboratory left out, and last, where there are some, for the examination.

    known: what the recipe says of each source. Those that are held out together leave together; those that do not ship
    are in no training part and are the test of the last fold, whose training part is everything that ships. A test
    picture whose label only its own laboratory has is asked of nobody: there is none to learn it from. DataError where
    a source is not in the recipe, or nothing is left to learn from or to ask.
    """
    ships = may_be_learnt_from(sources, known)
    parts = np.array([known[name].held_out_with or name for name in sources])
    tests = [ships & (parts == part) for part in sorted(set(parts[ships]))]
    pairs = [(np.flatnonzero(ships & ~test), test) for test in tests] if len(tests) > 1 else []
    if not ships.all():
        pairs.append((np.flatnonzero(ships), ~ships))
    folds = [(train, np.flatnonzero(test & np.isin(targets, targets[train]))) for train, test in pairs]
    if not folds or any(not len(train) or not len(test) for train, test in folds):
        raise DataError("Leaving a laboratory out needs two sources or more that share labels and may be learnt from.")
    return folds


def published_folds(targets: Array, published: Published, seed: int = 0) -> list[tuple[Array, Array, Array]]:
    """Return (training, validation, test) as the authors split, by picture and blind for patients and copies."""
    everything = np.arange(len(targets))
    if published.split == "folds":
        pairs = folds(targets, everything, "random", published.folds, seed)
        return [(*validation(train, targets, everything, "random", seed), test) for train, test in pairs]
    train, test = _held_out(everything, targets, published.test, seed)
    fit, held_out = _held_out(train, targets, published.validation / (1 - published.test), seed)
    return [(fit, held_out, test)]


def _held_out(indices: Array, targets: Array, share: float, seed: int) -> tuple[Array, Array]:
    splitter = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
    try:
        rest, held_out = next(splitter.split(indices, targets[indices]))
    except ValueError as error:
        raise DataError(f"There are too few pictures to hold out {share:.0%} of every class.") from error
    return indices[rest], indices[held_out]


def validation(train: Array, targets: Array, groups: Array, protocol: Protocol, seed: int = 0) -> tuple[Array, Array]:
    """Return `train` divided into what is fitted on and what sets temperature and thresholds.

    A class of fewer pictures than there are parts makes the parts larger: a rare class is no reason to measure nothing.
    One that none of `train` has, because only a laboratory that is held out has it, plays no part.
    """
    own = np.unique(targets[train], return_inverse=True)[1]
    counts = np.bincount(own)
    count = max(2, min(VALIDATION_PARTS, int(counts.min()), len(np.unique(groups[train]))))
    parts = folds(own, groups[train], protocol, count, seed)
    wanted = counts / len(train)

    def unevenness(part: tuple[Array, Array]) -> float:
        return float(np.abs(np.bincount(own[part[1]], minlength=len(counts)) / len(part[1]) - wanted).max())

    def lacking(part: tuple[Array, Array]) -> int:
        return int((groups_of_each(part[0], own, groups[train]) == 0).sum())

    # Groups are lumpy: of the parts that leave something of every label to learn from take the one most like the whole.
    fit, held_out = min(parts, key=lambda part: (lacking(part), unevenness(part)))
    return train[fit], train[held_out]
