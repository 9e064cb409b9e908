"""Differential counts: how many cells of each class, by people and by suggestion, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from smear.inference.card import Label
from smear.statistics import Share, share

if TYPE_CHECKING:
    from app.cells.layout import Cell


@dataclass(frozen=True)
class Row:
    """One class of the differential count; None where nobody, or no bundle, counted anything."""

    code: str
    name: str
    people: Share | None
    suggested: Share | None


@dataclass(frozen=True)
class Differential:
    """The table, and what is not in it.

    people: cells that a person named; suggested: cells that the bundle could judge; unclassed: cells that count and
    that no person has named; cut: at the border and not named; excluded: taken out by a person.
    """

    rows: list[Row]
    people: int
    suggested: int
    unclassed: int
    cut: int
    excluded: int


def differential(cells: Iterable[Cell], labels: Sequence[Label]) -> Differential:
    """Return the differential count of cells; labels that nobody named and nothing suggests have no row."""
    cells = list(cells)
    named = [cell for cell in cells if cell.annotation and not cell.excluded]
    judged = [cell for cell in cells if cell.graded and cell.counts]
    people = Counter(cell.group for cell in named)
    suggested = Counter(
        f"label:{cell.suggested}" if cell.suggested else cell.suggestion.outcome for cell in judged if cell.suggestion
    )
    names = {f"label:{label.id}": label.name for label in labels}
    for cell in named:
        if cell.annotation and cell.annotation.label:
            names.setdefault(cell.group, cell.annotation.label_name)
    names |= {"other": _("Other"), "uncertain": _("Uncertain"), "unsure": _("Unsure"), "unfamiliar": _("Unfamiliar")}
    rows = [
        Row(
            code,
            name,
            share(people[code], len(named)) if named else None,
            share(suggested[code], len(judged)) if judged else None,
        )
        for code, name in names.items()
        if people[code] or suggested[code]
    ]
    return Differential(
        rows=rows,
        people=len(named),
        suggested=len(judged),
        unclassed=sum(cell.counts and cell.annotation is None for cell in cells),
        cut=sum(cell.cut and cell.annotation is None for cell in cells),
        excluded=sum(cell.excluded for cell in cells),
    )
