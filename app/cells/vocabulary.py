"""Who can read single cells here, and what a cell can be called: a bundle's labels, or the lab's own list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.database import db
from app.inference.engine import engine
from app.inference.loaded_bundles import published
from app.records import CellReading, SmearImage
from app.template_filters import FALLBACK_INTENDED_USE
from smear.inference.card import Label

# The classes of a differential count in blood and marrow, where no bundle brings its own; the ids are those of the
# public data sets wherever these have the class.
LAB_LIST: tuple[tuple[str, Any, bool], ...] = (
    ("blast", _l("Blast"), True),
    ("promyelocyte", _l("Promyelocyte"), False),
    ("myelocyte", _l("Myelocyte"), False),
    ("metamyelocyte", _l("Metamyelocyte"), False),
    ("band", _l("Band neutrophil"), False),
    ("neutrophil", _l("Segmented neutrophil"), False),
    ("eosinophil", _l("Eosinophil"), False),
    ("basophil", _l("Basophil"), False),
    ("monocyte", _l("Monocyte"), False),
    ("lymphocyte", _l("Lymphocyte"), False),
    ("reactive_lymphocyte", _l("Reactive lymphocyte"), False),
    ("plasma_cell", _l("Plasma cell"), False),
    ("erythroblast", _l("Erythroblast"), False),
)
# Why a cell counts for nothing; the ledger keeps the code.
REASONS = {
    "no_leukocyte": _l("no leukocyte"),
    "smudged": _l("smudged or torn"),
    "overlapping": _l("overlapping, outline wrong"),
    "cut": _l("cut by the border"),
    "unsharp": _l("out of focus"),
    "stain": _l("stain or dirt on it"),
    "twice": _l("counted in another field"),
}
NOBODY = "none"  # in an address, for no source
KEYS = "123456789qwertypjkl"  # of the labels, in their order; the rest of the page uses u, o, x, z and the arrows


@dataclass(frozen=True)
class Source:
    """A version of a bundle that reads single cells here, or once read some of this case."""

    name: str
    version: str
    labels: tuple[Label, ...]
    intended_use: str
    state: Literal["usable", "damaged", "withdrawn"]  # withdrawn: this version is not published here any more
    fields: int  # of the case that it has read

    @property
    def code(self) -> str:
        """Return what names it in an address."""
        return f"{self.name} {self.version}"


def sources(case_id: str) -> list[Source]:
    """Return the bundles to choose from for a case: those that read most of it first, then by name."""
    query = (
        select(CellReading.bundle, CellReading.version, func.count(), func.max(CellReading.id))
        .join(CellReading.image)
        .where(SmearImage.case_id == case_id)
        .group_by(CellReading.bundle, CellReading.version)
    )
    done = {(bundle, version): (fields, example) for bundle, version, fields, example in db.session.execute(query)}
    found = []
    for name, card, _text in published(engine().folder):
        if card is None or card.scope != "cell":
            continue
        fields, _example = done.pop((card.name, card.version), (0, None))
        state: Literal["usable", "damaged"] = "damaged" if engine().loaded(name).state == "damaged" else "usable"
        found.append(Source(card.name, card.version, card.labels, card.intended_use, state, fields))
    for (bundle, version), (fields, example) in done.items():
        row = db.session.get_one(CellReading, example)
        found.append(Source(bundle, version, row.labels, row.intended_use, "withdrawn", fields))
    return sorted(found, key=lambda one: (-one.fields, one.name, one.version))


def chosen(case_sources: list[Source], code: str | None) -> Source | None:
    """Return the source that an address names, None for NOBODY; where it names none, the one that has read most.

    Nobody's where none has read any: what a cell can be called is the lab's own list until somebody asks a model, as
    one that knows two classes must not stand in for the differential count.
    """
    if code == NOBODY:
        return None
    known = [one for one in case_sources if one.code == code] or [one for one in case_sources if one.fields]
    return known[0] if known else None


class KeyedLabel(Label, frozen=True):
    """A label and the key that gives it; "" where the keys have run out."""

    key: str = ""


def labels_of(source: Source | None) -> list[KeyedLabel]:
    """Return what a cell can be called: a bundle's labels, or the lab's own list."""
    labels = source.labels if source else tuple(Label(id_, str(name), "", bad) for id_, name, bad in LAB_LIST)
    return [
        KeyedLabel(label.id, label.name, label.meaning, label.malignant, KEYS[place] if place < len(KEYS) else "")
        for place, label in enumerate(labels)
    ]


def intended_use(source: Source | None) -> str:
    """Return the line that stands with every suggestion."""
    return (source.intended_use if source else "") or FALLBACK_INTENDED_USE
