"""Two models in pairs: who is right where they differ, by picture and by patient, and when nothing is said."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from app.comparison.paired import Pair, compare, sign_test


def pairs(*groups: tuple[int, str | None, str | None]) -> list[Pair]:
    """Return pictures of one patient a group: how many, and what both models said of them; all of them are `a`."""
    return [
        Pair((f"{group}.{place}", 0), str(group), "a", first, second)
        for group, (count, first, second) in enumerate(groups)
        for place in range(count)
    ]


def test_shares_and_table_are_of_what_both_read() -> None:
    """A suggestion that is wrong is none of the right ones, no suggestion is neither."""
    made = compare(pairs((6, "a", "a"), (3, "b", "a"), (1, None, "b")))
    assert made is not None
    assert (made.n, made.groups) == (10, 3)
    assert (made.first.suggested.count, made.first.right.count, made.first.useful.total) == (9, 6, 10)
    assert (made.second.suggested.value, made.second.right.value) == (1.0, 0.9)
    assert made.table == {("right", "right"): 6, ("wrong", "right"): 3, ("none", "wrong"): 1}
    assert (made.only_first, made.only_second, made.same.count) == (0, 3, 6)
    assert made.classes[0][:2] == ("a", 10)
    assert (made.classes[0][2].count, made.classes[0][3].count) == (6, 9)
    assert made.conclusion == "few"


@pytest.mark.parametrize(("one", "two"), [(0, 0), (1, 9), (5, 5), (0, 6), (30, 12)])
def test_the_test_is_the_exact_one(one: int, two: int) -> None:
    """A binomial test with one half, as scipy has it."""
    expected = binomtest(one, one + two, 0.5).pvalue if one + two else 1.0
    assert sign_test(one, two) == pytest.approx(expected)


def test_one_patient_with_many_pictures_decides_nothing() -> None:
    """By picture it looks certain; by patient there is one."""
    made = compare(pairs((40, "b", "a"), (5, "a", "a")))
    assert made is not None
    assert made.by_picture < 0.001
    assert (made.patients, made.by_patient) == ((0, 1, 1), 1.0)
    assert made.conclusion == "equal"


@pytest.mark.parametrize(
    ("first", "second", "conclusion"), [("b", "a", "better"), ("a", None, "worse"), ("a", "a", "equal")]
)
def test_many_patients_decide(first: str | None, second: str | None, conclusion: str) -> None:
    """In either direction; no suggestion is not right."""
    made = compare(pairs(*[(4, first, second)] * 10))
    assert made is not None
    assert made.conclusion == conclusion


@pytest.mark.parametrize(("few", "many"), [(("a", "b"), ("b", "a")), (("b", "a"), ("a", "b"))])
def test_pictures_and_patients_that_point_apart_decide_nothing(few: tuple[str, str], many: tuple[str, str]) -> None:
    """Both are clear: one patient with many pictures says one thing, and eight with a few say the other."""
    comparison = compare(pairs((120, *many), *[(3, *few)] * 8))
    assert comparison is not None
    assert max(comparison.by_picture, comparison.by_patient) < 0.05
    assert comparison.conclusion == "equal"


def test_of_nothing_there_is_no_comparison() -> None:
    """No table of zeros."""
    assert compare([]) is None
