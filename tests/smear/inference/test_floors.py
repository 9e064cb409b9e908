"""The floors of a bundle, judged from its card alone: each by a card that misses it and no other."""

import pytest
from msgspec import structs

from smear.inference import bundle, floors
from smear.inference.card import NEVER, Card, Threshold
from tests.conftest import ROOT

FIELD = ROOT / "models" / "leukolens-field"


@pytest.fixture(scope="module")
def card():
    return bundle.read_card(FIELD)


def rate(low: float, high: float) -> dict[str, float]:
    return {"value": (low + high) / 2, "low": low, "high": high, "right": 80, "of": 100}


def with_result(card: Card, **entries: object) -> Card:
    return structs.replace(card, metrics={"grouped": card.metrics["grouped"] | entries})


def test_the_shipped_bundle_reaches_them(card):
    assert floors.unmet(card) == ()


def test_what_was_never_measured_on_unseen_groups_reaches_none(card):
    (sentence,) = floors.unmet(structs.replace(card, metrics={}))
    assert "never measured" in sentence


def test_a_bundle_that_suggests_nothing_says_so(card):
    (sentence,) = floors.unmet(structs.replace(card, abstention=Threshold(NEVER, 1.0)))
    assert "makes no suggestions" in sentence


@pytest.mark.parametrize(
    ("entries", "reached"),
    [
        ({"gain_over_colours": {"value": 0.03, "low": 0.001, "high": 0.06}}, True),
        ({"gain_over_colours": {"value": 0.03, "low": -0.001, "high": 0.06}}, False),
        ({"accuracy_all": rate(0.8, 0.9), "colour_statistics_forest": rate(0.7, 0.79)}, True),
        ({"accuracy_all": rate(0.8, 0.9), "colour_statistics_forest": rate(0.7, 0.85)}, False),
        ({"colour_statistics_forest": None}, False),
    ],
)
def test_it_has_to_beat_the_forest_on_colours_by_more_than_chance(card, entries, reached):
    sentences = floors.unmet(with_result(card, **entries))
    assert (sentences == ()) is reached
    assert all("picture's colours" in sentence for sentence in sentences)


def test_an_adapted_bundle_is_judged_by_its_laboratorys_own_test(card):
    adapted = structs.replace(card, recipe=card.recipe | {"adapted": "last layer", "go": True})
    assert "never measured" in floors.unmet(adapted)[0]
    tested = structs.replace(adapted, metrics={floors.RELEASE: card.metrics["grouped"]})
    assert floors.unmet(tested) == ()
    refused = structs.replace(tested, recipe=tested.recipe | {"go": False}, conclusion="Too few events to say.")
    (sentence,) = floors.unmet(refused)
    assert sentence.endswith("found not good enough there. Too few events to say.")


@pytest.mark.parametrize("control", ["cells_removed", "corner_only"])
def test_a_control_without_a_leukocyte_exposes_it(card, control):
    (sentence,) = floors.unmet(structs.replace(card, controls=card.controls | {control: {"coverage": 0.31}}))
    assert "31 %" in sentence
    others = {name: entry for name, entry in card.controls.items() if name != control}
    (sentence,) = floors.unmet(structs.replace(card, controls=others))
    assert "nobody has measured" in sentence


def test_the_background_may_be_painted_out(card):
    assert card.controls["background_removed"]["coverage"] > floors.SHORTCUT
