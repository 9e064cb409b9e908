"""A card is believed entry by entry or not at all."""

import json

import pytest

from smear.inference.bundle import read_card
from smear.inference.card import Card, CardError
from tests.conftest import ROOT

SHIPPED = ROOT / "models" / "leukolens-field"


@pytest.fixture
def data():
    return json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))


def test_a_card_survives_the_way_through_json(data):
    card = read_card(SHIPPED)
    assert Card.from_json(json.loads(json.dumps(card.to_json()))) == card


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("temperature",), 0, "temperature"),
        (("temperature",), "1.0", "card.temperature: float was expected"),
        (("schema",), 99, "schema 2"),
        (("name",), "", "name and version"),
        (("labels",), [], "two labels"),
        (("labels", 0, "malignant"), "no", r"card.labels\[0\].malignant: bool was expected"),
        (("input", "height"), 3, "smaller than 16"),
        (("abstention", "value"), 1.5, "within 0..1"),
        (("novelty", "value"), float("nan"), "novelty threshold"),
        (("batch_size",), True, "int was expected"),
        (("scope",), "organ", "'field', 'cell'"),
        (("golden", 0, "logits"), [1.0], "golden logits"),
        (("orientations",), 3, "card.orientations: one of 1, 2, 4, 8"),
        (("extra",), 1, "card.extra: unknown entry"),
        (("files",), ["a"], "a table of names was expected"),
    ],
)
def test_a_wrong_entry_is_named(data, path, value, sentence):
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(CardError, match=sentence):
        Card.from_json(data)


@pytest.mark.parametrize("entry", ["temperature", "labels", "files", "intended_use"])
def test_a_missing_entry_is_named(data, entry):
    del data[entry]
    with pytest.raises(CardError, match=f"card.{entry}: missing"):
        Card.from_json(data)


def test_two_labels_of_one_id_are_refused(data):
    data["labels"][1]["id"] = data["labels"][0]["id"]
    with pytest.raises(CardError, match="share one id"):
        Card.from_json(data)


def test_what_is_not_square_is_not_read_on_its_side(data):
    data["input"], data["orientations"] = {"height": 96, "width": 128}, 4
    assert Card.from_json(data).orientations == 4
    data["orientations"] = 8
    with pytest.raises(CardError, match="not square"):
        Card.from_json(data)


def test_a_classifier_is_asked_in_all_orientations(data):
    data["orientations"], data["sure_upright"] = 8, 0.95
    assert Card.from_json(data).sure_upright == 0.95
    data["head"] = {"classifier": "svm", "file": "head.skops"}
    with pytest.raises(CardError, match="mean of all orientations"):
        Card.from_json(data)


@pytest.mark.parametrize("limit", [0, 1.5])
def test_how_sure_is_a_share(data, limit):
    data["sure_upright"] = limit
    with pytest.raises(CardError, match="above 0 and at most 1"):
        Card.from_json(data)


def test_what_is_no_json_is_refused_with_the_line():
    with pytest.raises(CardError, match="not JSON, line 2"):
        Card.from_text('{\n "name": }')
