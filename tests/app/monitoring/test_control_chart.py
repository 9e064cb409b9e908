"""Control limits: those of the binomial distribution, the run of eight, and nothing said of too little."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binom

from app.monitoring.control_chart import TAIL, chart


def weeks(*counts: tuple[int, int]) -> list[tuple[date, int, int]]:
    """Return weeks with a count of a total."""
    return [(date(2026, 1, 5) + timedelta(weeks=place), count, total) for place, (count, total) in enumerate(counts)]


def test_limits_are_those_of_the_binomial_distribution() -> None:
    """Each week has its own, by how many were counted in it."""
    made = chart(weeks(*[(80, 100)] * 8, (30, 40), (8, 10)))
    assert made.centre == pytest.approx(0.8)
    for point in made.points:
        assert point.low == binom.ppf(TAIL, point.total, 0.8) / point.total
        assert point.high == binom.ppf(1 - TAIL, point.total, 0.8) / point.total
    small = made.points[-1]
    assert (small.low, small.high) == (0.4, 1.0)


def test_a_week_beyond_the_limits_is_out_of_control() -> None:
    """In the direction in which it is."""
    made = chart(weeks(*[(80, 100)] * 8, (60, 100), (98, 100), (70, 100)))
    assert [point.wrong for point in made.points[-3:]] == ["low", "high", ""]
    assert made.points[-3].signal == "low"


def test_eight_weeks_on_one_side_are_a_shift() -> None:
    """Each of them is within the limits; on the centre is on no side."""
    made = chart(weeks(*[(80, 100), (80, 100)] * 4, *[(84, 100)] * 8))
    assert [point.wrong for point in made.points[-2:]] == ["", "high"]
    assert made.points[-1].run == "high"
    assert made.points[-1].signal == ""


def test_chance_alone_passes_the_limits_as_rarely_as_is_said() -> None:
    """Once in 741 weeks on either side, and less where counts are coarse."""
    random = np.random.default_rng(3)
    wrong = total = 0
    for _lab in range(200):
        counts = [(int(count), 120) for count in random.binomial(120, 0.7, 60)]
        points = chart([(one[0], one[1], one[2]) for one in weeks(*[(84, 120)] * 8, *counts)]).points[8:]
        wrong += sum(bool(point.signal) for point in points)
        total += len(points)
    assert 0.0005 < wrong / total < 0.0035


@pytest.mark.parametrize(("total", "beyond"), [(10, 4), (1, 2), (100, 13), (2000, 120)])
def test_what_never_came_may_be_rare(total: int, beyond: int) -> None:
    """After none of 80, and after nothing else, a week is judged by the share that this leaves only just possible."""
    possible = 1 - 0.025 ** (1 / 80)  # Clopper and Pearson's upper limit of none
    assert binom.sf(beyond - 1, total, possible) < TAIL <= binom.sf(beyond - 2, total, possible)
    for count in (0, 1, beyond - 1, beyond):
        if count > total:
            continue
        wrong = "high" if count >= beyond else ""
        none = chart(weeks(*[(0, 10)] * 8, (count, total)))
        every = chart(weeks(*[(10, 10)] * 8, (total - count, total)))
        assert (none.centre, every.centre) == (0, 1)
        assert none.points[-1].wrong == wrong
        assert every.points[-1].wrong == wrong.replace("high", "low")
        assert (none.points[-1].low, every.points[-1].high) == (0, 1)


@pytest.mark.parametrize("counts", [[], [(8, 10)] * 4, [(80, 100)] * 3, [(0, 0)] * 9])
def test_of_too_little_no_limits_are_drawn(counts: list[tuple[int, int]]) -> None:
    """Four weeks with fifty together are the least; weeks of nothing are no weeks."""
    made = chart(weeks(*counts))
    assert made.centre is None
    assert not any(point.wrong for point in made.points)
    assert all(point.low is None for point in made.points)
    assert len(made.points) == len([total for _count, total in counts if total])
