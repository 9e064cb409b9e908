"""How far two readers agree beyond chance: Cohen's kappa.

J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960) 37-46:
kappa = (p_o - p_e) / (1 - p_e), with the standard error sqrt(p_o (1 - p_o) / (n (1 - p_e)^2)) of its section on
sampling.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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
