"""What a model said of the fields or cells that people labelled in signed cases, whether for all to see or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_

from app.database import db
from app.differential.classes import class_of
from app.inference.loaded_bundles import published
from app.records import Case, CellReading, Reading, ShadowReading, SmearImage
from app.reviewed.choice import Choice
from app.reviewed.labels import Labelled, labels

AT_ONCE = 1000  # images that a query names
Key = tuple[str, int]  # image and number of the cell, 0 for a field
Version = tuple[str, str]  # name of a bundle and its version


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


def answers(models: Iterable[Model], image_ids: Iterable[str]) -> dict[Model, dict[Key, str | None]]:
    """Return what each of some models of one scope suggested of images: a label, as it is counted.

    None where a model read and made no suggestion. A picture that it read for all to see counts as it was read there.
    """
    suggestions: dict[Model, dict[Key, str | None]] = {model: {} for model in models}
    by_version = {(model.name, model.version): model for model in suggestions}
    images = sorted(set(image_ids))
    for image_id, bundle, version, row_suggestions in of_images(
        ShadowReading, by_version, images, ShadowReading.suggestions
    ):
        model = by_version[bundle, version]
        for number, suggestion in enumerate(row_suggestions, int(model.scope == "cell")):
            suggestions[model][image_id, number] = counted(suggestion.label, model.scope)
    for image_id, bundle, version, label, outcome in of_images(
        Reading, versions_of("field", by_version), images, Reading.label, Reading.outcome
    ):
        suggestions[by_version[bundle, version]][image_id, 0] = label if outcome == "suggested" else None
    for image_id, bundle, version, row_suggestions, first in of_images(
        CellReading, versions_of("cell", by_version), images, CellReading.suggestions, CellReading.first
    ):
        for number, suggestion in enumerate(row_suggestions, first):
            suggestions[by_version[bundle, version]][image_id, number] = counted(suggestion.label, "cell")
    return suggestions


def versions_of(scope: str, by_version: dict[Version, Model]) -> list[Version]:
    """Return the versions that read what a scope names."""
    return [version for version, model in by_version.items() if model.scope == scope]


def of_images(
    record: type[ShadowReading | Reading | CellReading],
    versions: Iterable[Version],
    images: Sequence[str],
    *columns: Any,
) -> Iterator[Any]:
    """Yield image, bundle, version and some columns of what versions of bundles read of these images and no others.

    A server keeps the readings of many laboratories, and unpacking one takes longer than finding it.
    """
    own = list(versions)
    if not own:
        return
    query = select(record.image_id, record.bundle, record.version, *columns)
    of_versions = query.where(tuple_(record.bundle, record.version).in_(own))
    for start in range(0, len(images), AT_ONCE):
        yield from db.session.execute(of_versions.where(record.image_id.in_(images[start : start + AT_ONCE])))


def counted(label: str | None, scope: str) -> str | None:
    """Return a label as it is compared: of a cell the class that it is counted as."""
    return class_of(label) if label and scope == "cell" else label
