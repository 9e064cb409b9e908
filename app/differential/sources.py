"""Which bundle typed the cells of a case, and which one types those of a lab at upload."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import func, select

from app.database import db
from app.inference.engine import engine
from app.inference.loaded_bundles import published
from app.records import CellReading, Lab, SmearImage
from smear.inference.card import Card, Label


@dataclass(frozen=True)
class Source:
    """A version of a bundle that read single cells of a case; fields: of how many of its fields."""

    name: str
    version: str
    labels: tuple[Label, ...]
    intended_use: str
    fields: int

    @property
    def code(self) -> str:
        """Return what names it in an address."""
        return f"{self.name} {self.version}"


def read_sources(case_id: str) -> list[Source]:
    """Return the bundles that read cells of a case: those that read most of it first, then by name."""
    query = (
        select(
            CellReading.bundle,
            CellReading.version,
            func.count(CellReading.image_id.distinct()),
            func.max(CellReading.id),
        )
        .join(CellReading.image)
        .where(SmearImage.case_id == case_id)
        .group_by(CellReading.bundle, CellReading.version)
    )
    sources = []
    for bundle, version, fields, example in db.session.execute(query):
        row = db.session.get_one(CellReading, example)
        sources.append(Source(bundle, version, row.labels, row.intended_use, fields))
    return sorted(sources, key=lambda source: (-source.fields, source.name, source.version))


def counting_source(case_id: str, lab: Lab) -> Source | None:
    """Return the bundle whose suggestions a case's count is made of: the lab's own, else the one that read most."""
    sources = read_sources(case_id)
    own = [source for source in sources if source.name == active_cell_bundle(lab)]
    return next(iter(own or sources), None)


def active_cell_bundle(lab: Lab) -> str:
    """Return the name of the bundle that types every leukocyte at upload for a lab; "" for none."""
    chosen = lab.cell_bundle
    return str(current_app.config["DEFAULT_CELL_BUNDLE"]) if chosen is None else chosen


def cell_bundles() -> list[Card]:
    """Return the cards of the published bundles that read single cells and make suggestions."""
    cards = (card for _name, card, _text in published(engine().folder))
    return [card for card in cards if card is not None and card.scope == "cell" and card.suggests]
