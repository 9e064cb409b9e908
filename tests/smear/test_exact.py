"""Exact binomial limits, as a differential count is judged by."""

from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from smear.statistics import chance_of_none, exact_limits, exact_share


@pytest.mark.parametrize(("count", "total"), [(0, 100), (1, 100), (3, 4), (50, 200), (100, 100), (7, 400), (1, 1)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_limits_are_those_of_clopper_and_pearson(count: int, total: int, confidence: float) -> None:
    """As statsmodels has them."""
    expected = proportion_confint(count, total, alpha=1 - confidence, method="beta")
    assert exact_limits(count, total, confidence) == pytest.approx(expected, abs=1e-9)


def test_rumkes_table() -> None:
    """What Rümke (1985) prints for a hundred cells of which none, one and five are of a kind: 0-4, 0-6 and 1-12 %."""
    limits = [exact_limits(count, 100) for count in (0, 1, 5)]
    assert [(int(100 * low), -int(-100 * high // 1)) for low, high in limits] == [(0, 4), (0, 6), (1, 12)]


def test_of_nothing_everything_is_possible() -> None:
    """And its share is 0."""
    assert exact_share(0, 0).low == 0
    assert exact_share(0, 0).high == 1
    assert exact_share(0, 0).value == 0


def test_a_hundred_cells_miss_one_percent_more_often_than_one_in_three() -> None:
    """36.6, 13.4 and 1.8 % at 100, 200 and 400."""
    assert [round(100 * chance_of_none(0.01, n), 1) for n in (100, 200, 400)] == [36.6, 13.4, 1.8]
