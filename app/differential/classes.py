"""The classes of a differential count in blood and marrow: names, keys, and which of them are no leukocytes.

The ids are those of the public data sets wherever these have the class. A bundle brings labels of its own; those that
are in the table keep its order and its key, whatever model read, and the others come after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from smear.inference.card import Label


@dataclass(frozen=True)
class CellClass:
    """A class: id, name, how a count of it is said after the number, its key, and whether it is malignant."""

    id: str
    name: Any
    counted: Any
    key: str
    malignant: bool = False


# Blasts first: they decide, and nobody should have to look for them.
CLASSES = (
    CellClass("blast", _l("Blast"), _l("blast-like"), "1", malignant=True),
    CellClass("promyelocyte", _l("Promyelocyte"), _l("promyelocytes"), "2"),
    CellClass("myelocyte", _l("Myelocyte"), _l("myelocytes"), "3"),
    CellClass("metamyelocyte", _l("Metamyelocyte"), _l("metamyelocytes"), "4"),
    CellClass("ig", _l("Immature granulocyte"), _l("immature granulocytes"), "t"),
    CellClass("band", _l("Band neutrophil"), _l("band neutrophils"), "5"),
    CellClass("neutrophil", _l("Neutrophil"), _l("neutrophils"), "6"),
    CellClass("eosinophil", _l("Eosinophil"), _l("eosinophils"), "7"),
    CellClass("basophil", _l("Basophil"), _l("basophils"), "8"),
    CellClass("monocyte", _l("Monocyte"), _l("monocytes"), "9"),
    CellClass("lymphocyte", _l("Lymphocyte"), _l("lymphocytes"), "q"),
    CellClass("reactive_lymphocyte", _l("Reactive lymphocyte"), _l("reactive lymphocytes"), "w"),
    CellClass("plasma_cell", _l("Plasma cell"), _l("plasma cells"), "e"),
    CellClass("erythroblast", _l("Erythroblast"), _l("erythroblasts"), "r"),
    CellClass("platelet", _l("Platelet"), _l("platelets"), "y"),
    CellClass("smudge", _l("Smudge cell"), _l("smudge cells"), "p"),
)
BY_ID = {cell_class.id: cell_class for cell_class in CLASSES}
MORE_KEYS = "jkl0"  # of a bundle's labels that are not in the table
# What a bundle calls otherwise.
SAME = {"ALL": "blast"}
BLAST = "blast"
IMMATURE = ("promyelocyte", "myelocyte", "metamyelocyte", "ig")
# Counted beside the leukocytes, and in no share of them.
APART = ("erythroblast", "platelet", "smudge")


class KeyedLabel(Label, frozen=True):
    """A label and the key that gives it; "" where the keys have run out."""

    key: str = ""


def part_of(label: str) -> str:
    """Return the built-in class that a lab's own is a part of, "" for any other: `blast` of `blast.myeloblast`."""
    whole, dot, _part = label.partition(".")
    return whole if dot and whole in BY_ID else ""


def class_of(label: str) -> str:
    """Return the class that a label is counted as."""
    return part_of(label) or SAME.get(label, label)


def keyed(labels: Sequence[Label] = (), own: Sequence[Label] = ()) -> list[KeyedLabel]:
    """Return what a cell can be called: the table, the lab's own classes, and those labels of a bundle that both lack.

    The lab's have the same keys whatever model read.
    """
    meanings = {label.id: label.meaning for label in labels}
    known = [
        KeyedLabel(
            cell_class.id, str(cell_class.name), meanings.get(cell_class.id, ""), cell_class.malignant, cell_class.key
        )
        for cell_class in CLASSES
    ]
    there = {*BY_ID, *(label.id for label in own)}
    extra = [*own, *(label for label in labels if label.id not in there)]
    return known + [
        KeyedLabel(
            label.id, label.name, label.meaning, label.malignant, MORE_KEYS[place] if place < len(MORE_KEYS) else ""
        )
        for place, label in enumerate(extra)
    ]


def names(labels: Sequence[Label] = ()) -> dict[str, str]:
    """Return the name of each class by its id, in the order of a differential count."""
    return {class_of(label.id): label.name for label in keyed(labels) if class_of(label.id) == label.id}
