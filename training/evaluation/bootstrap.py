"""How sure a number is that was counted on pictures of some people: whole groups are drawn anew, with replacement.

Pictures of one slide or patient are no independent witnesses, so that what is drawn is groups (cluster bootstrap, Efron
and Tibshirani 1993). Two models are compared on the same draws (paired, as in Koehn 2004).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smear.arrays import Array
from smear.measured import Difference
from smear.statistics import wilson

DRAWS = 1000
ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class GroupDraws:
    """The same draws of whole groups for every number of one set of N pictures. groups: numbers or names, (N,)."""

    groups: Array
    seed: int = 0

    @cached_property
    def _place(self) -> Array:
        return np.unique(self.groups, return_inverse=True)[1]

    @cached_property
    def _times(self) -> Array:
        """How often each draw holds each group, int64 (DRAWS, G)."""
        count = int(self._place.max()) + 1
        return np.random.default_rng(self.seed).multinomial(count, np.full(count, 1 / count), DRAWS)

    @property
    def _alone(self) -> bool:
        """Whether there is one group: every draw of it is the same, and would pass for certainty."""
        return int(self._place.max()) == 0

    @property
    def weights(self) -> Array:
        """How often each draw holds each picture, int64 (DRAWS, N)."""
        return np.asarray(self._times[:, self._place])

    def count(self, among: Array) -> int:
        """Return how many groups have a picture in `among`, bool (N,)."""
        return len(np.unique(self._place[among]))

    def interval(self, hits: Array, among: Array) -> tuple[float, float]:
        """Return the 95 % interval of the share of `hits` in `among`, both bool (N,), 0..1.

        It is never narrower than Wilson's by picture: where every picture is a hit no draw says otherwise. Of one group
        it is 0 to 1, for one says nothing of the next.
        """
        if self.count(among) < 2:
            return 0.0, 1.0
        whole = self._sums(among)
        drawn = whole > 0
        shares = self._sums(hits & among)[drawn] / whole[drawn]
        low, high = np.quantile(shares, ENDS)
        by_picture = wilson(int((hits & among).sum()), int(among.sum()))
        return min(float(low), by_picture[0]), max(float(high), by_picture[1])

    def gain(self, hits: Array, other: Array) -> Difference:
        """Return by how much the share of `hits` exceeds that of `other`, both bool (N,) of the same pictures.

        Of one group it may be anything, -1 to 1, for one says nothing of the next.
        """
        difference = hits.astype(np.float64) - other.astype(np.float64)
        if self._alone:
            return Difference(round(float(difference.mean()), 5), -1.0, 1.0)
        low, high = np.quantile(self._sums(difference) / self._sums(np.ones(len(hits))), ENDS)
        return Difference(round(float(difference.mean()), 5), round(float(low), 5), round(float(high), 5))

    def _sums(self, values: Array) -> Array:
        """Return the sum over the pictures of every draw, float64 (DRAWS,); values: of every picture."""
        return np.asarray(self._times @ np.bincount(self._place, values.astype(np.float64)))


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


def macro_f1_interval(targets: Array, answers: Array, groups: Array, classes: int) -> tuple[float, float]:
    """Return the 95 % interval of the macro F1 of `answers` to `targets`, int64 (N,), drawing whole groups anew.

    Of one group it is 0 to 1.
    """
    if len(np.unique(groups)) < 2:
        return 0.0, 1.0
    low, high = np.quantile(macro_f1(targets, answers, GroupDraws(groups).weights, classes), ENDS)
    return float(low), float(high)


def difference(
    targets: Array, answers: Array, reference: Array, groups: Array, classes: int, seed: int = 0
) -> Difference:
    """Return how much better `answers` are than `reference`, both int64 (N,), to the same pictures in one order: the
    difference of their macro F1. Of one group it may be anything, -1 to 1."""
    weights = np.concatenate([np.ones((1, len(targets)), np.int64), GroupDraws(groups, seed).weights])
    gains = macro_f1(targets, answers, weights, classes) - macro_f1(targets, reference, weights, classes)
    low, high = np.quantile(gains[1:], ENDS) if len(np.unique(groups)) > 1 else (-1.0, 1.0)
    return Difference(float(gains[0]), float(low), float(high))
