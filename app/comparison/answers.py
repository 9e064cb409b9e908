"""What a model said of the fields or cells that people labelled in signed cases, whether for all to see or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app.database import db
from app.differential.classes import class_of
from app.inference.loaded_bundles import published
from app.records import Case, CellReading, Reading, ShadowReading, SmearImage
from app.reviewed.choice import Choice
from app.reviewed.labels import Labelled, labels

Key = tuple[str, int]  # image and number of the cell, 0 for a field


@dataclass(frozen=True, order=True)
class Model:
    """A version of a bundle."""

    name: str
    version: str
    scope: str

    @property
    def code(self) -> str:
        """Return what names it in an address."""
        return f"{self.name} {self.version}"


def models(lab_id: int, folder: object) -> list[Model]:
    """Return every version that is published here or has read for the lab, sorted."""
    versions = {Model(card.name, card.version, card.scope) for _name, card, _text in published(folder) if card}  # type: ignore[arg-type]
    for record, scope in ((Reading, "field"), (CellReading, "cell")):
        query = select(record.bundle, record.version).join(record.image).join(SmearImage.case)
        for name, version in db.session.execute(query.where(Case.lab_id == lab_id).distinct()):
            versions.add(Model(name, version, scope))
    return sorted(versions)


def labelled(lab_id: int, scope: str) -> list[Labelled]:
    """Return what people labelled in signed cases, of what models of a scope read."""
    items, _left = labels(lab_id, Choice(cells=scope == "cell", fields=scope == "field", signed_only=True, panels=True))
    return items


def answers(model: Model, image_ids: Iterable[str]) -> dict[Key, str | None]:
    """Return what a model suggested of images: a label, as it is counted, or None where it made no suggestion."""
    images = set(image_ids)
    suggestions: dict[Key, str | None] = {}
    this = (model.name, model.version)
    shadow = select(ShadowReading).where(ShadowReading.bundle == this[0], ShadowReading.version == this[1])
    for row in db.session.scalars(shadow):
        if row.image_id in images:
            for place, suggestion in enumerate(row.suggestions):
                suggestions[row.image_id, place + (model.scope == "cell")] = counted(suggestion.label, model.scope)
    if model.scope == "field":
        query = select(Reading.image_id, Reading.label, Reading.outcome)
        for image_id, label, outcome in db.session.execute(
            query.where(Reading.bundle == this[0], Reading.version == this[1])
        ):
            if image_id in images:
                suggestions[image_id, 0] = label if outcome == "suggested" else None
        return suggestions
    cells = select(CellReading).where(CellReading.bundle == this[0], CellReading.version == this[1])
    for reading in db.session.scalars(cells):
        if reading.image_id in images:
            for number, suggestion in enumerate(reading.suggestions, reading.first):
                suggestions[reading.image_id, number] = counted(suggestion.label, "cell")
    return suggestions


def counted(label: str | None, scope: str) -> str | None:
    """Return a label as it is compared: of a cell the class that it is counted as."""
    return class_of(label) if label and scope == "cell" else label
