"""The recipe on a published card, which may have been written under earlier names."""

from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

from smear.inference.card import Card
from training.recipes.loading import RENAMED
from training.recipes.recipe import Recipe, Refusal


def refusal_of(recipe: Mapping[str, Any]) -> Refusal:
    """Return the refusal in the recipe of a card."""
    return msgspec.convert(_named("refusal", recipe["refusal"]), Refusal)


def recipe_of(card: Card) -> Recipe:
    """Return the recipe of a card, less what only says how it went; msgspec.ValidationError where it is of other times.

    Preprocessing and input are the card's own, under today's names.
    """
    kinds, entries = get_type_hints(Recipe), _named("", card.recipe)
    entries |= msgspec.to_builtins({"preprocess": card.preprocess, "input": card.input})
    known = {}
    for key, value in entries.items():
        kind = kinds.get(key)
        if kind is None:
            continue
        if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict):
            fields = kind.__struct_fields__
            value = {name: entry for name, entry in _named(key, value).items() if name in fields}
        known[key] = value
    return msgspec.convert(known, Recipe)


def _named(table: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    return {RENAMED.get((table, key), key): value for key, value in entries.items()}
