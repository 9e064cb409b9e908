"""Who can read single cells here, whose suggestions the page shows, and what a cell can be called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.differential.classes import KeyedLabel, keyed
from app.differential.sources import Source, counting_source, read_sources
from app.inference.engine import engine
from app.inference.loaded_bundles import published
from app.records import Lab
from app.template_filters import FALLBACK_INTENDED_USE
from app.terms import term_lists
from app.terms.term_lists import CELL_CLASS

NOBODY = "none"  # in an address, for no source


@dataclass(frozen=True)
class Reader(Source):
    """A version of a bundle that reads single cells here, or once read some of this case.

    withdrawn: this version is not published here any more.
    """

    state: Literal["usable", "damaged", "withdrawn"]


def sources(case_id: str) -> list[Reader]:
    """Return the bundles to choose from for a case: those that read most of it first, then by name.

    One that makes no suggestions, which is there to be taught, is no choice.
    """
    done = {(source.name, source.version): source for source in read_sources(case_id)}
    readers = []
    for name, card, _text in published(engine().folder):
        if card is None or card.scope != "cell":
            continue
        read = done.pop((card.name, card.version), None)
        if not card.suggests and read is None:
            continue
        state: Literal["usable", "damaged"] = "damaged" if engine().loaded(name).state == "damaged" else "usable"
        fields = read.fields if read else 0
        readers.append(Reader(card.name, card.version, card.labels, card.intended_use, fields, state))
    readers += [
        Reader(source.name, source.version, source.labels, source.intended_use, source.fields, "withdrawn")
        for source in done.values()
    ]
    return sorted(readers, key=lambda reader: (-reader.fields, reader.name, reader.version))


def chosen(case_id: str, readers: Sequence[Reader], code: str | None, lab: Lab) -> Source | None:
    """Return the source that an address names, None for NOBODY; where it names none, the one that the count is made of.

    readers: those of the case (`sources`). Nobody's where none has read any.
    """
    if code == NOBODY:
        return None
    named = next((reader for reader in readers if reader.code == code), None)
    return named or counting_source(case_id, lab)


def offered(readers: Sequence[Reader], source: Source | None) -> list[Source]:
    """Return what can be chosen: the readers, and the chosen source where that is several versions of one together."""
    together = source is not None and all(reader.code != source.code for reader in readers)
    return [*([source] if source and together else []), *readers]


def asked(readers: Sequence[Reader], source: Source | None) -> list[Reader]:
    """Return who can be asked to read on, or why they cannot: the source that is chosen, and anybody where none is."""
    if source is None:
        return list(readers)
    return [reader for reader in readers if (reader.name, reader.version) == (source.name, source.version)]


def classes(source: Source | None, lab_id: int) -> list[KeyedLabel]:
    """Return what a cell of a lab's case can be called: the built-in classes, the lab's own, those of the source."""
    return keyed(source.labels if source else (), term_lists.labels(lab_id, CELL_CLASS))


def intended_use(source: Source | None) -> str:
    """Return the line that stands with every suggestion."""
    return (source.intended_use if source else "") or FALLBACK_INTENDED_USE
