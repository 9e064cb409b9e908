"""The cells of a case as they stand: what a bundle suggests of each, what people say, and what it counts as."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import db
from app.differential.classes import class_of
from app.differential.sources import Source
from app.records import IMAGE_ORDER, Annotation, CellReading, Detections, SmearImage
from app.template_filters import outcome_in_words
from app.terms import term_lists
from app.terms.term_lists import EXCLUSION
from smear.inference.suggestion import Suggestion, uncertainty
from smear.rendering import crop_sheet

UNCLASSED, CUT = "unclassed", "cut"
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
REDRAWN = "redrawn"  # a reason that nobody chooses: others stand in the place of this cell
WORDS = REASONS | {REDRAWN: _l("outlined anew")}


def exclusion_reasons(lab_id: int) -> dict[str, Any]:
    """Return why a cell may be excluded in a lab, in words by code; the lab's own reasons are their own codes."""
    return REASONS | term_lists.names(lab_id, EXCLUSION)


def annotation_words(annotation: Annotation) -> str:
    """Say what a person said of a cell."""
    if annotation.kind == "excluded":
        return _("Excluded: %(why)s", why=WORDS.get(annotation.reason, annotation.reason))
    words = {"other": _("Other"), "uncertain": _("Uncertain"), "cleared": _("Taken back")}
    return words.get(annotation.kind) or annotation.label_name


@dataclass(frozen=True)
class DetectedField:
    """One field of the case: its place from 1, its size in pixels, and how many cells it has."""

    image_id: str
    place: int
    name: str
    width: int
    height: int
    cells: int
    read: bool  # whether the chosen bundle has read it


@dataclass(frozen=True)
class Cell:
    """One leukocyte: where it is, what is suggested and the annotation that holds."""

    field: DetectedField
    number: int
    box: list[int]
    cut: bool
    suggestion: Suggestion | None  # as it may be shown
    reading_id: str | None  # of the reading that has the suggestion
    model: str | None  # the bundle and its version that made it
    newest: Annotation | None  # what was written last of it, also where that takes everything back
    names: dict[str, str]  # of the chosen bundle's labels

    @property
    def annotation(self) -> Annotation | None:
        """Return what a person says of it; None before, and after it was taken back."""
        return self.newest if self.newest and self.newest.kind != "cleared" else None

    @property
    def name(self) -> str:
        """Return its number as people say it: the field's place and its own."""
        return f"{self.field.place}.{self.number}"

    @property
    def key(self) -> str:
        """Return what a form sends of it: the field, the number, and the version that the page shows."""
        return f"{self.field.image_id}.{self.number}.{self.newest.version if self.newest else 0}"

    @property
    def suggested(self) -> str | None:
        """Return the id of the label that is suggested; None where nothing is."""
        return self.suggestion.label if self.suggestion and self.suggestion.outcome == "suggested" else None

    @property
    def graded(self) -> bool:
        """Say whether the bundle could judge it."""
        return bool(self.suggestion and self.suggestion.outcome != "not_gradable")

    @property
    def excluded(self) -> bool:
        """Say whether a person took it out of the counts."""
        return bool(self.annotation and self.annotation.kind == "excluded")

    @property
    def redrawn(self) -> bool:
        """Say whether others stand in its place: it has a number and a history, and no pixels."""
        return bool(self.annotation and self.annotation.reason == REDRAWN)

    @property
    def counts(self) -> bool:
        """Say whether it is in the counts: not excluded, and cut by the border only where a person named it."""
        return not self.excluded and (not self.cut or self.annotation is not None)

    @property
    def uncertainty(self) -> float:
        """Return by how much it calls for a person, as for fields; -1 where the bundle judged nothing."""
        if not self.suggestion or not self.graded:
            return -1.0
        return uncertainty(self.suggestion.outcome, self.suggestion.confidence)

    @property
    def group(self) -> str:
        """Return the group by class: what a person says goes before what is suggested."""
        if self.annotation:
            return f"label:{self.annotation.label}" if self.annotation.kind == "label" else self.annotation.kind
        if self.cut:
            return CUT
        return f"label:{self.suggested}" if self.suggested else UNCLASSED

    @property
    def standing(self) -> str:
        """Return what it counts as: a class where a person or else the bundle names one; else its group.

        A person's word goes before what is suggested. `unclassed`: a whole cell that nobody and nothing names.
        """
        if self.annotation:
            kind = self.annotation.kind
            return class_of(self.annotation.label or "") if kind == "label" else kind
        if self.cut:
            return CUT
        return class_of(self.suggested) if self.suggested else UNCLASSED

    @property
    def person_words(self) -> str:
        """Say what a person says of it."""
        return annotation_words(self.annotation) if self.annotation else ""

    @property
    def suggestion_words(self) -> str:
        """Say what is suggested."""
        if self.suggestion is None:
            return ""
        name = self.names.get(self.suggested, self.suggested) if self.suggested else ""
        return outcome_in_words(self.suggestion.outcome, name, self.suggestion.confidence)

    @property
    def tile(self) -> tuple[int, int]:
        """Return x and y of its crop on the field's sheet."""
        return crop_sheet.place(self.number)


def fields_of(case_id: str, source: Source | None, only: str | None = None) -> tuple[list[DetectedField], list[Cell]]:
    """Return the fields of a case, and all their cells in order; only: the one image whose cells are wanted."""
    query = (
        select(
            SmearImage.id,
            SmearImage.display_name,
            SmearImage.width,
            SmearImage.height,
            Detections.boxes,
            Detections.cut,
        )
        .outerjoin(SmearImage.detections)
        .where(SmearImage.case_id == case_id)
        .order_by(*IMAGE_ORDER)
    )
    rows = db.session.execute(query).all()
    readings = readings_by(case_id, source, only)
    annotations = newest(db.session, [row.id for row in rows])
    names = {label.id: label.name for label in source.labels} if source else {}
    fields, cells = [], []
    for place, row in enumerate(rows, 1):
        if row.boxes is None or only not in (None, row.id):
            continue
        suggestions, read = readings.get(row.id, {}), row.id in readings
        field = DetectedField(row.id, place, row.display_name, row.width, row.height, len(row.boxes), read)
        fields.append(field)
        for number, (box, cut) in enumerate(zip(row.boxes, row.cut, strict=True), 1):
            reading_id, model, suggestion = suggestions.get(number, (None, None, None))
            shown = suggestion.shown if suggestion else None
            annotation = annotations.get((row.id, number))
            cells.append(Cell(field, number, box, cut, shown, reading_id, model, annotation, names))
    return fields, cells


def readings_by(
    case_id: str, source: Source | None, only: str | None = None
) -> dict[str, dict[int, tuple[str, str, Suggestion]]]:
    """Return what one bundle said of a case's cells, behind the reading and the model, by field and number.

    Of several versions the first of the source's that has read a field counts for it, alone.
    """
    if source is None:
        return {}
    versions = source.versions
    query = (
        select(CellReading.image_id, CellReading.version, CellReading.id, CellReading.first, CellReading.suggestions)
        .join(CellReading.image)
        .where(SmearImage.case_id == case_id, CellReading.bundle == source.name, CellReading.version.in_(versions))
    )
    if only is not None:
        query = query.where(SmearImage.id == only)
    rows = db.session.execute(query).all()
    counting: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: versions.index(row.version)):
        counting.setdefault(row.image_id, row.version)
    by_image: defaultdict[str, dict[int, tuple[str, str, Suggestion]]] = defaultdict(dict)
    for row in rows:
        if row.version == counting[row.image_id]:
            model = f"{source.name} {row.version}"
            suggestions = enumerate(row.suggestions, row.first)
            by_image[row.image_id] |= {number: (row.id, model, suggestion) for number, suggestion in suggestions}
    return dict(by_image)


def newest(session: Session, image_ids: Iterable[str]) -> dict[tuple[str, int], Annotation]:
    """Return the annotation that holds for each cell of these fields that has one, by field and number."""
    highest = (
        select(Annotation.image_id, Annotation.number, func.max(Annotation.version).label("version"))
        .where(Annotation.image_id.in_(list(image_ids)))
        .group_by(Annotation.image_id, Annotation.number)
        .subquery()
    )
    query = select(Annotation).join(
        highest,
        (Annotation.image_id == highest.c.image_id)
        & (Annotation.number == highest.c.number)
        & (Annotation.version == highest.c.version),
    )
    return {(row.image_id, row.number): row for row in session.scalars(query)}
