"""A fold is calibrated by thresholds from the other folds' answers: nothing of its own has a say."""

from dataclasses import replace

import numpy as np
import pytest

from smear.inference.suggestion import doubts
from training.evaluation.cross_fit import OTHERS, OWN, Fold, cross_fitted
from training.evaluation.predictions import Predictions
from training.fit.calibration import calibrate
from training.recipes.recipe import Refusal

REFUSAL = Refusal(target_accuracy=0.99, for_confidence=0.1, for_ood=0.05)


def fold(seed, count=120):
    """Return a fold of two classes whose surest answers are right; every tenth picture is not gradable."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 2, count)
    margin = random.normal(1.5, 1.5, count)
    logits = np.stack([margin, -margin], axis=1) * np.where(targets == 0, 1, -1)[:, None]
    graded = np.arange(count) % 10 > 0
    return Fold(
        test=np.arange(count),
        groups=np.full(count, seed),
        targets=targets,
        sources=np.full(count, seed),
        baseline=targets,
        temperature=1.0,
        abstention=0.5,
        ood=9.0,
        main=Predictions(
            logits=logits,
            outcomes=np.where(graded, "suggested", "not_gradable"),
            reasons=np.where(graded, "", "no_leukocytes"),
            ood_scores=np.where(graded, random.gamma(9, 0.1, count), np.nan),
        ),
        ablations={},
    )


def test_every_fold_is_calibrated_by_the_others():
    folds = [fold(seed) for seed in range(3)]
    fitted, by = cross_fitted(folds, REFUSAL)
    assert by == OTHERS
    for k, own in enumerate(fitted):
        rest = [other for number, other in enumerate(folds) if number != k]
        parts = ([f.main.logits for f in rest], [f.targets for f in rest], [f.main.ood_scores for f in rest])
        expected = calibrate(*map(np.concatenate, parts), REFUSAL)
        assert own.temperature == expected.temperature
        assert (own.abstention, own.ood) == (expected.abstention.value, expected.ood.value)
        outcomes, reasons = own.main.outcomes, own.main.reasons
        assert 0 < np.isin(outcomes, ("unsure", "unfamiliar")).mean() < 0.8
        np.testing.assert_array_equal(own.main.logits, folds[k].main.logits)
        ungraded = folds[k].main.outcomes == "not_gradable"
        assert (outcomes[ungraded] == "not_gradable").all()
        assert (reasons[ungraded] == "no_leukocytes").all()
        assert ((outcomes == "suggested") == (reasons == "")).all()


def test_what_a_fold_answers_does_not_change_its_own_thresholds():
    folds = [fold(seed) for seed in range(3)]
    before = cross_fitted(folds, REFUSAL)[0]
    worse = replace(folds[1], main=replace(folds[1].main, logits=-folds[1].main.logits))
    after = cross_fitted([folds[0], worse, folds[2]], REFUSAL)[0]
    assert (after[1].abstention, after[1].ood) == (before[1].abstention, before[1].ood)
    assert after[1].main.reasons.tolist() == before[1].main.reasons.tolist()
    assert after[0].temperature > 2 * before[0].temperature


def test_ablations_are_calibrated_by_the_same_thresholds():
    folds = [fold(seed) for seed in range(2)]
    folds = [replace(own, ablations={"grey": own.main}) for own in folds]
    for own in cross_fitted(folds, REFUSAL)[0]:
        assert own.ablations["grey"].reasons.tolist() == own.main.reasons.tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_without_other_answers_a_fold_keeps_its_own(count):
    folds = [fold(seed) for seed in range(count)]
    if count == 2:
        folds[1] = replace(folds[1], main=replace(folds[1].main, ood_scores=np.full(120, np.nan)))
    fitted, by = cross_fitted(folds, REFUSAL)
    assert by == OWN
    assert all(own is same for own, same in zip(fitted, folds, strict=True))


def test_a_fold_is_read_as_it_was_written(tmp_path):
    written = fold(1)
    written = replace(written, ablations={"grey": written.main})
    written.write(tmp_path / "fold" / "predictions.npz")
    stored = Fold.read(tmp_path / "fold" / "predictions.npz")
    assert [path.name for path in (tmp_path / "fold").iterdir()] == ["predictions.npz"]
    assert (stored.temperature, stored.abstention, stored.ood) == (1.0, 0.5, 9.0)
    np.testing.assert_array_equal(stored.targets, written.targets)
    for part in ("logits", "outcomes", "reasons", "ood_scores"):
        np.testing.assert_array_equal(getattr(stored.ablations["grey"], part), getattr(written.main, part))


def test_what_speaks_against_a_suggestion():
    assert doubts(0.9, 1.0, 0.9, 1.0) == ()
    assert doubts(0.8, 1.1, 0.9, 1.0) == ("unfamiliar", "low_confidence")
    assert doubts(0.95, float("nan"), 0.9, 1.0) == ("unfamiliar",)
    assert doubts(float("nan"), 0.5, 0.9, 1.0) == ("low_confidence",)
