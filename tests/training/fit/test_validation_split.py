"""A recipe that holds nothing back learns from every picture of a training part, and is calibrated by other answers."""

import json

import msgspec
import numpy as np
import pytest
from msgspec import structs

from smear.inference import bundle
from tests.drawn import COLOURS, LABELS, OWN_WORDS
from training.__main__ import main
from training.data.dataset import load as load_dataset
from training.evaluation.cross_fit import OTHERS, OWN
from training.evaluation.cross_validation import Scheme, fold_indices, result_file
from training.fit.calibration import LEAST_PICTURES, UNCALIBRATED
from training.fit.run import Material, Run
from training.fit.trainer import train_network
from training.recipes.loading import load

pytestmark = pytest.mark.usefixtures("all_eagerly")

RECIPE = (
    COLOURS
    + """
[augmentation]
rotation = 10

[schedule]
epochs = 2
batch_size = 8
learning_rate = 1e-2
validation_split = false

[refusal]
target_accuracy = 0.2  # which a network that has learnt nothing reaches too
for_confidence = 0.2
for_ood = 0.1
"""
    + LABELS
)


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "colours.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(drawn, colours, tmp_path_factory):
    """A run with a fit and a grouped cross-validation in it."""
    folder = tmp_path_factory.mktemp("run")
    asked = [str(colours), "--data", str(drawn), "--out", str(folder)]
    assert main(["fit", *asked]) == 0
    assert main(["crossval", *asked, "--folds", "3", "--protocol", "grouped"]) == 0
    return folder


def test_every_picture_is_learnt_from_or_asked_about(drawn, colours, tmp_path):
    recipe, dataset = load(str(colours)), load_dataset(drawn)
    split = structs.replace(recipe, schedule=structs.replace(recipe.schedule, validation_split=True))
    runs = [Run(Material(one, dataset), None, tmp_path) for one in (recipe, split)]
    both = (fold_indices(run, Scheme("grouped", 3)) for run in runs)
    for (fit, none, test), (less, part, same) in zip(*both, strict=True):
        assert len(none) == 0
        assert len(part) > 0
        np.testing.assert_array_equal(test, same)
        assert sorted([*fit, *test]) == list(range(48)) == sorted([*less, *part, *same])


def test_what_is_held_back_decides_nothing_where_there_is_no_patience(drawn, colours, tmp_path):
    recipe = load(str(colours))
    material = Material(recipe, load_dataset(drawn))
    everything = np.arange(len(material.dataset))
    lines, trained = [], []
    for k, held_out in enumerate((everything, everything[:0])):
        run = Run(material, None, tmp_path / str(k), lines.append if k else print)
        trained.append(train_network(run, material.training_set(everything, held_out)))
    for one, other in zip(*(network.blueprint.model.get_weights() for network in trained), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [set(msgspec.to_builtins(row)) for row in trained[1].history] == [{"epoch", "loss", "accuracy"}] * 2
    assert lines[-1].startswith("epoch 2/2: loss ")
    assert "held-out" not in lines[-1]


def test_a_draft_that_nobody_has_calibrated_suggests_nothing(run):
    drafts = [run / "colours", *(run / "grouped" / f"fold-{k}" / "colours" for k in range(3))]
    for draft in drafts:
        card = bundle.read_card(draft)
        assert (card.temperature, card.abstention, card.ood) == (
            UNCALIBRATED.temperature,
            UNCALIBRATED.abstention,
            UNCALIBRATED.ood,
        )
        assert "validation" not in card.metrics
    for k in range(3):
        judged = np.load(run / "grouped" / f"fold-{k}" / "predictions.npz")
        assert not (judged["main.outcomes"] == "suggested").any()


def test_folds_are_judged_and_the_bundle_is_calibrated_by_other_answers(run, tmp_path):
    result = json.loads(result_file(run, "grouped").read_text(encoding="utf-8"))
    assert result["calibrated_by"] == OTHERS
    assert 0.5 < result["coverage"] < 1
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "colours", *OWN_WORDS]) == 0
    card = bundle.read_card(tmp_path / "colours")
    assert card.abstention.value == result["calibration"]["abstention"]["value"] < 1
    assert card.ood.value == result["calibration"]["novelty"]["value"] > 0


def test_one_fold_alone_holds_a_part_back(drawn, colours, tmp_path):
    asked = [str(colours), "--data", str(drawn), "--out", str(tmp_path), "--folds", "3", "--protocol", "grouped"]
    assert main(["crossval", *asked, "--limit", "1"]) == 0
    result = json.loads(result_file(tmp_path, "grouped").read_text(encoding="utf-8"))
    assert result["calibrated_by"] == OWN
    card = bundle.read_card(tmp_path / "grouped" / "fold-0" / "colours")
    assert 0 < card.metrics["validation"]["n"] < LEAST_PICTURES
    assert not card.suggests  # they are too few to choose a threshold by


@pytest.mark.parametrize("line", ["patience = 2", "[search]\npopulation = 8"])
def test_what_goes_by_the_part_that_is_held_back_needs_one(colours, tmp_path, capsys, line):
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace("validation_split = false", f"validation_split = false\n{line}"), encoding="utf-8")
    assert main(["fit", str(path), "--data", str(tmp_path), "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert "wrong.toml, line 17: schedule.validation_split: patience and the search go by the part" in printed
