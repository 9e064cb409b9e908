"""Whether two models differ by more than chance: both answered to the same pictures, which are drawn anew in pairs.

Whole groups are drawn, because pictures of one slide or patient are no independent witnesses (cluster bootstrap,
Efron and Tibshirani 1993; paired by picture as in Koehn 2004).
"""

from dataclasses import dataclass

import numpy as np

from smear.arrays import Array

DRAWS = 1000


@dataclass(frozen=True)
class Difference:
    """Macro F1 of a model less that of the one that it is compared with, and the 95 % interval of it."""

    value: float
    low: float
    high: float

    @property
    def within_noise(self) -> bool:
        """Whether chance alone explains it."""
        return self.low <= 0 <= self.high


def macro_f1(targets: Array, answers: Array, weights: Array, classes: int) -> Array:
    """Return macro F1 over the classes that occur, float (B,), for B rows of weights (B, N) of N pictures.

    targets, answers: int64 (N,). A picture's weight is how often it was drawn.
    """
    scores, present = [], []
    for label in range(classes):
        is_target, is_answer = targets == label, answers == label
        both = weights @ (is_target & is_answer).astype(np.float64)
        either = weights @ is_target.astype(np.float64) + weights @ is_answer.astype(np.float64)
        scores.append(2 * both / np.maximum(either, 1e-12))
        present.append(weights @ is_target.astype(np.float64) > 0)
    occurs = np.array(present)
    mean = (np.array(scores) * occurs).sum(axis=0) / np.maximum(occurs.sum(axis=0), 1)
    return np.asarray(mean)


def difference(
    targets: Array, answers: Array, reference: Array, groups: Array, classes: int, seed: int = 0
) -> Difference:
    """Return how much better `answers` are than `reference`, both int64 (N,), to the same pictures in one order."""
    names, place = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    weights = np.concatenate([np.ones((1, len(targets))), drawn[:, place]])
    gains = macro_f1(targets, answers, weights, classes) - macro_f1(targets, reference, weights, classes)
    low, high = np.quantile(gains[1:], (0.025, 0.975))
    return Difference(float(gains[0]), float(low), float(high))
