"""What the published works describe, and which recipe and entry does it: the list in `works/items.toml`, checked."""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from smear.sentence import SentenceError
from training.recipes.loading import FOLDER, load

ITEMS = Path(__file__).parent / "works" / "items.toml"
ANY = "*"  # in place of a value: whatever the recipe says there


class ChecklistError(SentenceError):
    """An item that no recipe answers as the list says."""


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a work describes.

    recipes: names or patterns, by spaces, of the recipes that do it; entries: the values that do it, by entry such as
    "schedule.frozen"; by: what else of LeukoLens does it; differs: why it is not, or not quite, done so.
    """

    work: str
    item: str
    recipes: str = ""
    entries: dict[str, Any] = {}
    by: str = ""
    differs: str = ""


def items() -> tuple[Item, ...]:
    """Return the list."""
    return msgspec.convert(tomllib.loads(ITEMS.read_text(encoding="utf-8"))["items"], tuple[Item, ...])


def named(patterns: str) -> list[str]:
    """Return the recipes that these names and patterns mean; ChecklistError where one means none."""
    bases = sorted(path.stem for path in FOLDER.glob("*.toml"))
    names: list[str] = []
    for pattern in patterns.split():
        meant = [name for name in bases if fnmatchcase(name, pattern)]
        if not meant:
            raise ChecklistError(f"{ITEMS.name}: there is no recipe '{pattern}'.")
        names += meant
    return names


def check(item: Item) -> None:
    """Raise ChecklistError where a recipe does not say what an item says of it, or nothing answers the item."""
    if not (item.by or item.differs or (item.recipes and item.entries)):
        raise ChecklistError(f"{ITEMS.name}: nothing answers '{item.item}' ({item.work}).")
    for name in named(item.recipes):
        recipe = load(name).to_json()
        for entry, value in item.entries.items():
            actual = _at(recipe, entry)
            if actual is None or value not in (ANY, actual):
                raise ChecklistError(
                    f"{ITEMS.name}: '{item.item}' ({item.work}): {name} has {actual!r} at {entry}, not {value!r}."
                )


def text() -> str:
    """Return the list, every item checked: a line for each, what does it, and what differs; ChecklistError."""
    lines: list[str] = []
    work = ""
    for item in items():
        check(item)
        if item.work != work:
            work = item.work
            lines += ["", work] if lines else [work]
        answers = []
        if item.recipes:
            entries = ", ".join(
                entry if value == ANY else f"{entry} = {value}" for entry, value in item.entries.items()
            )
            answers.append(f"{item.recipes}: {entries}")
        answers += [item.by] if item.by else []
        answers += [f"differs: {item.differs}"] if item.differs else []
        lines += [f"  {item.item}", *(f"      {answer}" for answer in answers)]
    return "\n".join(lines)


def _at(recipe: dict[str, Any], entry: str) -> Any:
    """Return what stands at an entry such as "preprocess[0].name", or None."""
    place: Any = recipe
    for key in re.findall(r"[^.\[\]]+", entry):
        try:
            place = place[int(key) if isinstance(place, list | tuple) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return list(place) if isinstance(place, tuple) else place
