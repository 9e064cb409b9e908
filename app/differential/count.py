"""The differential count as a table: how many cells of each class, by people and by suggestion, with exact limits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from app.database import db
from app.differential.cells import REDRAWN, UNCLASSED, Cell
from app.differential.classes import APART, BY_ID, class_of, names
from app.records import Annotation, SmearImage
from smear.inference.card import Label
from smear.statistics import Share, exact_share

OTHER = ("other", "uncertain")  # a person looked and gave no class: a leukocyte all the same


@dataclass(frozen=True)
class Row:
    """One class of the count; None where nobody, or no bundle, counted anything.

    apart: no leukocyte, so that its shares are of the leukocytes and it is in no total.
    """

    code: str
    name: str
    people: Share | None
    suggested: Share | None
    apart: bool = False


@dataclass(frozen=True)
class Differential:
    """The table, and what is not in it.

    people, suggested: leukocytes that people named, and that the bundle named; refused: whole cells that the bundle
    refused to name; unclassed: whole cells that no person has named; unnamed: those of them that nothing named; cut: at
    the border and not named; excluded: taken out by a person.
    """

    rows: list[Row]
    people: int
    suggested: int
    refused: int
    unclassed: int
    unnamed: int
    cut: int
    excluded: int

    @property
    def empty(self) -> bool:
        """Return whether nobody and nothing named any cell."""
        return not self.rows

    @property
    def leukocytes(self) -> list[Row]:
        """Return the classes that the shares are of."""
        return [row for row in self.rows if not row.apart]

    @property
    def beside(self) -> list[Row]:
        """Return what is counted beside the leukocytes."""
        return [row for row in self.rows if row.apart]


def differential(cells: Iterable[Cell], labels: Sequence[Label] = ()) -> Differential:
    """Return the count of cells; classes that nobody named and nothing suggests have no row.

    labels: the bundle's. A suggestion counts where the cell counts, also where a person has named it otherwise. Of a
    class that the bundle does not know it suggests nothing, which is not none.
    """
    cells = list(cells)
    named = [cell for cell in cells if cell.annotation and not cell.excluded]
    judged = [cell for cell in cells if cell.graded and cell.counts]
    people = Counter(cell.standing for cell in named)
    suggested = Counter(class_of(cell.suggested) for cell in judged if cell.suggested)
    words = class_names(cells, labels)
    known = {class_of(label.id) for label in labels}
    totals = [sum(n for code, n in column.items() if code not in APART) for column in (people, suggested)]
    rows = [
        Row(
            code,
            name,
            _share(people[code], totals[0], code) if named else None,
            _share(suggested[code], totals[1], code) if suggested and (not known or code in known) else None,
            code in APART,
        )
        for code, name in words.items()
        if people[code] or suggested[code]
    ]
    return Differential(
        rows=rows,
        people=totals[0],
        suggested=totals[1],
        refused=sum(cell.suggested is None for cell in judged),
        unclassed=sum(cell.counts and cell.annotation is None for cell in cells),
        unnamed=sum(cell.standing == UNCLASSED for cell in cells),
        cut=sum(cell.cut and cell.annotation is None for cell in cells),
        excluded=sum(cell.excluded for cell in cells),
    )


def _share(count: int, total: int, code: str) -> Share:
    """Return the share of a class; of what is counted apart it is the ratio to the leukocytes, without limits."""
    if code in APART:
        return Share(count, total, count / total if total else 0.0, 0.0, 1.0)
    return exact_share(count, total)


def standing(cells: Iterable[Cell]) -> Counter[str]:
    """Return how many of the cells that count stand as each class: a person's word, else the suggestion."""
    return Counter(cell.standing for cell in cells if cell.counts)


def leukocytes(counted: Counter[str]) -> int:
    """Return how many of the cells that stand as a class are leukocytes."""
    return sum(n for code, n in counted.items() if code not in (*APART, UNCLASSED))


def class_names(cells: Iterable[Cell], labels: Sequence[Label] = ()) -> dict[str, str]:
    """Return the names of all classes in the order of a count: built in, a bundle's, and what people said besides."""
    words = names(labels)
    for cell in cells:
        if cell.annotation and cell.annotation.label:
            words.setdefault(cell.standing, cell.annotation.label_name)
    return words | {"other": _("Other"), "uncertain": _("Uncertain")}


def sentence(cells: Iterable[Cell], labels: Sequence[Label] = ()) -> str:
    """Say what the whole cells of a field are, blasts first: "14 leukocytes: 9 blast-like, 3 lymphocytes, 2 not named."

    Only what stands as a class is named; a cell that the bundle refuses is not named. What is no leukocyte comes after
    them: "Besides: 1 platelet."
    """
    cells = list(cells)
    counted = standing(cells)
    if not counted:
        return ""
    words = class_names(cells, labels)
    leukocyte_words: list[str] = []
    apart_words: list[str] = []
    for code in [*words, *sorted(set(counted) - set(words) - {UNCLASSED})]:
        if counted[code]:
            (apart_words if code in APART else leukocyte_words).append(_counted_words(code, counted[code], words))
    if counted[UNCLASSED]:
        leukocyte_words.append(_("%(n)s not named", n=counted[UNCLASSED]))
    total = leukocytes(counted) + counted[UNCLASSED]
    sentences = []
    if total:
        whole = ngettext("%(num)s leukocyte", "%(num)s leukocytes", total)
        sentences.append(f"{whole}: {', '.join(leukocyte_words)}.")
    if apart_words:
        beside = ", ".join(apart_words)
        sentences.append(
            _("Besides: %(cells)s.", cells=beside) if total else _("No leukocyte: %(cells)s.", cells=beside)
        )
    return " ".join(sentences)


def _counted_words(code: str, count: int, words: dict[str, str]) -> str:
    """Say how many of a class there are: "9 blast-like", "1 platelet"."""
    if code not in BY_ID:
        return f"{count} {words.get(code, code)}"
    name = str(BY_ID[code].name if count == 1 and code != "blast" else BY_ID[code].counted)
    return f"{count} {name[:1].lower()}{name[1:]}"


@dataclass(frozen=True)
class Disagreement:
    """A cell that two people named differently: its field and number, and who said what, the first first."""

    image_id: str
    number: int
    first: str
    first_by: str
    second: str
    second_by: str


def named_twice(case_id: str) -> tuple[int, list[Disagreement]]:
    """Return how many cells of a case two people named, and those of them that they named differently.

    The last word of each person counts: who took a name back, or excluded the cell, names it no more. The second is the
    last person who spoke. A cell that was outlined anew is there no more.
    """
    query = (
        select(Annotation)
        .join(Annotation.image)
        .where(SmearImage.case_id == case_id)
        .order_by(SmearImage.position, Annotation.image_id, Annotation.number, Annotation.version)
    )
    by_cell: defaultdict[tuple[str, int], dict[int, Annotation]] = defaultdict(dict)
    for row in db.session.scalars(query):
        by_person = by_cell[row.image_id, row.number]
        by_person.pop(row.made_by_id, None)
        by_person[row.made_by_id] = row
    there = {cell: list(rows.values()) for cell, rows in by_cell.items() if [*rows.values()][-1].reason != REDRAWN}
    named = {cell: [row for row in rows if row.kind == "label"] for cell, rows in there.items()}
    both = {cell: rows for cell, rows in named.items() if len(rows) > 1}
    differing = [
        Disagreement(
            image_id,
            number,
            rows[0].label_name,
            rows[0].made_by.shown_name,
            rows[-1].label_name,
            rows[-1].made_by.shown_name,
        )
        for (image_id, number), rows in both.items()
        if class_of(rows[0].label or "") != class_of(rows[-1].label or "")
    ]
    return len(both), differing
