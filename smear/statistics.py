"""How sure a share is that was counted: Wilson's interval, for cards, reports and differential counts alike."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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
    """A count, of how many, as a share with its 95 % Wilson interval, each 0..1."""

    count: int
    total: int
    value: float
    low: float
    high: float


def share(count: int, total: int) -> Share:
    """Return a share; of nothing it is 0 and its interval 0 to 1."""
    low, high = wilson(count, total)
    return Share(count, total, count / total if total else 0.0, low, high)


NORMAL = 1.96  # standard errors to each side of a 95 % interval


@dataclass(frozen=True)
class Agreement:
    """How often two readers said the same of `n` images, and how much of it is more than chance (None: undefined)."""

    n: int
    observed: float
    kappa: float | None
    low: float | None
    high: float | None


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement | None:
    """Return the agreement of pairs of first and second verdicts, or None where there are none."""
    n = len(pairs)
    if not n:
        return None
    observed = sum(first == second for first, second in pairs) / n
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    expected = sum(firsts[code] * seconds[code] for code in firsts) / n**2
    if expected == 1.0:  # both always said the same one thing: chance alone would do
        return Agreement(n, observed, None, None, None)
    kappa = (observed - expected) / (1 - expected)
    error = math.sqrt(observed * (1 - observed) / n) / (1 - expected)
    return Agreement(n, observed, kappa, max(-1.0, kappa - NORMAL * error), min(1.0, kappa + NORMAL * error))
