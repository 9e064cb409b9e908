"""A laboratory's labels in three parts, so that none serves two ends: adapt, calibrate, test what is released."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from smear.arrays import Array
from training.data.manifest import DataError

RELEASE = 3  # one of so many parts is the test, and is never looked at before the end
CALIBRATE = 3  # of what is left one of so many sets thresholds
LEAST = 20  # labels to adapt and calibrate with
LEAST_OF_A_LABEL = 2  # in what is adapted to
SHUFFLINGS = 10  # of groups, of which the most even is taken


@dataclass(frozen=True)
class Parts:
    """Indices of the three parts, int64; no group stands in two of them."""

    adapt: Array
    calibrate: Array
    release: Array


def separate_groups(targets: Array, groups: Array, names: tuple[str, ...], copies: Array) -> tuple[Array, list[str]]:
    """Return groups in which every label can be in all three parts, and the labels whose pictures stand by themselves.

    A label that no more patients or slides have than there are parts is split by picture, or it could not be tested at
    all: what is said of it flatters. Copies of one picture stay together even then. Groups, copies: int64 (N,); what
    shows the same picture has the same number in `copies`.
    """
    alone, apart = [], groups.copy()
    for target in np.unique(targets):
        own = np.flatnonzero(targets == target)
        if len(np.unique(groups[own])) <= RELEASE:
            apart[own] = apart.max() + 1 + copies[own]
            alone.append(names[target])
    return apart, alone


def parts(targets: Array, groups: Array, names: tuple[str, ...], labels: int | None, seed: int = 0) -> Parts:
    """Return the three parts of N labelled pictures; targets, groups: int64 (N,).

    labels: how many labels may be used to adapt and calibrate; all but the test's where None. The test stays the same
    however many that are, so that more labels can be compared with fewer. DataError where there is too little.
    """
    if labels is not None and labels < LEAST:
        raise DataError(
            f"{labels} labels are too few: {LEAST} are the least to adapt and calibrate with. Label more, or give a"
            " larger --labels."
        )
    if len(np.unique(groups)) < RELEASE:
        raise DataError(
            f"The pictures are of {len(np.unique(groups))} patients or slides, and {RELEASE} are the least: one to"
            " adapt with, one to set thresholds by, one to test. Add pictures of more patients, or name the patients."
        )
    counts = np.bincount(targets, minlength=len(names))
    rare = np.flatnonzero((counts > 0) & (counts < LEAST_OF_A_LABEL * RELEASE))
    if len(rare):
        raise DataError(
            f"Of '{names[rare[0]]}' there are {counts[rare[0]]} pictures, but {LEAST_OF_A_LABEL * RELEASE} are needed:"
            " a third is set apart to test with. Label more of it, or leave it out."
        )
    rest, release = _apart(np.arange(len(targets)), targets, groups, RELEASE, seed)
    adapt, calibrate = _apart(rest, targets, groups, CALIBRATE, seed)
    if labels is not None:
        share = labels / len(rest)
        adapt, calibrate = (_drawn(part, targets, round(share * len(part)), seed) for part in (adapt, calibrate))
    if len(adapt) + len(calibrate) < LEAST:
        raise DataError(
            f"{len(adapt) + len(calibrate)} labels are left to adapt and calibrate with once a third is set apart to"
            f" test with, and {LEAST} are the least. Label more."
        )
    counts = np.bincount(targets[adapt], minlength=len(names))
    present = np.bincount(targets, minlength=len(names)) > 0
    thin = np.flatnonzero(present & (counts < LEAST_OF_A_LABEL))
    if len(thin):
        raise DataError(
            f"Of '{names[thin[0]]}' too few pictures are left to adapt with: {LEAST_OF_A_LABEL} are the least, once a"
            " third is set apart to test with. Label more of it, or leave it out."
        )
    return Parts(adapt, calibrate, release)


def folds(targets: Array, groups: Array, count: int, seed: int = 0) -> list[tuple[Array, Array]]:
    """Return (training, test) within what is adapted to, by groups; fewer pairs where there are fewer groups.

    A label of which a training part would have next to nothing is split by picture: else whatever learns labels would
    look worse than what learns nothing, for want of one.
    """
    apart = groups.copy()
    while True:
        pairs = _divided(targets, apart, count, seed)
        learnt = [np.bincount(targets[train], minlength=targets.max() + 1) for train, _test in pairs]
        thin = [target for target in np.unique(targets) if any(counts[target] < LEAST_OF_A_LABEL for counts in learnt)]
        whole = [target for target in thin if len(np.unique(apart[targets == target])) < (targets == target).sum()]
        if not whole:
            return pairs
        for target in whole:
            own = np.flatnonzero(targets == target)
            apart[own] = apart.max() + 1 + np.arange(len(own))


def _divided(targets: Array, groups: Array, count: int, seed: int) -> list[tuple[Array, Array]]:
    count = min(count, len(np.unique(groups)))
    if count < 2:
        return []
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # of a label that fewer groups have than there are parts: it is in some of them
        warnings.simplefilter("ignore", UserWarning)
        return [(train, test) for train, test in splitter.split(targets, targets, groups) if len(test)]


def _apart(which: Array, targets: Array, groups: Array, count: int, seed: int) -> tuple[Array, Array]:
    """Return `which` without and with one of `count` parts, the one most like the whole of some shufflings."""
    wanted = np.bincount(targets[which], minlength=targets.max() + 1) / len(which)
    best, least = (which, which[:0]), np.inf
    count = min(count, len(np.unique(groups[which])))
    if count < 2:
        return best
    for attempt in range(SHUFFLINGS):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed * SHUFFLINGS + attempt)
        with warnings.catch_warnings():  # as in `folds`
            warnings.simplefilter("ignore", UserWarning)
            pairs = list(splitter.split(which, targets[which], groups[which]))
        for train, test in pairs:
            if not len(test) or not len(train):
                continue
            shares = np.bincount(targets[which[test]], minlength=targets.max() + 1) / len(test)
            left = np.bincount(targets[which[train]], minlength=targets.max() + 1)
            lost = np.count_nonzero((wanted > 0) & ((left < LEAST_OF_A_LABEL) | (shares == 0)))
            away = lost + float(np.abs(shares - wanted).sum()) + abs(len(test) / len(which) - 1 / count)
            if away < least:
                best, least = (which[train], which[test]), away
    return best


def _drawn(which: Array, targets: Array, count: int, seed: int) -> Array:
    """Return `count` of the pictures `which`, every label in its share and some of each."""
    random, chosen = np.random.default_rng(seed), []
    for target in np.unique(targets[which]):
        own = random.permutation(which[targets[which] == target])
        chosen.append(own[: max(LEAST_OF_A_LABEL, round(count * len(own) / len(which)))])
    return np.sort(np.concatenate(chosen))
