"""How much of the laboratory is left in a network's last features: a control, for a card that speaks of other ones.

A logistic regression on these features names the laboratory of cells of one label. What it names better than the
largest laboratory's share, the classifier could have read in place of the cell.
"""

import warnings

import numpy as np
from msgspec import Struct
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from smear.arrays import Array

MOST = 1500  # cells that are asked about
FOLDS = 5
STRENGTH = 0.01  # C of the regression: the inverse of its penalty, as in `training.evaluation.linear_probe`


class LaboratoryProbe(Struct, frozen=True):
    """How often the laboratory of `n` cells is named, and how often by naming the largest of their label."""

    n: int
    accuracy: float
    largest: float


def drawn(count: int, seed: int = 0) -> Array:
    """Return which of `count` cells are asked about, int64, sorted."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:MOST])


def laboratory_probe(features: Array, targets: Array, sources: Array) -> LaboratoryProbe | None:
    """Return how well features, float (N, K), tell laboratories, int64 (N,), apart within each class, int64 (N,).

    None where no class has two laboratories with enough cells for every fold.
    """
    right = largest = n = 0
    for target in np.unique(targets):
        own = np.flatnonzero(targets == target)
        names, counts = np.unique(sources[own], return_counts=True)
        own = own[np.isin(sources[own], names[counts >= FOLDS])]
        counts = counts[counts >= FOLDS]
        if len(counts) < 2:
            continue
        line = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=200))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            named = cross_val_predict(
                line, features[own], sources[own], cv=StratifiedKFold(FOLDS, shuffle=True, random_state=0)
            )
        right, largest, n = right + int((named == sources[own]).sum()), largest + int(counts.max()), n + len(own)
    return LaboratoryProbe(n, round(right / n, 5), round(largest / n, 5)) if n else None
