"""What the leukocytes of a field are, in a sentence and on their boxes."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.differential import count
from app.differential.cells import Cell
from app.differential.sources import Source
from app.records import Reading


def types_sentence(reading: Reading, cells: list[Cell], source: Source | None) -> str:
    """Say what the leukocytes of the field are; of a field without a subtype suggestion, that there is none, first.

    "" where neither a person nor a model was asked what they are.
    """
    words = count.sentence(cells, source.labels if source else ())
    if not words or (source is None and not any(cell.annotation for cell in cells)):
        return ""
    none = {
        "unfamiliar": _("No subtype suggestion for this stain."),
        "unsure": _("No subtype suggestion for this field."),
    }
    return f"{none.get(reading.outcome, '')} {words}".strip()


def short_names(cells: list[Cell]) -> list[list[Any]]:
    """Return for each cell, in order, what stands on its box: words, and whether a person says so; [] for nothing."""
    names: list[list[Any]] = []
    for cell in cells:
        if cell.annotation:
            names.append([cell.person_words, True])
        else:
            names.append([cell.names.get(cell.suggested, cell.suggested), False] if cell.suggested else [])
    return names
