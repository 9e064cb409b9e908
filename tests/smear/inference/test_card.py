"""A card is believed entry by entry or not at all."""

import json

import pytest

from smear.inference.bundle import read_card
from smear.inference.card import RENAMED, Card, CardError
from tests.conftest import ROOT

SHIPPED = ROOT / "models" / "leukolens-field"


@pytest.fixture
def data():
    return read_card(SHIPPED).to_json()


def test_a_card_survives_the_way_through_json(data):
    card = read_card(SHIPPED)
    assert Card.from_json(json.loads(json.dumps(card.to_json()))) == card


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("temperature",), 0, "temperature"),
        (("temperature",), "1.0", "card.temperature: Expected float, got str"),
        (("schema",), 99, "schema 3"),
        (("name",), "", "name and version"),
        (("labels",), [], "two labels"),
        (("labels", 0, "malignant"), "no", r"card.labels\[0\].malignant: Expected bool, got str"),
        (("input", "height"), 3, "smaller than 16"),
        (("abstention", "value"), 1.5, "within 0..1"),
        (("ood", "value"), float("nan"), "out-of-distribution threshold"),
        (("batch_size",), True, "Expected int, got bool"),
        (("scope",), "organ", "card.scope: Invalid enum value 'organ'"),
        (("golden", 0, "logits"), [1.0], "golden logits"),
        (("tta",), 3, "card.tta: Invalid enum value 3"),
        (("extra",), 1, "card: Object contains unknown field extra"),
        (("files",), ["a"], "card.files: Expected object, got array"),
        (("metrics", "grouped"), [0.9], "card.metrics.grouped: Expected object, got array"),
        (("metrics", "grouped", "coverage"), "most", "card.metrics.grouped.coverage: Expected float"),
        (("metrics", "grouped", "accuracy_all", "low"), None, "card.metrics.grouped.accuracy_all.low: Expected float"),
        (("metrics", "stress"), {"renderings": [{"own": 3}]}, r"card.metrics.stress.renderings\[0\]: .* rendering"),
        (("controls", "grey"), {}, r"card.controls.*: Object missing required field coverage"),
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
    with pytest.raises(CardError, match=f"card: Object missing required field {entry}"):
        Card.from_json(data)


def test_two_labels_of_one_id_are_refused(data):
    data["labels"][1]["id"] = data["labels"][0]["id"]
    with pytest.raises(CardError, match="share one id"):
        Card.from_json(data)


def test_what_is_not_square_is_not_read_on_its_side(data):
    data["input"], data["tta"] = {"height": 96, "width": 128}, 4
    assert Card.from_json(data).tta == 4
    data["tta"] = 8
    with pytest.raises(CardError, match="not square"):
        Card.from_json(data)


def test_a_classifier_is_asked_in_all_orientations(data):
    data["tta"], data["tta_confidence"] = 8, 0.95
    assert Card.from_json(data).tta_confidence == 0.95
    data["head"] = {"classifier": "svm", "file": "head.skops"}
    with pytest.raises(CardError, match="mean of all orientations"):
        Card.from_json(data)


@pytest.mark.parametrize("limit", [0, 1.5])
def test_the_confidence_for_one_view_is_a_share(data, limit):
    data["tta_confidence"] = limit
    with pytest.raises(CardError, match="above 0 and at most 1"):
        Card.from_json(data)


def test_what_is_no_json_is_refused_with_the_line():
    with pytest.raises(CardError, match="not JSON, line 2"):
        Card.from_text('{\n "name": }')


def earlier_card():
    """A shipped card in the names of schema 2, as bundles that were published before today's names have it."""
    card = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))
    for old, new in RENAMED.items():
        card = {old if key == new else key: value for key, value in card.items()}
    card["frameworks"] = {"finder" if key == "segmenter" else key: value for key, value in card["frameworks"].items()}
    card["preprocess"][-1]["parameters"]["finder"] = "network"
    return card | {"schema": 2}


def test_a_card_under_earlier_names_is_read():
    earlier = earlier_card()
    card = Card.from_json(earlier)
    assert card.schema == 3
    assert card.ood.value == earlier["novelty"]["value"]
    assert card.tta == earlier["orientations"]
    assert card.conclusion == earlier["verdict"]
    assert card.preprocess[-1].parameters["segmenter"] == "network"
    assert card.frameworks["segmenter"] == earlier["frameworks"]["finder"]


def test_an_earlier_card_with_a_mistake_is_refused_all_the_same():
    earlier = earlier_card()
    earlier["novelty"] = "far"
    with pytest.raises(CardError, match=r"card.ood: Expected object, got str"):
        Card.from_json(earlier)
