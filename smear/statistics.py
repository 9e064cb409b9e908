"""What was counted, and how sure that is: shares with their intervals, agreement, and scores of each class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z = 1.959964  # standard errors to each side of a 95 % interval


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of `right` of `total`, 0..1 (Wilson 1927, JASA 22:209); (0, 1) of nothing."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + Z * Z / (2 * total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@dataclass(frozen=True)
class Share:
    """A count, of how many, as a share with its 95 % interval, each 0..1."""

    count: int
    total: int
    value: float
    low: float
    high: float


def share(count: int, total: int) -> Share:
    """Return a share with Wilson's interval; of nothing it is 0 and its interval 0 to 1."""
    low, high = wilson(count, total)
    return Share(count, total, count / total if total else 0.0, low, high)


def exact_limits(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact limits of `count` of `total`, 0..1 (Clopper and Pearson 1934, Biometrika 26:404).

    They hold the true share at least as often as `confidence` says, however few were counted: what a differential count
    is judged by (Rümke 1985). (0, 1) of nothing.
    """
    if total == 0:
        return 0.0, 1.0
    outside = (1 - confidence) / 2
    from scipy.special import betaincinv  # not when the application starts

    low = float(betaincinv(count, total - count + 1, outside)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - outside)) if count < total else 1.0
    return low, high


def exact_share(count: int, total: int) -> Share:
    """Return a share with its exact 95 % limits; of nothing it is 0 and its limits 0 to 1."""
    low, high = exact_limits(count, total)
    return Share(count, total, count / total if total else 0.0, low, high)


def chance_of_none(prevalence: float, total: int) -> float:
    """Return how probably not one of `total` cells is of a kind of which there are `prevalence`, both 0..1."""
    return (1 - prevalence) ** total


@dataclass(frozen=True)
class Agreement:
    """How often two readers said the same of `n` images, and how much of it is more than chance (None: undefined).

    kappa, low, high: Cohen's kappa with its 95 % interval, -1..1.
    """

    n: int
    observed: float
    kappa: float | None
    low: float | None
    high: float | None


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement | None:
    """Return the agreement of pairs of first and second answers, or None where there are none.

    Kappa is Cohen's (1960). Its standard error is that of Fleiss, Cohen and Everitt (Psychological Bulletin 72:323,
    1969), which holds for any kappa; Cohen's own takes the marginal frequencies for given and comes out too small.
    """
    n = len(pairs)
    if not n:
        return None
    codes = sorted({code for pair in pairs for code in pair})
    shares = np.zeros((len(codes), len(codes)))
    for first, second in pairs:
        shares[codes.index(first), codes.index(second)] += 1 / n
    firsts, seconds = shares.sum(axis=1), shares.sum(axis=0)
    observed = sum(first == second for first, second in pairs) / n
    expected = float(firsts @ seconds)
    if math.isclose(expected, 1.0):  # both always said the same one thing: chance alone would do
        return Agreement(n, observed, None, None, None)
    kappa = (observed - expected) / (1 - expected)
    either = firsts[None, :] + seconds[:, None]  # of the first reader's column and the second reader's row
    agreed = float(np.diag(shares) @ (1 - np.diag(either) * (1 - kappa)) ** 2)
    off = shares * either**2
    differed = (1 - kappa) ** 2 * float(off.sum() - np.trace(off))
    variance = (agreed + differed - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    half = Z * math.sqrt(max(0.0, variance))
    return Agreement(n, observed, kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


@dataclass(frozen=True)
class ClassScores:
    """One class against all others, each 0..1 and None of nothing; support: how many pictures have it.

    precision: the share of its answers that are right; recall: of its pictures that are recognised (sensitivity); f1:
    their harmonic mean; specificity: the share of other pictures that are not taken for it; accuracy: of all that are
    on the right side.
    """

    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    specificity: float | None
    accuracy: float | None


def class_scores(confusion: Sequence[Sequence[int]]) -> list[ClassScores]:
    """Return the scores of each class of a confusion matrix with a row for each true class, in its order."""
    table = np.array(confusion, np.int64)
    total = int(table.sum())
    scores = []
    for place in range(len(table)):
        both, support, answered = (int(n) for n in (table[place, place], table[place].sum(), table[:, place].sum()))
        neither = total - support - answered + both
        scores.append(
            ClassScores(
                support=support,
                precision=_part(both, answered),
                recall=_part(both, support),
                f1=_part(2 * both, support + answered),
                specificity=_part(neither, total - support),
                accuracy=_part(both + neither, total),
            )
        )
    return scores


def _part(count: int, total: int) -> float | None:
    return count / total if total else None
