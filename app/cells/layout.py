"""The cells of a case as their page shows them: what a bundle suggests of each, what people say, in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask_babel import gettext as _
from sqlalchemy import select

from app.cases.summary import BriefReading, brief_readings
from app.cells.annotations import newest
from app.cells.vocabulary import REASONS, Source
from app.database import db
from app.records import IMAGE_ORDER, Annotation, CellReading, Detections, SmearImage
from app.template_filters import outcome_in_words
from smear.inference.card import Label
from smear.inference.suggestion import Suggestion, uncertainty
from smear.rendering import crop_sheet
from smear.statistics import Share, share

ORDERS = ("class", "suggestion", "uncertainty", "field")
UNCLASSED, CUT = "unclassed", "cut"


def annotation_words(annotation: Annotation) -> str:
    """Say what a person said of a cell."""
    if annotation.kind == "excluded":
        return _("Excluded: %(why)s", why=REASONS.get(annotation.reason, annotation.reason))
    words = {"other": _("Other"), "uncertain": _("Uncertain"), "cleared": _("Taken back")}
    return words.get(annotation.kind) or annotation.label_name


@dataclass(frozen=True)
class DetectedField:
    """One field of the case: its place from 1, its size in pixels, its first reading, and its cells' sheet."""

    image_id: str
    place: int
    name: str
    width: int
    height: int
    reading: BriefReading | None
    cells: int
    cell_reading: str | None  # the chosen bundle's, where it has read this field


@dataclass(frozen=True)
class Cell:
    """One leukocyte: where it is, what is suggested and the annotation that holds."""

    field: DetectedField
    number: int
    box: list[int]
    cut: bool
    suggestion: Suggestion | None  # as it may be shown
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


@dataclass
class Group:
    """Cells that stand together on the page; `choice` is what dropping a cell there means, empty for nothing."""

    code: str
    name: str
    choice: str
    cells: list[Cell] = field(default_factory=list)
    share: Share | None = None

    @property
    def annotated(self) -> int:
        """Return of how many a person says so."""
        return sum(cell.annotation is not None for cell in self.cells)


def fields_of(case_id: str, source: Source | None) -> tuple[list[DetectedField], list[Cell]]:
    """Return the fields of a case, and all their cells in order."""
    query = (
        select(
            SmearImage.id,
            SmearImage.position,
            SmearImage.added_at,
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
    field_readings, cell_readings = brief_readings(case_id), readings_by(case_id, source)
    annotations = newest(db.session, [row.id for row in rows])
    names = {label.id: label.name for label in source.labels} if source else {}
    fields, cells = [], []
    for place, row in enumerate(rows, 1):
        if row.boxes is None:
            continue
        reading_id, suggestions = cell_readings.get(row.id, (None, None))
        first = next(iter(field_readings.get(row.id, [])), None)
        one = DetectedField(row.id, place, row.display_name, row.width, row.height, first, len(row.boxes), reading_id)
        fields.append(one)
        for number, (box, cut) in enumerate(zip(row.boxes, row.cut, strict=True), 1):
            suggestion = suggestions[number - 1].shown if suggestions else None
            cells.append(Cell(one, number, box, cut, suggestion, annotations.get((row.id, number)), names))
    return fields, cells


def readings_by(case_id: str, source: Source | None) -> dict[str, tuple[str, list[Suggestion]]]:
    """Return the readings of a case's cells by one bundle, by field."""
    if source is None:
        return {}
    query = (
        select(CellReading.image_id, CellReading.id, CellReading.suggestions)
        .join(CellReading.image)
        .where(SmearImage.case_id == case_id, CellReading.bundle == source.name, CellReading.version == source.version)
    )
    return {image_id: (reading_id, suggestions) for image_id, reading_id, suggestions in db.session.execute(query)}


def groups(cells: list[Cell], order: str, labels: Sequence[Label]) -> list[Group]:
    """Return the cells in groups, by one of ORDERS; the most uncertain of a group first, except by field."""
    found: dict[str, Group] = {}
    if order in ("class", "suggestion"):
        known = {f"label:{label.id}": label.name for label in labels}
        for cell in cells:  # a label that a person chose from another list
            if order == "class" and cell.annotation and cell.annotation.label:
                known.setdefault(cell.group, cell.annotation.label_name)
        for code, name in known.items():
            found[code] = Group(code, name, code if order == "class" else "")
        last = {
            "other": (_("Other"), "other"),
            "uncertain": (_("Uncertain"), "uncertain"),
            "unsure": (_("Unsure"), ""),
            "unfamiliar": (_("Unfamiliar"), ""),
            UNCLASSED: (_("Not classed yet"), "cleared"),
            CUT: (_("Cut by the border; counted once a person names them"), ""),
            "excluded": (_("Excluded"), ""),
        }
        for code, (name, choice) in last.items():
            found[code] = Group(code, name, choice if order == "class" else "")
    members: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        code, name = place_of(cell, order)
        found.setdefault(code, Group(code, name, ""))
        members[code].append(cell)
    total = sum(cell.counts for cell in cells)
    for code, group in found.items():
        group.cells = members[code]
        if order != "field":
            group.cells.sort(key=lambda cell: (-cell.uncertainty, cell.field.place, cell.number))
        if code not in (CUT, "excluded") and total:
            group.share = share(sum(cell.counts for cell in group.cells), total)
    return [group for group in found.values() if group.cells]


def place_of(cell: Cell, order: str) -> tuple[str, str]:
    """Return code and name of the group in which a cell stands."""
    if order == "field":
        return f"field:{cell.field.place}", _("Field %(n)s", n=cell.field.place)
    if order == "uncertainty":
        return "all", _("All cells, the most uncertain first")
    if order == "class":
        return cell.group, ""
    if cell.excluded:
        return "excluded", ""
    if cell.suggested:
        return f"label:{cell.suggested}", cell.names.get(cell.suggested, cell.suggested)
    if cell.suggestion and cell.graded:
        return cell.suggestion.outcome, ""
    return (CUT if cell.cut else UNCLASSED), ""
