"""Laboratories held out in turn: who learns from whom, and what the rows say of the next one."""

import numpy as np
import pytest
from msgspec import structs

from smear.inference.card import NEVER, Label
from tests.training.evaluation.test_cross_fit import fold
from training.data.manifest import DataError
from training.evaluation.conclusion import unseen
from training.evaluation.cross_fit import Fold
from training.evaluation.laboratories.held_out import by_laboratory, expected
from training.evaluation.laboratories.probe import laboratory_probe
from training.evaluation.predictions import Predictions
from training.evaluation.splits import laboratory_folds, may_be_learnt_from
from training.fit.calibration import calibrate
from training.recipes.recipe import Refusal, Source

KNOWN = {
    "a": Source("CC BY 4.0", True),
    "b": Source("MIT", True, "a"),
    "c": Source("MIT", True),
    "exam": Source("none", False),
}
LABELS = (Label("blast", "Blast", "", True), Label("lymphocyte", "Lymphocyte", "", False))


def test_a_laboratory_leaves_with_its_companion_and_an_examination_is_never_learnt_from():
    sources = ("a", "b", "c", "exam") * 6
    targets = np.arange(24) // 4 % 2
    folds = laboratory_folds(targets, sources, KNOWN)
    where = np.array(sources)
    assert [sorted(set(where[test])) for _, test in folds] == [["a", "b"], ["c"], ["exam"]]
    assert [sorted(set(where[train])) for train, _ in folds] == [["c"], ["a", "b"], ["a", "b", "c"]]


def test_a_label_that_only_the_laboratory_held_out_has_is_asked_of_nobody():
    sources = ("a",) * 6 + ("c",) * 4 + ("exam",) * 3
    targets = np.array([0, 1, 0, 1, 2, 2, 0, 1, 0, 1, 0, 1, 2])
    first, _second, last = laboratory_folds(targets, sources, KNOWN)
    assert first[1].tolist() == [0, 1, 2, 3]
    assert last[1].tolist() == [10, 11, 12]  # of the third label: everything that ships has it


def test_a_source_of_which_nobody_says_whether_it_ships_is_refused():
    with pytest.raises(DataError, match=r"source 'd' may be learnt from.*knows a, b, c, exam"):
        may_be_learnt_from(("a", "d"), KNOWN)
    assert may_be_learnt_from(("a", "exam"), KNOWN).tolist() == [True, False]
    assert may_be_learnt_from(("a", "d"), {}).tolist() == [True, True]
    with pytest.raises(DataError, match="two sources or more"):
        laboratory_folds(np.array([0, 1]), ("a", "a"), KNOWN)


def answers(targets, wrong, groups, confidence=4.0):
    """Return the fold of one laboratory in which the pictures `wrong` are taken for the other of two labels."""
    said = np.where(np.isin(np.arange(len(targets)), wrong), 1 - targets, targets)
    logits = np.where(said[:, None] == np.arange(2), confidence, 0.0)
    told = np.full(len(targets), "suggested")
    main = Predictions(logits, told, np.full(len(targets), ""), np.ones(len(targets)))
    test = np.arange(len(targets))
    return Fold(test, groups, targets, np.zeros_like(test), targets, 1.0, 0.5, 9.0, main, {})


def test_each_laboratory_has_its_row_and_the_worst_of_them_is_said():
    targets = np.arange(40) % 2
    good, bad = answers(targets, [0], np.arange(40) // 2), answers(targets, np.arange(10), np.arange(40) // 20)
    told = by_laboratory([good], ("a",) * 40, KNOWN, LABELS)
    worse = by_laboratory([bad], ("exam",) * 40, KNOWN, LABELS)
    (row,), (other,) = told.rows, worse.rows
    assert (row.source, row.ships, row.n, row.groups) == ("a", True, 40, 20)
    assert row.accuracy_all.value == 39 / 40
    assert row.accuracy_all.low < 39 / 40 <= row.accuracy_all.high
    assert (other.ships, other.accuracy_all.value, other.accuracy_all.groups) == (False, 30 / 40, 2)
    assert row.accuracy_all.groups == 20
    assert row.sensitivity["blast"].count == 19
    assert row.malignant.auroc > other.malignant.auroc
    assert set(row.malignant.sensitivity) == {"90", "95"}
    assert told.expected.accuracy_all_worst == 39 / 40
    assert expected([row, other]) == told.expected  # an examination is in no other number
    assert "A laboratory that it has never seen: expect a suggestion for 100.0 % of cells" in unseen(told.expected)


def test_thresholds_are_those_of_the_worst_laboratory():
    refusal = Refusal(target_accuracy=0.95, for_confidence=0.8, for_ood=0.05, worst_source=True)
    random = np.random.default_rng(0)
    targets, sources = random.integers(0, 2, 800), np.arange(800) % 2
    margin = np.where(sources == 0, random.normal(3, 1, 800), random.normal(0.7, 1.2, 800))
    logits = np.stack([margin, -margin], 1) * np.where(targets == 0, 1, -1)[:, None]
    scores = random.gamma(9, 0.1, 800)
    strict = calibrate(logits, targets, scores, refusal, sources)
    pooled = calibrate(logits, targets, scores, structs.replace(refusal, worst_source=False), sources)
    assert strict.temperature == pooled.temperature
    assert strict.abstention.value > pooled.abstention.value
    hopeless = np.where(sources == 0, targets, random.integers(0, 2, 800))  # in one laboratory it guesses
    assert calibrate(logits, hopeless, scores, refusal, sources).abstention.value == NEVER
    own = fold(1)
    assert calibrate(own.main.logits, own.targets, own.main.ood_scores, refusal).abstention.value < 1


def test_a_laboratory_too_small_for_any_threshold_has_no_say():
    refusal = Refusal(target_accuracy=0.95, for_confidence=0.6, for_ood=0.0, worst_source=True)
    random = np.random.default_rng(0)
    targets = random.integers(0, 2, 424)
    margin = random.normal(3, 1, 424)
    logits, scores = np.stack([margin, -margin], 1) * np.where(targets == 0, 1, -1)[:, None], random.random(424)
    large_and_small = np.repeat([0, 1], [400, 24])  # of 24 at most 17 may be answered, and 20 are the least
    assert calibrate(logits, targets, scores, refusal, large_and_small).abstention.value < NEVER
    pooled = calibrate(logits, targets, scores, structs.replace(refusal, worst_source=False))
    assert calibrate(logits, targets, scores, refusal, np.arange(424) // 12) == pooled


def test_a_probe_names_laboratories_that_stand_apart_and_not_those_that_do_not():
    random = np.random.default_rng(0)
    targets, sources = np.arange(200) % 2, np.arange(200) // 2 % 2
    blind = random.normal(size=(200, 5))
    telling = blind + 4 * sources[:, None]
    assert laboratory_probe(telling, targets, sources).accuracy > 0.95
    assert laboratory_probe(blind, targets, sources).accuracy < 0.65
    assert laboratory_probe(blind, targets, targets) is None  # each label is one laboratory's
