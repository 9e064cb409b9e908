"""p-charts: whether the share of a week is one that chance would give (Shewhart 1931, Montgomery 2019 chapter 7).

The centre is the share over the first weeks. A week is out of control where its count lies beyond limits that chance
passes once in 741 weeks on either side: the three standard deviations of Shewhart, taken from the binomial
distribution itself, because weeks are small and shares lie near 0 and 1 (probability limits, Montgomery 2019). It also
is where it is the last of eight weeks in a row on one side of the centre (Western Electric 1956): a small shift that
stays.

A centre of 0 or 1 is no certainty: what never came in the first weeks may be rare, and a binomial distribution of 0
would take the first that comes for out of control. The limit on the side where a share can be is then that of the
share that the first weeks only just leave possible, their exact 95 % limit (Clopper and Pearson 1934).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from smear.statistics import Share, exact_share

BASELINE = 8  # weeks at the most that set the centre
FEWEST_WEEKS, FEWEST = 4, 50  # weeks, and counted in all of them, before limits are drawn
TAIL = 0.00135  # of a normal distribution beyond three standard deviations, on one side
RUN = 8  # weeks on one side of the centre


@dataclass(frozen=True)
class Point:
    """One week of a share: count of total, its limits 0..1 and what is wrong with it.

    signal: "" or `high` or `low`, by the limits; run: the same, by the weeks before it. None: no limits yet.
    """

    monday: date
    count: int
    total: int
    low: float | None = None
    high: float | None = None
    signal: str = ""
    run: str = ""

    @property
    def value(self) -> float:
        """Return the share, 0..1."""
        return self.count / self.total

    @property
    def wrong(self) -> str:
        """Return in which direction it is out of control, "" where it is not."""
        return self.signal or self.run


@dataclass(frozen=True)
class Chart:
    """The weeks of one share, in order; centre: None where there are too few to say."""

    points: tuple[Point, ...]
    centre: float | None
    baseline: int  # weeks that set it

    @property
    def newest(self) -> Point | None:
        """Return the last week."""
        return self.points[-1] if self.points else None


def chart(weeks: Sequence[tuple[date, int, int]]) -> Chart:
    """Return the chart of a share: monday, count and total of each week; weeks of nothing are left out."""
    counted = [Point(monday, count, total) for monday, count, total in weeks if total]
    first = counted[:BASELINE]
    together = sum(point.total for point in first)
    if len(first) < FEWEST_WEEKS or together < FEWEST:
        return Chart(tuple(counted), None, 0)
    baseline = exact_share(sum(point.count for point in first), together)
    centre = baseline.value
    judged: list[Point] = []
    sides: list[str] = []
    for point in counted:
        sides.append("high" if point.value > centre else "low" if point.value < centre else "")
        last = set(sides[-RUN:])
        run = sides[-1] if len(sides) >= RUN and len(last) == 1 else ""
        judged.append(limited(point, baseline, run))
    return Chart(tuple(judged), centre, len(first))


def limited(point: Point, baseline: Share, run: str) -> Point:
    """Return a week with its limits, by the share of the first weeks."""
    from scipy.special import bdtr  # not when the application starts

    lowest = baseline.low if baseline.value == 1 else baseline.value
    highest = baseline.high if baseline.value == 0 else baseline.value
    counts = np.arange(point.total + 1)  # bdtr: how probably there are so many or fewer
    low = int(np.searchsorted(bdtr(counts, point.total, lowest), TAIL))
    high = int(np.searchsorted(bdtr(counts, point.total, highest), 1 - TAIL))
    signal = "high" if point.count > high else "low" if point.count < low else ""
    return Point(point.monday, point.count, point.total, low / point.total, high / point.total, signal, run)
