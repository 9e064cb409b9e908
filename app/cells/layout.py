"""The cells of a case as their page shows them: in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask_babel import gettext as _

from app.differential.cells import CUT, UNCLASSED, Cell
from smear.inference.card import Label
from smear.statistics import Share, share

ORDERS = ("class", "suggestion", "uncertainty", "field")


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


def groups(cells: list[Cell], order: str, labels: Sequence[Label]) -> list[Group]:
    """Return the cells in groups, by one of ORDERS; the most uncertain of a group first, except by field."""
    by_code: dict[str, Group] = {}
    if order in ("class", "suggestion"):
        known = {f"label:{label.id}": label.name for label in labels}
        for cell in cells:  # a label that a person chose from another list
            if order == "class" and cell.annotation and cell.annotation.label:
                known.setdefault(cell.group, cell.annotation.label_name)
        for code, name in known.items():
            by_code[code] = Group(code, name, code if order == "class" else "")
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
            by_code[code] = Group(code, name, choice if order == "class" else "")
    members: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        code, name = place_of(cell, order)
        by_code.setdefault(code, Group(code, name, ""))
        members[code].append(cell)
    total = sum(cell.counts for cell in cells)
    for code, group in by_code.items():
        group.cells = members[code]
        if order != "field":
            group.cells.sort(key=lambda cell: (-cell.uncertainty, cell.field.place, cell.number))
        if code not in (CUT, "excluded") and total:
            group.share = share(sum(cell.counts for cell in group.cells), total)
    return [group for group in by_code.values() if group.cells]


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
