"""What people say of single cells: new rows on top of those that were seen, or an answer that somebody was quicker."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import writing
from app.differential import review_rules
from app.differential.cells import REASONS, REDRAWN, Cell, newest
from app.records import Annotation, Case, Detections, Lab, SmearImage, User, now
from app.rules import RefusedError, refuse_blind_reader, refuse_signed
from smear.inference.card import Label

MOST = 1000  # cells in one request
RESTORE, CONFIRM = "restore", "confirm"
KEY = re.compile(r"([0-9a-f]{32})\.(\d{1,5})\.(\d{1,6})(?:\.(\d{1,6}))?")


class AnnotatedMeanwhileError(Exception):
    """Somebody else spoke of some of these cells after the page was opened; nothing was written."""

    def __init__(self, newer: list[Annotation]) -> None:
        super().__init__()
        self.newer = newer


@dataclass(frozen=True)
class Choice:
    """What a person says of cells: a label with its name, `other`, `uncertain`, `excluded` with a reason, `cleared`.

    `restore`: what stood before.
    """

    kind: str
    label: str | None = None
    label_name: str = ""
    reason: str = ""

    @property
    def code(self) -> str:
        """Return the choice as the buttons name it."""
        return ":".join(part for part in (self.kind, self.label or self.reason) if part)


@dataclass(frozen=True)
class Seen:
    """A cell as the page showed it: its field, its number, and the version of its annotation (0: none).

    back_to: the version that `restore` goes back to, 0 for none.
    """

    image_id: str
    number: int
    version: int
    back_to: int = 0


@dataclass(frozen=True)
class Act:
    """One thing that a person said, of one cell or of many."""

    choice: Choice
    cells: list[Seen]


def parse_choice(code: str, labels: Sequence[Label], reasons: Container[str] = REASONS) -> Choice:
    """Read a choice from a form; RefusedError where it is none.

    reasons: the codes for which a cell may be excluded.
    """
    kind, _colon, rest = code.partition(":")
    if kind == "label":
        for label in labels:
            if label.id == rest:
                return Choice("label", rest, label.name)
    if kind == "excluded" and rest in reasons:
        return Choice("excluded", reason=rest)
    if kind == "excluded":
        raise RefusedError(_("Say why the cells are excluded. Nothing was changed."))
    if code in ("other", "uncertain", "cleared", RESTORE):
        return Choice(code)
    raise RefusedError(_("Choose what the cells are. Nothing was changed."))


def parse_cells(keys: Iterable[str]) -> list[Seen]:
    """Read from a form which cells are meant; RefusedError where none is, or more than can be written at once."""
    cells = {}
    for key in keys:
        if not (match := KEY.fullmatch(key)):
            raise RefusedError(_("This page does not know one of the cells. Load it again; nothing was changed."))
        cell = Seen(match[1], int(match[2]), int(match[3]), int(match[4] or 0))
        cells[cell.image_id, cell.number] = cell
    if not cells:
        raise RefusedError(_("Select at least one cell first. Nothing was changed."))
    if len(cells) > MOST:
        raise RefusedError(_("Up to %(n)s cells can be changed at once. Nothing was changed.", n=MOST))
    return list(cells.values())


def confirmed(selected: list[Seen], cells: Iterable[Cell], labels: Sequence[Label]) -> list[Act]:
    """Return what it means to confirm the suggestions of cells; RefusedError where one of them has none."""
    suggested = {(cell.field.image_id, cell.number): cell for cell in cells}
    by_label: dict[str, list[Seen]] = {}
    for seen_cell in selected:
        cell = suggested.get((seen_cell.image_id, seen_cell.number))
        if cell is None or cell.suggested is None:
            name = cell.name if cell else ""
            raise RefusedError(
                _("Nothing is suggested for cell %(name)s, so that there is nothing to confirm. Name it.", name=name)
            )
        by_label.setdefault(cell.suggested, []).append(seen_cell)
    return [Act(parse_choice(f"label:{label}", labels), group) for label, group in by_label.items()]


def annotate(case: Case, acts: list[Act], user: User) -> None:
    """Write what a person says of cells, in order: all of it or, where a cell was changed meanwhile, nothing.

    A cell of a later act is as the one before left it. What one act says has one time, so that it is one line of the
    history.
    """
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        case = session.get_one(Case, case_id)
        refuse_signed(case)
        refuse_blind_reader(session, case_id, user_id)
        every = [cell for act in acts for cell in act.cells]
        insist_on_cells_of(session, case_id, every)
        standing = newest(session, {cell.image_id for cell in every})
        for act in acts:
            write(session, standing, act, user_id, now())
            ledger.record(
                session,
                "cells.annotated",
                lab=lab_id,
                actor=user_id,
                subject=case_id,
                choice=act.choice.code,
                cells=[f"{cell.image_id}.{cell.number}" for cell in act.cells],
                annotations=[standing[cell.image_id, cell.number].id for cell in act.cells],
                rows=[standing[cell.image_id, cell.number] for cell in act.cells],
            )
        review_rules.apply(session, case, session.get_one(Lab, lab_id), user_id)


def write(
    session: Session, standing: dict[tuple[str, int], Annotation], act: Act, user_id: int, moment: datetime
) -> None:
    """Add the rows of one act on top of those that stand; AnnotatedMeanwhileError where they are not those seen."""
    newer = [
        row
        for cell in act.cells
        if (row := standing.get((cell.image_id, cell.number))) is not None and row.version != cell.version
    ]
    if newer:
        raise AnnotatedMeanwhileError(newer)
    if any(cell.version and (cell.image_id, cell.number) not in standing for cell in act.cells):
        raise RefusedError(_("This page does not know one of the cells. Load it again; nothing was changed."))
    if any(row.reason == REDRAWN for cell in act.cells if (row := standing.get((cell.image_id, cell.number)))):
        raise RefusedError(_("One of the cells was outlined anew. Load the page again; nothing was changed."))
    for cell in act.cells:
        choice = before(session, cell) if act.choice.kind == RESTORE else act.choice
        row = Annotation(
            image_id=cell.image_id,
            number=cell.number,
            version=cell.version + 1,
            kind=choice.kind,
            label=choice.label,
            label_name=choice.label_name,
            reason=choice.reason,
            made_at=moment,
            made_by_id=user_id,
        )
        session.add(row)
        standing[cell.image_id, cell.number] = row
    session.flush()


def before(session: Session, cell: Seen) -> Choice:
    """Return what was said of a cell in the version to which it goes back."""
    query = select(Annotation).where(
        Annotation.image_id == cell.image_id, Annotation.number == cell.number, Annotation.version == cell.back_to
    )
    row = session.scalar(query) if cell.back_to else None
    return Choice(row.kind, row.label, row.label_name, row.reason) if row else Choice("cleared")


def insist_on_cells_of(session: Session, case_id: str, cells: list[Seen]) -> None:
    """Raise RefusedError where a cell is not one of the case's."""
    query = select(Detections.image_id, Detections.boxes).join(Detections.image).where(SmearImage.case_id == case_id)
    counts = {image_id: len(boxes) for image_id, boxes in session.execute(query)}
    if any(not 1 <= cell.number <= counts.get(cell.image_id, 0) for cell in cells):
        raise RefusedError(_("One of the cells is not in this case. Load the page again; nothing was changed."))
