"""Nothing is published that has learnt from pictures which do not allow it, or was not judged by its own protocol."""

import pytest
from msgspec import structs

from smear.inference import floors
from smear.inference.bundle import read_card
from tests.conftest import ROOT
from training.publish import UnfinishedRunError, insist_on_licences
from training.recipes.loading import RecipeError, load

KNOWN = {
    "north": {"licence": "CC BY 4.0", "ships": True, "held_out_with": ""},
    "harbour": {"licence": "none granted", "ships": False, "held_out_with": ""},
}


@pytest.fixture(scope="module")
def card():
    return read_card(ROOT / "models" / "leukolens-field")


def of(card, recipe, *sources):
    return structs.replace(card, recipe=card.recipe | recipe, data=card.data | {"sources": list(sources)})


def test_a_network_that_learnt_from_what_does_not_ship_is_not_published(card):
    insist_on_licences(of(card, {"sources": KNOWN}, "north"))
    insist_on_licences(card)  # of a recipe that names no sources
    with pytest.raises(UnfinishedRunError, match=r"learnt from 'harbour'.*none granted.*Run fit again"):
        insist_on_licences(of(card, {"sources": KNOWN}, "harbour", "north"))


def test_who_names_laboratories_is_judged_by_leaving_them_out(card):
    assert floors.deciding(card) == "grouped"
    assert floors.deciding(of(card, {"sources": KNOWN}, "north")) == "source"


def test_a_companion_that_the_recipe_does_not_know_is_refused():
    changes = {"sources.north.licence": "MIT", "sources.north.ships": "true", "sources.north.held_out_with": "nowhere"}
    with pytest.raises(RecipeError, match=r"sources.north.held_out_with.*there is no such source"):
        load("leukolens-differential", changes)
    with pytest.raises(RecipeError, match=r"sources.north"):
        load("leukolens-differential", {"sources.north.ships": "true"})
