"""What a bundle has to reach before it reads for anybody: judged from its card alone, by publish and application alike.

A floor that is not reached is a sentence, so that whoever chooses a model reads why it was not meant to be chosen.
"""

from collections.abc import Iterator
from typing import Literal

from smear import measured
from smear.inference.card import Card

SHOWS_NO_LEUKOCYTE = {  # controls in which nothing is left to judge
    "cells_removed": "With every leukocyte painted out",
    "corner_only": "Shown the corner of the picture alone",
}
RELEASE = "release"  # the result of an adapted bundle on its laboratory's pictures that nothing was fitted to
SHORTCUT = 0.02  # more suggestions than this without a leukocyte in sight: the model reads the slide


def deciding(card: Card) -> Literal["source", "grouped"]:
    """Return the protocol whose result counts: laboratories held out where the recipe names some, else groups.

    In the latter, pictures of one patient or slide are on one side of every split.
    """
    return "source" if card.recipe.get("sources") else "grouped"


def judged_by(card: Card) -> str:
    """Return the name of the result that counts: of an adapted bundle its laboratory's own test, else of a protocol."""
    return RELEASE if card.recipe.get("adapted") else deciding(card)


def unmet(card: Card) -> tuple[str, ...]:
    """Return a sentence for every floor that the bundle of this card does not reach; none where it reaches all."""
    return tuple(_unmet(card))


def _unmet(card: Card) -> Iterator[str]:
    result = measured.result(card.metrics, judged_by(card))
    if result is None:
        yield "It was never measured on patients or slides that it had not seen."
        return
    if card.recipe.get("adapted") and not card.recipe.get("go"):
        yield f"It was adapted to a laboratory, and found not good enough there. {card.conclusion}"
    if not card.suggests:
        yield "It makes no suggestions: its target accuracy was not reached on pictures that it had not seen."
    if not _better_than_colours(result):
        yield "It is not clearly better than a simple method that is told the picture's colours and no shape."
    ablations = measured.ablations(card.controls)
    for control, words in SHOWS_NO_LEUKOCYTE.items():
        if control not in ablations:
            yield f"{words}, nobody has measured what it says."
        elif (share := ablations[control].coverage) > SHORTCUT:
            yield f"{words} it still makes a suggestion for {100 * share:.0f} %: it reads something of the slide."


def _better_than_colours(result: measured.Result) -> bool:
    """Return whether the model beats the forest on colours by more than chance.

    By the paired difference over whole groups; a card of an earlier version has the two intervals only.
    """
    if result.gain_over_colours is not None:
        return result.gain_over_colours.low > 0
    model, forest = result.accuracy_all, result.colour_statistics_forest
    return model is not None and forest is not None and model.low > forest.high
