"""Which bundle typed the cells of a case, and which one types those of a lab at upload."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from flask import current_app
from sqlalchemy import func, select

from app.database import db
from app.differential.classes import BLAST, class_of
from app.inference.engine import engine
from app.inference.loaded_bundles import published
from app.records import CellReading, Lab, SmearImage
from smear.inference.card import Card, Label


@dataclass(frozen=True)
class Source:
    """A version of a bundle that read single cells of a case; fields: of how many of its fields.

    earlier: versions of it, the newest first, that count for the fields which this one has not read.
    """

    name: str
    version: str
    labels: tuple[Label, ...]
    intended_use: str
    fields: int
    earlier: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def code(self) -> str:
        """Return what names it in an address, and to people."""
        return f"{self.name} {self.version_words}"

    @property
    def flags_blasts(self) -> bool:
        """Whether it can say that a cell is a blast."""
        return any(class_of(label.id) == BLAST for label in self.labels)

    @property
    def version_words(self) -> str:
        """Return its version, and those that count beside it."""
        return ", ".join(self.versions)

    @property
    def versions(self) -> tuple[str, ...]:
        """Return the versions that count, the one that goes before the others first."""
        return (self.version, *self.earlier)


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
    """Return the bundle whose suggestions a case's count is made of: the lab's own, else the one that read most.

    Of a bundle that was renewed while the case was read, each field is counted by the newest version that has read it:
    what an earlier one suggested of the other fields is not lost by it.
    """
    sources = read_sources(case_id)
    if not sources:
        return None
    name = active_cell_bundle(lab)
    if all(source.name != name for source in sources):
        name = sources[0].name
    by_version = {source.version: source for source in sources if source.name == name}
    versions = [by_version[version] for version in _counting_versions(case_id, name)]
    labels = {label.id: label for source in reversed(versions) for label in source.labels}
    newest, *earlier = versions
    places = {label.id: place for place, label in enumerate(newest.labels)}
    return replace(
        newest,
        labels=tuple(sorted(labels.values(), key=lambda label: places.get(label.id, len(places)))),
        earlier=tuple(source.version for source in earlier),
    )


def _counting_versions(case_id: str, name: str) -> list[str]:
    """Return the versions of a bundle that are the newest to have read some field of a case, the newest first."""
    query = (
        select(CellReading.image_id, CellReading.version, func.max(CellReading.made_at).label("at"))
        .join(CellReading.image)
        .where(SmearImage.case_id == case_id, CellReading.bundle == name)
        .group_by(CellReading.image_id, CellReading.version)
    )
    rows = db.session.execute(query).all()
    last = {version: max(row.at for row in rows if row.version == version) for version in {row.version for row in rows}}
    newest_first = sorted(last, key=lambda version: (last[version], version), reverse=True)
    counted: set[str] = set()
    counting = []
    for version in newest_first:
        read = {row.image_id for row in rows if row.version == version}
        if read - counted:
            counting.append(version)
        counted |= read
    return counting


def active_cell_bundle(lab: Lab) -> str:
    """Return the name of the bundle that types every leukocyte at upload for a lab; "" for none."""
    chosen = lab.cell_bundle
    return str(current_app.config["DEFAULT_CELL_BUNDLE"]) if chosen is None else chosen


def cell_bundles() -> list[Card]:
    """Return the cards of the published bundles that read single cells and make suggestions."""
    cards = (card for _name, card, _text in published(engine().folder))
    return [card for card in cards if card is not None and card.scope == "cell" and card.suggests]
