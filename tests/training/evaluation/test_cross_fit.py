"""A fold is judged by thresholds from the other folds' answers: nothing of its own has a say."""

import numpy as np
import pytest

from smear.inference.suggestion import doubts
from training.evaluation.cross_fit import OTHERS, OWN, cross_fitted
from training.fit.calibration import calibrate
from training.recipes.recipe import Refusal

REFUSAL = Refusal(target_accuracy=0.99, most_for_confidence=0.1, for_novelty=0.05)


def fold(seed, count=120):
    """Return a fold of two classes whose surest answers are right; every tenth picture is not gradable."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 2, count)
    margin = random.normal(1.5, 1.5, count)
    logits = np.stack([margin, -margin], axis=1) * np.where(targets == 0, 1, -1)[:, None]
    graded = np.arange(count) % 10 > 0
    return {
        "targets": targets,
        "groups": np.full(count, seed),
        "temperature": np.array(1.0),
        "thresholds": np.array([0.5, 9.0]),
        "main.logits": logits,
        "main.novelty": np.where(graded, random.gamma(9, 0.1, count), np.nan),
        "main.outcomes": np.where(graded, "suggested", "not_gradable"),
        "main.reasons": np.where(graded, "", "no_leukocytes"),
    }


def test_every_fold_is_judged_by_the_others():
    folds = [fold(seed) for seed in range(3)]
    judged, by = cross_fitted(folds, REFUSAL)
    assert by == OTHERS
    for k, one in enumerate(judged):
        rest = [other for number, other in enumerate(folds) if number != k]
        expected = calibrate(
            *(np.concatenate([r[name] for r in rest]) for name in ("main.logits", "targets", "main.novelty")), REFUSAL
        )
        assert one["temperature"] == expected.temperature
        assert one["thresholds"].tolist() == [expected.abstention.value, expected.novelty.value]
        assert 0 < (one["main.outcomes"] == "uncertain").mean() < 0.3
        np.testing.assert_array_equal(one["main.logits"], folds[k]["main.logits"])
        ungraded = folds[k]["main.outcomes"] == "not_gradable"
        assert (one["main.outcomes"][ungraded] == "not_gradable").all()
        assert (one["main.reasons"][ungraded] == "no_leukocytes").all()
        assert ((one["main.outcomes"] == "suggested") == (one["main.reasons"] == "")).all()


def test_what_a_fold_answers_does_not_change_how_it_is_judged():
    folds = [fold(seed) for seed in range(3)]
    before = cross_fitted(folds, REFUSAL)[0][1]
    worse = folds[1] | {"main.logits": -folds[1]["main.logits"]}
    after = cross_fitted([folds[0], worse, folds[2]], REFUSAL)[0]
    assert after[1]["thresholds"].tolist() == before["thresholds"].tolist()
    assert after[1]["main.reasons"].tolist() == before["main.reasons"].tolist()
    assert after[0]["temperature"] > 2 * cross_fitted(folds, REFUSAL)[0][0]["temperature"]


def test_controls_are_judged_by_the_same_thresholds():
    folds = [fold(seed) for seed in range(2)]
    for one in folds:
        one |= {f"grey.{part}": one[f"main.{part}"] for part in ("logits", "novelty", "outcomes", "reasons")}
    for one in cross_fitted(folds, REFUSAL)[0]:
        assert one["grey.reasons"].tolist() == one["main.reasons"].tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_without_other_answers_a_fold_keeps_its_own(count):
    folds = [fold(seed) for seed in range(count)]
    if count == 2:
        folds[1] |= {"main.novelty": np.full(120, np.nan)}
    judged, by = cross_fitted(folds, REFUSAL)
    assert by == OWN
    assert all(one is same for one, same in zip(judged, folds, strict=True))


def test_what_speaks_against_a_suggestion():
    assert doubts(0.9, 1.0, 0.9, 1.0) == ()
    assert doubts(0.8, 1.1, 0.9, 1.0) == ("novel", "low_confidence")
    assert doubts(0.95, float("nan"), 0.9, 1.0) == ("novel",)
    assert doubts(float("nan"), 0.5, 0.9, 1.0) == ("low_confidence",)
