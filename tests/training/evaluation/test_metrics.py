"""Metrics, calibration and augmentation against values worked out by hand or by definition."""

import numpy as np
import pytest
from msgspec import structs
from scipy.stats import binom

from smear.imaging import synthetic
from smear.imaging.background import BLACK
from smear.inference.card import NEVER, Label
from smear.inference.suggestion import calibrated
from smear.measured import Difference
from smear.segmentation.find import find
from training.augmentation.augment import Augmentation, augment
from training.data.ablations import ABLATIONS, colour_statistics
from training.evaluation.bootstrap import GroupDraws, difference, macro_f1_interval
from training.evaluation.conclusion import Colours, Earlier, conclude
from training.evaluation.metrics import (
    Ablation,
    Metrics,
    by_patient,
    expected_calibration_error,
    rate,
    rate_among,
    risk_coverage,
    wilson,
)
from training.fit.calibration import (
    abstention_threshold,
    best_temperature,
    calibrate,
    negative_log_likelihood,
    ood_threshold,
)
from training.recipes.recipe import Refusal


def test_wilson_intervals_are_those_of_the_textbook():
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662, 15 of 148 gives 0.0624 to 0.1605.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert rate(0, 0).value is None


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    targets = np.array([0] * 8 + [1] * 2 + [0] * 6 + [1] * 4)
    assert expected_calibration_error(probabilities, targets) == pytest.approx(0.5 * 0.1 + 0.5 * 0.0)


def test_risk_coverage_by_hand():
    confidence = np.linspace(1, 0, 100)
    right = np.array([True] * 90 + [False] * 10)
    curve = {point.coverage: point.accuracy for point in risk_coverage(confidence, right)}
    assert curve[0.9] == 1.0
    assert curve[1.0] == 0.9


def test_the_temperature_of_overconfident_logits_is_found():
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, 3))
    weights = calibrated(logits, 1.0)
    targets = np.array([random.choice(3, p=row) for row in weights])
    assert best_temperature(logits * 3, targets) == pytest.approx(3, rel=0.1)
    assert negative_log_likelihood(logits * 3, targets, 3.0) < negative_log_likelihood(logits * 3, targets, 1.0)


def test_the_abstention_threshold_reaches_the_target_and_refuses_half_of_the_share_in_any_case():
    random = np.random.default_rng(1)
    confidence = random.random(1000)
    right = random.random(1000) < 0.5 + confidence / 2
    threshold = abstention_threshold(confidence, right, Refusal(0.9, 0.05, 0.02))
    answered = confidence >= threshold.value
    assert right[answered].mean() >= 0.9
    assert right[confidence >= np.sort(confidence)[(~answered).sum() - 5]].mean() < 0.9
    assert threshold.refusal_rate == pytest.approx((~answered).mean())
    assert threshold.refusal_rate > 0.3
    easy = abstention_threshold(confidence, np.ones(1000, bool), Refusal(0.9, 0.05, 0.02))
    assert easy.refusal_rate == pytest.approx(0.025, abs=0.002)


@pytest.mark.parametrize("count", [15, 1000])
def test_where_the_target_is_not_reached_nothing_is_suggested(count):
    random = np.random.default_rng(2)
    confidence, right = random.random(count), random.random(count) < 0.5
    right[:15] = count == 15  # few pictures, all right: nobody knows how the next ones do
    assert abstention_threshold(confidence, right, Refusal(0.95, 0.05, 0.02)).value == NEVER


def test_mistakes_that_are_refused_for_another_label_do_not_ask_for_more_confidence():
    """They are unfamiliar, so that no threshold is asked about them; without that weight they are as all others are."""
    random = np.random.default_rng(6)
    targets, wrong = random.integers(0, 2, 1000), np.arange(1000) < 30
    margin = np.where(wrong, -2.0, random.uniform(0.5, 3, 1000))
    logits = np.stack([margin, -margin], 1) * np.where(targets == 0, 1, -1)[:, None]
    scores = np.where(wrong, 3.0, random.uniform(0.5, 1.5, 1000))
    refusal = Refusal(target_accuracy=0.99, for_confidence=0.02, for_ood=0.03)
    plain = calibrate(logits, targets, scores, refusal)
    spared = calibrate(logits, targets, scores, structs.replace(refusal, other_label=8.0))
    assert spared.ood == plain.ood
    assert 1.5 <= spared.ood.value < 3
    assert plain.abstention.refusal_rate > 0.3
    assert spared.abstention.refusal_rate < 0.03


def test_pictures_of_one_confidence_are_answered_all_or_none():
    confidence = np.repeat([0.999, 0.6], 100)
    right = np.concatenate([np.ones(150, bool), np.zeros(50, bool)])  # those at 0.6 are right on half
    threshold = abstention_threshold(confidence, right, Refusal(0.9, 0.0, 0.02))
    assert threshold.value == pytest.approx(0.999)
    sure = abstention_threshold(np.ones(100), np.ones(100, bool), Refusal(0.9, 0.05, 0.02))
    assert (sure.value < NEVER, sure.refusal_rate) == (True, 0)


def test_no_cut_of_what_reaches_the_target_leaves_what_misses_it():
    """The mistakes are among the surer half: all pictures together are right often enough, what may be answered not."""
    confidence = np.linspace(1, 0.5, 100)
    right = np.arange(100) >= 8
    assert right.mean() > 0.9 > right[:75].mean()
    assert abstention_threshold(confidence, right, Refusal(0.9, 0.5, 0.02)).value == NEVER
    right = np.isin(np.arange(100), range(40, 48), invert=True)  # the surest 40 are right, the surest 75 too seldom
    threshold = abstention_threshold(confidence, right, Refusal(0.9, 0.5, 0.02))
    assert right[confidence >= threshold.value].mean() >= 0.9
    assert 0.5 < threshold.refusal_rate < 1


def test_the_ood_threshold_refuses_the_share_that_the_recipe_allows():
    scores = np.random.default_rng(2).gamma(2, 1, 1000)
    threshold = ood_threshold(scores, Refusal(for_ood=0.02))
    assert threshold.refusal_rate == pytest.approx(0.02, abs=0.001)
    assert (scores > threshold.value).mean() == pytest.approx(threshold.refusal_rate, abs=1e-6)


def test_augmentation_is_a_function_of_its_seed_and_keeps_white_white():
    picture = np.full((64, 64, 3), 255, np.uint8)
    assert augment(picture, Augmentation(), 3).min() >= 254
    picture[20:44, 20:44] = (120, 60, 170)
    first, again, other = (augment(picture, Augmentation(), seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.min(axis=2) < 200).mean() == pytest.approx(24 * 24 / 64 / 64, rel=0.6)


def test_every_ablation_takes_away_what_it_says():
    field = synthetic.field(2, "leukemic", 224)
    changed = {name: ablate(find(field)) for name, ablate in ABLATIONS.items()}
    assert all(one.shape == field.shape and one.dtype == np.uint8 for one in changed.values())
    assert np.ptp(changed["grey"].astype(int), axis=2).max() == 0
    assert (changed["corner_only"][:-19, :-44] == 255).all()
    assert np.array_equal(changed["corner_only"][-19:, -44:], field[-19:, -44:])
    cells_left = (changed["background_removed"] == field).all(axis=2)
    slide_left = (changed["cells_removed"] == field).all(axis=2)
    assert not (cells_left & slide_left & (field.min(axis=2) < 200)).any()
    assert colour_statistics(field).shape == (15,)


def test_a_cell_that_was_cut_out_on_black_leaves_black_when_it_is_removed():
    """In its own colour its outline would be left, and blasts are told by their size alone."""
    field = synthetic.field(2, "leukemic", 448)
    leukocytes = find(field)
    whole = int(np.flatnonzero(~leukocytes.cut)[0])
    x0, y0, x1, y1 = leukocytes.boxes[whole]
    mask = leukocytes.labels[y0:y1, x0:x1] == whole + 1
    alone = np.pad(np.where(mask[..., None], field[y0:y1, x0:x1], 0), ((12, 12), (12, 12), (0, 0)))
    assert len(find(alone)) == 1
    assert ABLATIONS["cells_removed"](find(alone)).max() <= BLACK


def result(suggested, everything, removed):
    """Metrics of a thousand pictures, of which only some numbers matter."""
    return Metrics(
        n=1000,
        coverage=0.9,
        accuracy_suggested=rate(suggested, 900),
        accuracy_all=rate(everything, 1000),
        sensitivity={"a": rate(40, 50), "b": rate(900, 950)},
        ablations={"cells_removed": Ablation(0.5, removed, rate(0, 1000))},
        **dict.fromkeys(("balanced_accuracy", "macro_f1", "weighted_f1", "auroc", "ece", "ece_before"), 0.5),
        **{name: {} for name in ("specificity", "sensitivity_suggested", "auroc_by_class")},
        **{name: [] for name in ("risk_coverage", "reliability", "confusion")},
    )


NAMES = {"a": "Alpha", "b": "Beta"}


def test_the_conclusion_says_whether_a_shortcut_shows():
    assert "Beware" in conclude(result(890, 950, 0.3), NAMES)
    assert "Beware" not in conclude(result(890, 950, 0.01), NAMES)
    assert "weakest class is Alpha" in conclude(result(890, 950, 0.01), NAMES)
    forest = rate(900, 1000)
    assert "is clearly better" in conclude(result(890, 990, 0.01), NAMES, Colours(forest, Difference(0.09, 0.02, 0.15)))
    assert "not clearly" in conclude(result(890, 990, 0.01), NAMES, Colours(forest, Difference(0.09, -0.01, 0.15)))


def test_the_conclusion_says_of_whom_its_interval_is():
    assert "each picture counted by itself" in conclude(result(890, 950, 0.01), NAMES)
    suggested = structs.replace(rate(890, 900), low=0.9, high=1.0, groups=28, wilson=(0.98, 0.99))
    metrics = structs.replace(result(890, 950, 0.01), accuracy_suggested=suggested)
    assert "90.0 % to 100.0 % by 28 patients; 98.0 % to 99.0 % if each" in conclude(
        metrics, NAMES, groups_from="patients"
    )
    assert "by 28 groups of pictures" in conclude(metrics, NAMES, groups_from="slides")
    assert "suggestion for none of 1000" in conclude(
        structs.replace(metrics, accuracy_suggested=rate(0, 0)), NAMES, groups_from="slides"
    )


def test_intervals_draw_whole_groups():
    """Ten people of forty pictures, of whom three are never recognised: by picture the interval is far too narrow."""
    groups = np.repeat(np.arange(10), 40)
    hits, among = groups >= 3, np.ones(400, bool)
    told = rate_among(hits, among, GroupDraws(groups))
    assert (told.value, told.groups, told.wilson) == (0.7, 10, (rate(280, 400).low, rate(280, 400).high))
    ends = binom.ppf((0.025, 0.975), 10, 0.7) / 10  # of ten draws, each of a person who is recognised with 0.7
    assert (told.low, told.high) == pytest.approx(tuple(ends), abs=0.1)
    apart = rate_among(hits, among, GroupDraws(np.arange(400)))  # each picture its own group
    assert (apart.low, apart.high) == pytest.approx(apart.wilson, abs=0.01)


def test_one_patient_makes_nothing_clearly_better():
    targets, alone = np.arange(40) % 2, np.zeros(40, int)
    right, wrong = np.ones(40, bool), np.zeros(40, bool)
    assert GroupDraws(alone).gain(right, wrong) == Difference(1.0, -1.0, 1.0)
    assert difference(targets, targets, 1 - targets, alone, 2) == Difference(1.0, -1.0, 1.0)
    assert macro_f1_interval(targets, targets, alone, 2) == (0.0, 1.0)


def test_an_interval_is_never_narrower_than_by_picture_and_one_group_says_nothing_of_the_next():
    groups, among = np.repeat(np.arange(4), 10), np.ones(40, bool)
    told = rate_among(among, among, GroupDraws(groups))
    assert (told.low, told.high) == told.wilson
    one = rate_among(among, groups == 2, GroupDraws(groups))
    assert (one.low, one.high, one.groups) == (0.0, 1.0, 1)
    assert rate_among(among, groups == 9, GroupDraws(groups)).value is None


def test_a_patient_whose_cells_are_of_many_labels_has_none():
    labels, right = (Label("a", "A", "", False), Label("b", "B", "", False)), np.array([1, 1, 0, 1, 0, 0]) == 1
    patients, targets, suggested = np.array([3, 3, 5, 5, 7, 7]), np.array([1, 1, 0, 0, 1, 1]), np.ones(6, bool)
    rows = by_patient(patients, targets, right, suggested, labels)
    assert [(row.label, row.right) for row in rows] == [("a", 1), ("b", 0), ("b", 2)]
    rows = by_patient(patients, np.array([1, 1, 0, 1, 0, 1]), right, suggested, labels)
    assert [(row.label, row.right) for row in rows] == [("", 0), ("", 1), ("", 2)]


def test_a_gain_is_paired_and_by_whole_groups():
    groups = np.repeat(np.arange(20), 10)
    base = np.random.default_rng(0).random(200) < 0.7
    everywhere = GroupDraws(groups).gain(base | (np.arange(200) % 10 == 0), base)
    assert everywhere.value > 0
    assert not everywhere.within_noise
    in_one_group = GroupDraws(groups).gain(base | (groups == 4), base & (groups != 4))
    assert in_one_group.value == 0.05
    assert in_one_group.within_noise


def test_the_conclusion_compares_with_the_earlier_version():
    def compared(right, before):
        return conclude(result(890, right, 0.01), NAMES, earlier=Earlier("tiny 0.0.9", rate(before, 1000)))

    assert compared(950, 949).endswith(
        "Against tiny 0.0.9 it is right 0.1 percentage points more often, which is within chance."
    )
    assert "15.0 percentage points less often" in compared(800, 950)
    assert "more than chance" in compared(950, 800)
    paired = Earlier("tiny 0.0.9", rate(800, 1000), Difference(0.15, -0.02, 0.3))
    assert "within chance" in conclude(result(890, 950, 0.01), NAMES, earlier=paired)


def test_what_was_not_graded_has_no_score_and_moves_no_threshold():
    random = np.random.default_rng(5)
    targets = np.arange(200) % 2
    logits, scores = random.normal(0, 1, (200, 2)) + 2 * np.eye(2)[targets], random.random(200)
    partly = np.where(np.arange(200) % 10, scores, np.nan)
    logits[~np.isfinite(partly)] *= -9  # nonsense that nobody is ever shown
    graded, refusal = np.isfinite(partly), Refusal(0.9, 0.1, 0.05)
    assert calibrate(logits, targets, partly, refusal) == calibrate(
        *(values[graded] for values in (logits, targets, scores)), refusal
    )
