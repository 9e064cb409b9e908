"""Fields against cells: what a bundle suggests of whole fields beside what another suggests of their single cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from app.cases.summary import BriefReading, most_voted
from app.differential.cells import Cell, DetectedField
from smear.inference.card import Label
from smear.statistics import Share, share

# From this share of blasts on, the World Health Organization speaks of acute leukemia (WHO Classification of Tumours,
# Haematolymphoid Tumours, 4th and 5th edition). Here it only decides when two suggestions are said to contradict.
LEUKEMIC = 0.20
FEWEST = 5  # cells with a suggestion; of fewer a share says nothing


@dataclass(frozen=True)
class CellSide:
    """What is suggested of single cells: how often each label, and which share of them is leukemic."""

    votes: Counter[str]
    names: dict[str, str]
    malignant: Share

    @property
    def top(self) -> str | None:
        """Return the label that is suggested for more cells than any other."""
        return most_voted(self.votes)

    @property
    def words(self) -> str:
        """Say how often each label is suggested, the most frequent first."""
        return ", ".join(f"{self.names[label]} {count}" for label, count in self.votes.most_common())


def cell_side(cells: list[Cell], labels: Sequence[Label]) -> CellSide | None:
    """Return what is suggested of the cells that count; None where nothing is."""
    votes = Counter(cell.suggested for cell in cells if cell.counts and cell.suggested)
    if not votes:
        return None
    names = {label.id: label.name for label in labels}
    leukemic = {label.id for label in labels if label.malignant}
    count = sum(number for label, number in votes.items() if label in leukemic)
    known = Counter({label: number for label, number in votes.items() if label in names})
    return CellSide(known, names, share(count, sum(votes.values())))


def contradiction(
    field_label: Label | None, field_ids: set[str], side: CellSide | None, labels: Sequence[Label]
) -> str:
    """Say in a sentence that fields and cells contradict each other; "" where they do not or cannot be compared.

    field_label: what is suggested of the field or of most fields; field_ids: every label that their bundle knows.
    """
    if field_label is None or side is None or side.malignant.total < FEWEST:
        return ""
    counts = {
        "field": field_label.name,
        "n": side.malignant.count,
        "total": side.malignant.total,
        "low": f"{100 * side.malignant.low:.0f}",
        "high": f"{100 * side.malignant.high:.0f}",
    }
    if any(label.malignant for label in labels):
        if field_label.malignant and side.malignant.value < LEUKEMIC:
            return _(
                "Fields and cells contradict each other: the field suggestion is %(field)s, but of %(total)s cells with"
                " a suggestion only %(n)s are suggested as leukemic (95 %% interval %(low)s to %(high)s %%)."
                " Look at both.",
                **counts,
            )
        if not field_label.malignant and side.malignant.value >= LEUKEMIC:
            return _(
                "Fields and cells contradict each other: the field suggestion is %(field)s, but of %(total)s cells with"
                " a suggestion %(n)s are suggested as leukemic (95 %% interval %(low)s to %(high)s %%)."
                " Look at both.",
                **counts,
            )
    top = side.top
    if top and top != field_label.id and top in field_ids and field_label.id in side.names:
        return _(
            "Fields and cells contradict each other: the field suggestion is %(field)s, but most cells are suggested"
            " as %(cell)s. Look at both.",
            field=field_label.name,
            cell=side.names[top],
        )
    return ""


@dataclass(frozen=True)
class Line:
    """One field with both of its suggestions, and the sentence where they contradict."""

    field: DetectedField
    reading: BriefReading | None
    side: CellSide | None
    contradiction: str


def lines(
    fields: list[DetectedField], readings: dict[str, list[BriefReading]], cells: list[Cell], labels: Sequence[Label]
) -> list[Line]:
    """Return both suggestions for each field; readings: by field, of which the first counts."""
    by_field: dict[str, list[Cell]] = {field.image_id: [] for field in fields}
    for cell in cells:
        by_field[cell.field.image_id].append(cell)
    rows = []
    for field in fields:
        side = cell_side(by_field[field.image_id], labels)
        reading = next(iter(readings.get(field.image_id, [])), None)
        label = reading.suggested if reading else None
        ids = set(reading.labels) if reading else set()
        rows.append(Line(field, reading, side, contradiction(label, ids, side, labels)))
    return rows
