"""A bundle made a laboratory's own: parts that do not meet, the least change that helps, and whether to use it."""

import csv
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import keras
import numpy as np
import pytest
from msgspec import structs
from scipy.special import softmax

from smear.imaging.decode import encode
from smear.imaging.stain import denser
from smear.inference import bundle, floors
from smear.inference.card import NEVER
from smear.inference.field_reader import Reader
from smear.inference.tta import ALWAYS, turned
from training import learnt_pictures
from training.__main__ import main
from training.adaptation import candidates, decision, stain, trial
from training.adaptation.adapt import Plan, adapt
from training.adaptation.adapted_bundle import changed_card
from training.adaptation.candidates import STAIN
from training.adaptation.decision import Judged, decide, refusal, too_few
from training.adaptation.last_layer import moved
from training.adaptation.looked_at import Looked
from training.adaptation.parts import folds, parts, separate_groups
from training.adaptation.trial import Laboratory
from training.data.dataset import load
from training.data.duplicates import agreed
from training.data.manifest import DataError
from training.fit.calibration import abstention_threshold
from training.fit.draft_card import made_with
from training.fit.features import logits_of
from training.fit.run import Material, Run
from training.recipes import loading
from training.recipes.recipe import Refusal

pytestmark = pytest.mark.usefixtures("all_eagerly")

NAMES = ("a", "b", "c")


@pytest.fixture
def laboratory():
    """Three hundred pictures of thirty patients, three labels: targets and groups."""
    random = np.random.default_rng(0)
    return random.integers(0, 3, 300), np.arange(300) // 10


def test_no_label_and_no_patient_serves_two_ends(laboratory):
    targets, groups = laboratory
    three = parts(targets, groups, NAMES, None)
    found = [set(groups[part].tolist()) for part in (three.adapt, three.calibrate, three.release)]
    assert sum(len(one) for one in found) == len(set.union(*found)) == 30
    assert len(three.adapt) + len(three.calibrate) + len(three.release) == 300
    assert 70 <= len(three.release) <= 130
    for train, test in folds(targets[three.adapt], groups[three.adapt], 3):
        assert not set(groups[three.adapt][train]) & set(groups[three.adapt][test])


def test_fewer_labels_are_tested_on_the_same_pictures(laboratory):
    targets, groups = laboratory
    many, few = parts(targets, groups, NAMES, None), parts(targets, groups, NAMES, 50)
    np.testing.assert_array_equal(many.release, few.release)
    assert 45 <= len(few.adapt) + len(few.calibrate) <= 55
    assert set(few.adapt) <= set(many.adapt)
    other = parts(targets, groups, NAMES, 50, seed=1)
    assert not np.array_equal(other.adapt, few.adapt)


def test_every_drawing_has_a_test_of_its_own(laboratory):
    """Neighbouring seeds had the same, as long as they shared shufflings of which the best was taken."""
    targets, groups = laboratory
    assert len({parts(targets, groups, NAMES, 50, seed).release.tobytes() for seed in range(8)}) == 8


def test_a_label_of_too_few_slides_is_split_by_picture_and_said(laboratory):
    targets, groups = laboratory
    groups = np.where(targets == 1, 500, groups)
    apart, alone = separate_groups(targets, groups, NAMES, np.arange(len(targets)))
    assert alone == ["b"]
    assert len(np.unique(apart[targets == 1])) == (targets == 1).sum()
    np.testing.assert_array_equal(apart[targets != 1], groups[targets != 1])
    copies = np.arange(len(targets)) // 2  # each picture is there twice, though not always under one label
    apart, _alone = separate_groups(targets, groups, NAMES, copies)
    pairs = (targets[::2] == 1) & (targets[1::2] == 1)
    assert (apart[::2] == apart[1::2])[pairs].all()
    three = parts(targets, apart, NAMES, None)
    assert all((targets[part] == 1).any() for part in (three.adapt, three.calibrate, three.release))


def test_every_fold_learns_every_label():
    """One slide has most of each label: without it a fold would learn nothing of that label, and know none of it."""
    targets = np.repeat([0, 1, 2], 12)
    groups = np.concatenate([label * 10 + np.array([0] * 11 + [1]) for label in range(3)])
    pairs = folds(targets, groups, 3)
    assert len(pairs) == 3
    assert all(np.bincount(targets[train], minlength=3).min() >= 2 for train, _test in pairs)
    assert sorted(np.concatenate([test for _train, test in pairs]).tolist()) == list(range(36))
    assert folds(targets, np.zeros(36, np.int64), 3) == []


def test_too_little_is_said_before_anything_is_tried(laboratory):
    targets, groups = laboratory
    with pytest.raises(DataError, match="10 labels are too few: 20 are the least"):
        parts(targets, groups, NAMES, 10)
    with pytest.raises(DataError, match="of 1 patients or slides, and 3 are the least"):
        parts(targets, np.zeros_like(groups), NAMES, None)
    with pytest.raises(DataError, match="labels are left to adapt and calibrate with"):
        parts(targets[:24], groups[:24] * 0 + np.arange(24) // 4, NAMES, None)
    rare = np.where(np.arange(300) == 7, 2, targets % 2)
    with pytest.raises(DataError, match="Of 'c' there are 1 pictures, but 6 are needed"):
        parts(rare, groups, NAMES, None)


def test_a_last_layer_follows_the_labels_and_keeps_what_it_is_not_told():
    random = np.random.default_rng(1)
    features = random.normal(size=(80, 6))
    targets = (features[:, 0] > 0).astype(np.int64)  # of three labels the laboratory has two
    kernel, bias = random.normal(size=(6, 3)) * 0.1, np.array([0.0, 0.0, -1.0])
    before = features @ kernel + bias
    soft, stiff = (moved(kernel, bias, features, targets, penalty) for penalty in (3e-3, 1e3))
    after = features @ soft[0] + soft[1]
    assert (after.argmax(axis=1) == targets).mean() > 0.95 > (before.argmax(axis=1) == targets).mean() + 0.2
    np.testing.assert_allclose(stiff[0], kernel, atol=1e-3)
    # Asked about what is like nothing that it was told of, it says of the third what it said.
    assert softmax(after, axis=1)[:, 2].max() < 0.5


def test_a_last_layer_is_the_same_of_more_pictures_than_features_as_of_fewer():
    """They are turned into their span only where that makes fewer numbers to seek."""
    random = np.random.default_rng(2)
    features, kernel, bias = random.normal(size=(60, 8)), random.normal(size=(8, 3)), np.zeros(3)
    targets = random.integers(0, 3, 60)
    many = moved(kernel, bias, features, targets, 0.03)
    nothing = np.zeros((60, 60))  # features that tell nothing, so that there are more of them than pictures
    few = moved(np.vstack([kernel, np.zeros((60, 3))]), bias, np.hstack([features, nothing]), targets, 0.03)
    np.testing.assert_allclose(few[0][:8], many[0], atol=1e-3)
    np.testing.assert_allclose(few[1], many[1], atol=1e-3)


def row(name, hits):
    return candidates.Compared(name, len(hits), int(hits.sum()), hits)


def test_the_least_change_is_taken_that_is_not_clearly_worse():
    base = np.arange(100) < 80
    same, better = base.copy(), np.arange(100) < 95
    same[78:83] = (False, False, True, True, True)  # one picture more, of five on which they differ: chance
    assert candidates.choose([row("nothing", base), row("layer", same)]) == 0
    assert candidates.choose([row("nothing", np.arange(66) < 65), row("stain", np.arange(66) < 66)]) == 0
    assert candidates.choose([row("nothing", np.arange(66) < 63), row("stain", np.arange(66) < 66)]) == 1
    assert candidates.choose([row("nothing", base), row("layer", better)]) == 1
    assert candidates.choose([row("nothing", base), row("layer", better), row("all", better)]) == 1
    assert candidates.choose([]) == 0


@pytest.mark.parametrize(("doubted", "fewest"), [(0.05, 20), (0.2, 22), (0.6, 28)])
def test_too_few_labels_to_set_thresholds_by_are_said(doubted, fewest):
    asked = Refusal(target_accuracy=0.97, for_confidence=doubted)
    assert too_few(fewest, asked) == ""
    assert too_few(fewest - 1, asked).startswith(f"{fewest - 1} labels set thresholds, and {fewest} are the least")
    right = np.ones(fewest, bool)
    assert abstention_threshold(np.linspace(0.5, 0.9, fewest), right, asked).value < NEVER
    assert abstention_threshold(np.linspace(0.5, 0.9, fewest - 1), right[1:], asked).value == NEVER


def judged(suggested=100, right=0.99, coverage=0.9, accuracy=0.9):
    return Judged(
        n=120,
        accuracy_all=accuracy,
        accuracy_all_limits=(0.8, 0.95),
        accuracy_suggested=right if suggested else None,
        accuracy_suggested_limits=(0.95, 1.0),
        suggested=suggested,
        coverage=coverage,
    )


@pytest.mark.parametrize(
    ("after", "go", "words"),
    [
        (judged(), True, "Last layer: 99.0 % of 100 suggestions are right"),
        (judged(suggested=12), False, "Too few events to say"),
        (judged(suggested=0), False, "Too few events to say"),
        (judged(right=0.9), False, "It misses its target of 97.0 %"),
        (judged(coverage=0.3), False, "It makes a suggestion for 30.0 % of the test"),
        (judged(accuracy=0.6), False, "right less often than before"),
    ],
)
def test_the_decision_says_why(after, go, words):
    said = decide(judged(accuracy=0.7), after, 0.97, "last layer")
    assert said[0] is go
    assert words in said[1]


@pytest.mark.parametrize(("asked", "given"), [(0.6, 0.2), (0.05, 0.05)])
def test_no_more_is_refused_than_where_nobody_has_measured(run, asked, given):
    card = bundle.verify(run / "tiny")
    wide = structs.replace(card, recipe={**card.recipe, "refusal": {"for_confidence": asked, "target_accuracy": 0.99}})
    assert (refusal(wide).for_confidence, refusal(wide).target_accuracy) == (given, 0.97)


def test_a_picture_that_two_people_named_differently_is_left_out_and_said(drawn, tmp_path):
    lines = []
    for name, label in (("leukemic/00.png", "leukemic"), ("leukemic/01.png", "leukemic"), ("sparse/00.png", "sparse")):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((drawn / name).read_bytes())
    (tmp_path / "sparse" / "again.png").write_bytes((drawn / "leukemic" / "00.png").read_bytes())
    rest = agreed(load(tmp_path), lines.append)
    assert set(rest.paths) == {"leukemic/01.png", "sparse/00.png"}
    assert "leukemic/00.png ('leukemic') and sparse/again.png ('sparse')" in lines[0]
    whole = agreed(load(drawn), lines.append)
    assert len(whole) == 48


@pytest.fixture(scope="module")
def adapted(run, drawn, tmp_path_factory):
    """What the command printed for a tiny network and drawings, and its folder."""
    out = tmp_path_factory.mktemp("adapted")
    return out, ["adapt", str(run / "tiny"), "--data", str(drawn), "--out", str(out), "--lab", "North"]


def test_a_laboratory_gets_a_bundle_that_reads_and_a_record_to_file(adapted, drawn, capsys, monkeypatch):
    monkeypatch.setattr(candidates, "STEPS", 4)
    out, command = adapted
    assert main([*command, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"before", "after", "chosen", "go", "reason"} <= set(said)
    for when in ("before", "after"):
        assert {"n", "accuracy_all", "accuracy_suggested", "coverage"} <= set(said[when])
        assert said[when]["n"] == said["labels"]["release"]
    assert said["go"] is False
    assert "Too few events to say" in said["reason"]
    assert "are the least by which any can be set" in said["reason"]
    assert {"thresholds only", STAIN, f"{STAIN}, then last layer (0.3 stiff)", "fine-tuned from the bundle"} <= set(
        said["tried"]
    )
    card = bundle.verify(out / "tiny-adapted")
    assert card.data["parent"]["name"] == "tiny"
    assert card.attribution.endswith("Adapted to North's own pictures, which stay with it.")
    assert any("forgotten of its parent's" in text for text in card.known_failures)
    assert set(card.metrics) == {floors.RELEASE}
    assert card.metrics[floors.RELEASE]["gain_over_colours"]["low"] <= 1
    assert any("found not good enough there. Too few events" in sentence for sentence in floors.unmet(card))
    record = json.loads((out / "change.json").read_text(encoding="utf-8"))
    assert record["limits"]["accuracy_suggested"] == 0.97
    assert record["result"]["chosen"] == said["chosen"]
    assert record["data"]["fingerprint"] == load(drawn).fingerprint
    reading = Reader(bundle.load(out / "tiny-adapted")).read((drawn / "leukemic" / "00.png").read_bytes())
    assert reading.bundle == "tiny-adapted"


def test_numbers_of_labels_are_drawn_several_times_into_a_table(adapted, tmp_path, capsys):
    _, command = adapted
    command = [*command[: command.index("--out")], "--out", str(tmp_path), "--lab", "North", "--seed", "3"]
    command.append("--no-fine-tuning")
    assert main([*command, "--labels", "20", "--labels", "24", "--draws", "2", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(one["labels"], one["seed"]) for one in said] == [(20, 3), (24, 3), (20, 4), (24, 4)]
    assert all(abs(one["used"] - one["labels"]) <= 2 for one in said)
    assert said[0]["accuracy_before"] == said[1]["accuracy_before"]  # of one test
    with (tmp_path / "draws.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert [row["accuracy_all"] for row in rows] == [str(one["accuracy_all"]) for one in said]
    assert {row["laboratory"] for row in rows} == {"North"}
    assert not list(tmp_path.glob("*/card.json"))
    for several in (["--labels", "20", "--labels", "24"], ["--draws", "2"]):
        assert main([*command, *several]) == 2
        assert "--labels and --draws go together" in capsys.readouterr().err
    assert main([*command, "--weights", str(tmp_path)]) == 2
    assert "leave them out, or --no-fine-tuning" in capsys.readouterr().err


def test_a_bundle_of_matched_stain_is_served_with_the_step(run, drawn, tmp_path, monkeypatch):
    """Its golden answers are those of pictures after it, or it would not load."""
    every = candidates.candidates
    only = lambda *given, **named: [candidate for candidate in every(*given, **named) if candidate.name == STAIN]  # noqa: E731
    monkeypatch.setattr(candidates, "candidates", only)
    parent, data = bundle.load(run / "tiny"), load(drawn)
    parent = replace(parent, card=structs.replace(parent.card, frameworks={"segmenter": "earlier 0.1"}))
    for number, path in enumerate(data.paths):
        other = tmp_path / "pale" / path
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(encode(denser(data.picture(number), (0.6, 0.7, 0.8)), "PNG"))
    outcome = adapt(parent, Plan(load(tmp_path / "pale")), tmp_path, print)
    assert outcome.chosen == STAIN
    made = bundle.load(tmp_path / "tiny-adapted")
    (step,) = made.card.preprocess[len(parent.card.preprocess) :]
    assert step.name == "optical_density"
    assert all(1 < gain < 2.5 for gain in step.parameters["gains"])
    assert made.card.golden[0].logits != parent.card.golden[0].logits
    assert made.card.frameworks == made_with()  # and not what the older parent was made with
    assert Reader(made).read((drawn / "leukemic" / "00.png").read_bytes()).bundle == "tiny-adapted"


def test_what_is_learnt_from_labels_is_served_in_all_orientations(run, drawn, tmp_path, monkeypatch):
    """It learns from each of them, and gives in serving the answers by which it was chosen."""
    every, name = candidates.candidates, "last layer (0.03 stiff)"
    only = lambda *given, **named: [candidate for candidate in every(*given, **named) if candidate.name == name]  # noqa: E731
    monkeypatch.setattr(candidates, "candidates", only)
    parent = bundle.load(run / "tiny")
    assert parent.card.tta == 1
    laboratory = Laboratory(parent, load(drawn), None, tmp_path, print, fine_tuning=False)
    assert laboratory.known.features.shape[:2] == (48, 8)
    learnt_from = Mock(wraps=candidates.moved)
    monkeypatch.setattr(candidates, "moved", learnt_from)
    three = laboratory.parts(None, 0)
    adapted = laboratory._adapted(laboratory.candidates[0], three)
    digests = np.array(laboratory.data.digests)
    assert set(adapted.learnt) == {*digests[three.adapt], *digests[three.calibrate]}
    assert learnt_from.call_args.args[2].shape[0] == 8 * len(three.adapt)
    card = changed_card(parent.card, adapted)
    assert (card.tta, card.tta_confidence) == (8, 0.95)
    apart = laboratory.known.some(three.calibrate)
    expected = laboratory.candidates[0].fit(laboratory.known.some(three.adapt)).logits(apart)
    np.testing.assert_allclose(adapted.network.forward(apart.inputs, maps=False).logits, expected, rtol=1e-3, atol=1e-2)


def test_stain_is_matched_once_for_all_that_is_tried_after_it(run, drawn, tmp_path, monkeypatch):
    laboratory = Laboratory(bundle.load(run / "tiny"), load(drawn), None, tmp_path, print)
    after_matching = [one for one in laboratory.candidates if one.name.startswith(STAIN)]
    assert len(after_matching) > 2
    matched = Mock(wraps=stain.matched)
    monkeypatch.setattr(stain, "matched", matched)
    rows = candidates.compare(after_matching, laboratory.known.some(laboratory.parts(None, 0).adapt), print)
    assert len(rows) == len(after_matching)
    assert matched.call_count == 2 * candidates.FOLDS  # what is fitted to and what is tested, of each fold


def test_a_fine_tuned_network_is_compared_by_the_answers_that_it_will_give(tiny, tmp_path, monkeypatch):
    """That is by the mean over the orientations of its card, and not by the upright view."""
    keras.utils.set_random_seed(3)
    given = keras.Input((8, 8, 3))
    model = keras.Model(given, keras.layers.Dense(2)(keras.layers.Flatten()(given)))
    trained = SimpleNamespace(blueprint=SimpleNamespace(model=model))
    monkeypatch.setattr(candidates, "train_network", lambda _run, _pictures: trained)
    inputs = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    known = Looked(inputs, *(np.zeros((6, 2)) for _ in range(3)), np.arange(6) % 2, np.arange(6), np.ones(6, bool))
    card = SimpleNamespace(labels=("a", "b"), tta=4, tta_confidence=ALWAYS)
    run = Run(Material(loading.load(str(tiny)), None), None, tmp_path)
    views = [logits_of(model, turned(inputs, range(number, number + 1))) for number in range(4)]
    np.testing.assert_allclose(candidates._trained(run, card)(known).logits(known), np.mean(views, axis=0), rtol=1e-4)
    assert np.abs(views[0] - np.mean(views, axis=0)).max() > 1


def test_further_training_searches_for_nothing():
    short = candidates._short(loading.load("bushi-odrnn"))
    assert (short.search.population, short.search.weight_generations) == (0, 0)


@pytest.mark.usefixtures("eagerly")
def test_no_fold_goes_on_from_the_weights_that_a_killed_command_has_left(run, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(candidates, "STEPS", 2)
    laboratory = Laboratory(bundle.load(run / "tiny"), load(drawn), None, tmp_path, print)
    fine_tuned = laboratory.candidates[-1]
    assert fine_tuned.name == candidates.FURTHER
    left = tmp_path / fine_tuned.name.replace(" ", "-") / "epochs" / "0001.weights.h5"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of another fold")
    known = laboratory.known.some(np.arange(0, 48, 2))
    assert fine_tuned.fit(known).logits(known).shape == (24, 2)
    assert not left.exists()


def test_what_cannot_be_adapted_to_is_a_sentence(adapted, drawn, tmp_path, capsys):
    _out, command = adapted
    assert main([*command, "--labels", "5"]) == 1
    assert "5 labels are too few" in capsys.readouterr().err
    for label, kind in (("leukemic", "leukemic"), ("strange", "sparse")):
        (tmp_path / label).mkdir()
        for name in ("00.png", "01.png"):
            (tmp_path / label / name).write_bytes((drawn / kind / name).read_bytes())
    assert main([*command[:2], "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "'tiny' does not know the label 'strange'. It knows leukemic, sparse" in capsys.readouterr().err


def test_limits_are_by_patients_where_these_make_them_wider():
    right = np.ones(60, bool)
    right[:15] = False  # one patient of four
    assessment = SimpleNamespace(
        predictions=SimpleNamespace(right=lambda _targets: right, suggested=np.ones(60, bool)), targets=None
    )
    by_picture = decision.judged(assessment, np.arange(60))
    by_patient = decision.judged(assessment, np.arange(60) // 15)
    assert by_picture.accuracy_all == by_patient.accuracy_all == 0.75
    assert by_picture.accuracy_all_limits == pytest.approx((0.621, 0.853), abs=0.001)  # Clopper and Pearson
    assert by_patient.accuracy_all_limits == by_patient.accuracy_suggested_limits == (0.25, 1.0)
    assert decision.judged(assessment, np.zeros(60, np.int64)).accuracy_all_limits == (0.0, 1.0)


def test_what_cannot_be_graded_sets_no_threshold(run, drawn, tmp_path, monkeypatch):
    data = shutil.copytree(drawn, tmp_path / "data")
    for number in range(0, 24, 4):  # no two alike: copies stay together
        blank = encode(np.full((224, 224, 3), 220 + number, np.uint8), "PNG")
        (data / "sparse" / f"{number:02}.png").write_bytes(blank)
    told: list[str] = []
    laboratory = Laboratory(
        bundle.load(run / "tiny"), load(data), None, tmp_path / "tried", told.append, fine_tuning=False
    )
    blanks = [path for path, graded in zip(laboratory.data.paths, laboratory.known.gradable, strict=True) if not graded]
    assert {f"sparse/{number:02}.png" for number in range(0, 24, 4)} <= set(blanks)
    scores: list[np.ndarray] = []
    calibrate = trial.calibrate
    monkeypatch.setattr(trial, "calibrate", lambda *given: scores.append(given[2]) or calibrate(*given))
    drawings = (laboratory.parts(None, seed) for seed in range(20))
    three = next(parts for parts in drawings if not laboratory.known.gradable[parts.calibrate].all())
    tried = laboratory.tried(three, ())
    np.testing.assert_array_equal(np.isfinite(scores[0]), laboratory.known.gradable[three.calibrate])
    assert tried.calibrating == laboratory.known.gradable[three.calibrate].sum() < len(three.calibrate)
    assert any("of the labelled pictures cannot be graded: they set no threshold." in line for line in told)


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", ".hidden", "leukolens-cells-mask"])
def test_a_name_that_is_no_folder_s_is_not_understood(adapted, capsys, name):
    _out, command = adapted
    assert main([*command, "--name", name]) == 2
    assert "cannot be the name of a bundle's folder" in capsys.readouterr().err
    assert main([*command, "--name", "ours", "--draws", "2", "--labels", "20"]) == 2
    assert "--draws makes a table and no bundle" in capsys.readouterr().err


def test_who_knows_the_data_already_is_said(run, adapted, drawn, tmp_path, capsys):
    out, command = adapted
    if not (out / "tiny-adapted").is_dir():
        assert main([*command, "--no-fine-tuning"]) == 0
    capsys.readouterr()
    assert learnt_pictures.read(run / "tiny") <= learnt_pictures.read(out / "tiny-adapted")
    again = ["adapt", str(out / "tiny-adapted"), "--data", str(drawn), "--no-fine-tuning", "--name", "ours"]
    assert main([*again, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert "Beware: tiny-adapted was trained on this very data." in told
    assert "Beware: tiny-adapted was adapted itself." in told
    assert "Adapt what it was made of in its place: tiny 0.1.0." in told
    assert bundle.verify(tmp_path / "ours").version.count("+") == 1
