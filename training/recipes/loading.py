"""Recipes from TOML files, by name or path; a file that is wrong is refused with the line and what is wrong there."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import structs

from smear.sentence import SentenceError
from training.recipes.line_numbers import line_of
from training.recipes.recipe import LabelText, Recipe, Source
from training.recipes.rules import rules

FOLDER = Path(__file__).parent

# Keys of tables that recipes of earlier versions have: refused with the name that they go by now.
RENAMED = {
    ("", "orientations"): "tta",
    ("", "sure_upright"): "tta_confidence",
    ("schedule", "strangers"): "outlier_exposure",
    ("schedule", "averaged"): "ema_momentum",
    ("schedule", "hold_back"): "validation_split",
    ("schedule", "solved_epochs"): "closed_form_epochs",
    ("schedule", "solved_penalty"): "closed_form_penalty",
    ("published", "copies"): "augmented_copies",
    ("refusal", "for_novelty"): "for_ood",
    ("refusal", "most_for_confidence"): "for_confidence",
}

_AT = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?")  # how msgspec says what is wrong, and where
_FIELD = re.compile(r"Object (contains unknown|missing required) field `(.+)`")


class RecipeError(SentenceError):
    """A recipe that does not exist or cannot be read; one sentence."""


class _WrongEntryError(ValueError):
    """An entry such as "schedule.epochs" that is wrong, and what is wrong with it, as the rest of a sentence."""

    def __init__(self, entry: str, what: str) -> None:
        super().__init__(what)
        self.entry, self.what = entry, what


def names() -> list[str]:
    """Return the names of the recipes that come with the project, each with every classifier it can be had with."""
    known = []
    for path in sorted(FOLDER.glob("*.toml")):
        known += [path.stem, *(f"{path.stem}-{choice}" for choice in _read(path).head.choices)]
    return known


def load(name: str, changes: Mapping[str, str] = MappingProxyType({})) -> Recipe:
    """Return the recipe of this name, or in this TOML file; RecipeError where there is none or it is wrong.

    changes: entries that say something else, such as {"schedule.epochs": "8"}, their values in TOML.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if path.is_file():
        return _read(path, changes)
    for base in sorted(FOLDER.glob("*.toml")):
        if name.startswith(f"{base.stem}-"):
            recipe, choice = _read(base, changes), name.removeprefix(f"{base.stem}-")
            if choice in recipe.head.choices:
                head = structs.replace(recipe.head, classifier=choice)
                return structs.replace(recipe, name=name, title=f"{recipe.title}; {choice} on its features", head=head)
    raise RecipeError(f"There is no recipe '{name}'. Known: {', '.join(names())}.")


def _read(path: Path, changes: Mapping[str, str] = MappingProxyType({})) -> Recipe:
    """Return the recipe in a TOML file, changed; RecipeError with the line, or the change, where it is wrong."""
    text = path.read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path.name} is not TOML: {error}.") from error
    for entry, value in changes.items():
        _change(data, entry, value)
    try:
        return _recipe(data)
    except _WrongEntryError as error:
        if error.entry in changes:
            raise RecipeError(f"{error.entry}={changes[error.entry]}: {error.what}") from error
        line = line_of(text, error.entry)
        place = "" if line is None else f", line {line}"
        raise RecipeError(f"{path.name}{place}: {error.entry}: {error.what}") from error


def _change(data: dict[str, Any], entry: str, value: str) -> None:
    """Put a value, written as in TOML, at an entry such as "schedule.epochs" or "preprocess[0].name" of a recipe.

    What is no TOML is taken for text, so that `optimiser=sgd` needs no quotes in quotes. RecipeError where there is no
    such place; whether what stands there then is right is for `_recipe` to say.
    """
    keys: list[str | int] = [int(key) if key.isdigit() else key for key in re.findall(r"[^.\[\]]+", entry)]
    if not keys:
        raise RecipeError(f"'{entry}={value}' changes nothing. Write ENTRY=VALUE, such as schedule.epochs=8.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    place: Any = data
    for number, key in enumerate(keys):
        last = number == len(keys) - 1
        if isinstance(place, list) and isinstance(key, int) and key < len(place):
            pass
        elif not isinstance(place, dict) or not isinstance(key, str):
            raise RecipeError(f"{entry}={value}: the recipe has no such entry.")
        elif not last:
            place.setdefault(key, {})
        if last:
            place[key] = parsed
        else:
            place = place[key]


def _recipe(data: dict[str, Any]) -> Recipe:
    """Return the recipe that parsed TOML holds; _WrongEntryError for the first entry that is wrong."""
    for (table, old), new in RENAMED.items():
        entries = data.get(table) if table else data
        if isinstance(entries, dict) and old in entries:
            raise _WrongEntryError(_joined(table, old), f"is called {new} now. Write {new} in its place.")
    for table, kind in (("labels", LabelText), ("sources", Source)):
        if isinstance(entries := data.get(table), dict):
            for key, values in entries.items():  # one by one: msgspec does not say which key of a dictionary it was at
                _converted(values, kind, f"{table}.{key}")
    recipe: Recipe = _converted(data, Recipe, "")
    for entry, wrong, what in rules(recipe):
        if wrong:
            raise _WrongEntryError(entry, what)
    return recipe


def _converted(data: Any, kind: Any, entry: str) -> Any:
    """Return parsed TOML as `kind`, which stands at `entry` of the recipe; _WrongEntryError where it does not fit."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        match = _AT.fullmatch(str(error))
        what, place = (match[1], match[2] or "") if match else (str(error), "")
        kind = _kind_at(kind, place)
        if field := _FIELD.match(what):
            place = _joined(place, field[2])
            what = "missing." if field[1].startswith("missing") else _unknown(kind)
        elif what.startswith("Invalid enum value"):
            what = f"one of {', '.join(map(repr, get_args(kind)))} was expected."
        else:
            what = f"{what[0].lower()}{what[1:].replace('`', '')}."
        raise _WrongEntryError(_joined(entry, place), what) from error


def _joined(entry: str, place: str) -> str:
    return f"{entry}.{place}" if entry and place else entry or place


def _unknown(kind: Any) -> str:
    return f"unknown entry. Known: {', '.join(get_type_hints(kind))}."


def _kind_at(kind: Any, place: str) -> Any:
    """Return the type of the entry at `place`, such as "preprocess[0].name", of a table of type `kind`."""
    for name in re.findall(r"[^.\[\]]+", place):
        if get_origin(kind) in (tuple, dict):
            kind = get_args(kind)[0 if get_origin(kind) is tuple else 1]
        else:
            kind = get_type_hints(kind)[name]
    return kind
