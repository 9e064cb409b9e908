"""What is not published: a run that is not whole, not of one piece, of nobody, in another's place, or not good enough.

Each by a finished run whose result says something else than it did; nothing but that is changed.
"""

import json
import shutil

import pytest

from smear.inference import bundle
from smear.inference.card import NEVER
from tests.drawn import OWN_WORDS
from training.__main__ import main
from training.evaluation.cross_validation import result_file


@pytest.fixture(scope="module")
def good(run, tmp_path_factory):
    """The run as if its network had been good: what the floors look at, and nothing else, says so."""
    folder = tmp_path_factory.mktemp("good") / "run"
    shutil.copytree(run, folder)
    right = {"value": 0.99, "low": 0.97, "high": 1.0, "right": 47, "of": 48, "groups": 18, "wilson": [0.9, 1.0]}
    calibration = json.loads(result_file(folder, "grouped").read_text(encoding="utf-8"))["calibration"]
    calibration["abstention"] = {"value": 0.8, "refusal_rate": 0.05}
    change(
        folder,
        accuracy_suggested=right,
        accuracy_all=right,
        coverage=0.9,
        gain_over_colours={"value": 0.2, "low": 0.1, "high": 0.3},
        calibration=calibration,
    )
    return folder


@pytest.fixture
def copy(good, tmp_path):
    return shutil.copytree(good, tmp_path / "run")


def change(run, **entries):
    """Let the grouped result of a run say something else."""
    file = result_file(run, "grouped")
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | entries), encoding="utf-8")


def publish(run, models, *words):
    return main(["publish", str(run), "--models", str(models), *words])


NAMED = (*OWN_WORDS[:-1], "--name", "our-own")  # without --second-opinion


def test_a_good_run_is_published_in_its_makers_words(copy, tmp_path):
    assert publish(copy, tmp_path, *NAMED) == 0
    card = bundle.read_card(tmp_path / "our-own")
    assert (card.name, card.attribution, card.licence) == ("our-own", "Drawn.", "Apache-2.0")
    assert card.known_failures == ("It knows drawings only.",)
    assert "by 18 patients" in card.conclusion
    assert "recipe" not in card.metrics["grouped"]


def test_a_model_of_own_data_needs_own_words(copy, tmp_path, capsys):
    assert publish(copy, tmp_path / "models", "--name", "our-own") == 1
    assert "Say whose it is with --attribution, --licence, --known-failure." in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_which_of_two_models_in_a_run_is_meant_is_not_guessed(copy, tmp_path, capsys):
    shutil.copytree(copy / "tiny", copy / "another")
    assert publish(copy, tmp_path / "models", *NAMED) == 1
    assert "has several trained models: another, tiny. Leave the one that is meant." in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_of_the_data_that_the_recipe_speaks_of_its_own_words_stand(copy, tmp_path):
    path = copy / "tiny" / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    known = [card["data"]["fingerprint"]]
    card["recipe"]["data_fingerprints"] = known
    path.write_text(json.dumps(card), encoding="utf-8")
    result = json.loads(result_file(copy, "grouped").read_text(encoding="utf-8"))
    change(copy, recipe=result["recipe"] | {"data_fingerprints": known})
    assert publish(copy, tmp_path) == 0
    assert bundle.read_card(tmp_path / "tiny").licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"folds_run": 1}, "is of 1 folds of 2"),
        ({"fingerprint": "0" * 64}, "is of other data than the draft"),
        ({"code": ["0" * 12]}, "was made by other versions of the code"),
        ({"code": ["0" * 12, "1" * 12]}, "was made by other versions of the code"),
        ({"recipe": {"title": "Another"}}, "they differ in title"),
        ({"sensitivity": {}}, "has other labels than the draft"),
    ],
)
def test_what_was_measured_has_to_be_what_is_published(copy, tmp_path, capsys, entries, sentence):
    change(copy, **entries)
    assert publish(copy, tmp_path / "models", *NAMED, "--second-opinion") == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


NO_LEUKOCYTE = {
    "accuracy_all": 0.5,
    "coverage": 0.2,
    "suggested": {"value": 0.2, "low": 0, "high": 1, "right": 9, "of": 48},
}


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"gain_over_colours": {"value": 0.05, "low": -0.01, "high": 0.1}}, "not clearly better than a simple method"),
        ({"controls": {"cells_removed": NO_LEUKOCYTE}}, "still makes a suggestion for 20 %"),
    ],
)
def test_what_is_below_the_floors_is_published_as_a_second_opinion_only(copy, tmp_path, capsys, entries, sentence):
    if controls := entries.get("controls"):
        known = json.loads(result_file(copy, "grouped").read_text(encoding="utf-8"))["controls"]
        entries = {"controls": known | controls}
    change(copy, **entries)
    assert publish(copy, tmp_path / "models", *NAMED) == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert "With --second-opinion" in printed
    assert not (tmp_path / "models").exists()
    assert publish(copy, tmp_path / "models", *NAMED, "--second-opinion") == 0


@pytest.mark.parametrize("reached", [0.8, None])
def test_a_target_that_was_missed_makes_a_bundle_that_suggests_nothing_and_says_so(copy, tmp_path, capsys, reached):
    """Suggestions by other folds' thresholds were clearly less often right than the target, or there were none."""
    rate = {"value": reached, "low": 0.6, "high": 0.9, "right": 38, "of": 48 if reached else 0}
    change(copy, accuracy_suggested=rate)
    assert publish(copy, tmp_path / "models", *NAMED) == 1
    assert "its target accuracy was not reached" in capsys.readouterr().err
    assert publish(copy, tmp_path / "models", *NAMED, "--second-opinion") == 0
    card = bundle.read_card(tmp_path / "models" / "our-own")
    assert card.abstention.value == NEVER
    assert card.conclusion.startswith("It makes no suggestions: being right on 99.0 % of them, its target")
