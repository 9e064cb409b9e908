"""Intervals and agreement, against references."""

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from smear.statistics import agreement, share, wilson


def pairs_of(table):
    return [(f"{i}", f"{j}") for (i, j), count in np.ndenumerate(np.array(table)) for _ in range(count)]


def test_the_published_example():
    """Rare disagreement beside a rare class: Cohen's own error would promise far too much."""
    found = agreement(pairs_of([[88, 2], [7, 3]]))
    assert (round(found.low, 2), round(found.high, 2)) == (0.04, 0.68)


@pytest.mark.parametrize("seed", range(12))
def test_kappa_and_its_interval_agree_with_statsmodels(seed):
    random = np.random.default_rng(seed)
    classes = int(random.integers(2, 6))
    table = random.integers(0, 12, (classes, classes)) + np.diag(random.integers(1, 60, classes))
    found, expected = agreement(pairs_of(table)), cohens_kappa(table)
    assert found.n == table.sum()
    assert found.kappa == pytest.approx(expected.kappa)
    assert found.low == pytest.approx(max(-1, expected.kappa_low), abs=1e-6)
    assert found.high == pytest.approx(min(1, expected.kappa_upp), abs=1e-6)


def test_one_and_the_same_answer_has_no_kappa():
    found = agreement([("a", "a")] * 7)
    assert (found.n, found.observed, found.kappa, found.low, found.high) == (7, 1.0, None, None, None)
    assert agreement([]) is None


@pytest.mark.parametrize(("count", "total"), [(0, 10), (10, 10), (3, 7), (940, 1000)])
def test_wilson_agrees_with_statsmodels(count, total):
    assert wilson(count, total) == pytest.approx(proportion_confint(count, total, method="wilson"), abs=1e-7)
    assert share(count, total).value == count / total


def test_of_nothing_anything_may_be_true():
    assert wilson(0, 0) == (0.0, 1.0)
    assert share(0, 0).value == 0.0
