"""What people say of single cells: new rows on top of those that were seen, or an answer that somebody was quicker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import ledger
from app.cells.vocabulary import REASONS
from app.database import writing
from app.records import Annotation, Case, Detections, SmearImage, User
from app.rules import RefusedError, refuse_signed
from smear.inference.card import Label

MOST = 1000  # cells in one request
KEY = re.compile(r"([0-9a-f]{32})\.(\d{1,5})\.(\d{1,6})")


class AnnotatedMeanwhileError(Exception):
    """Somebody else spoke of some of these cells after the page was opened; nothing was written."""

    def __init__(self, newer: list[Annotation]) -> None:
        super().__init__()
        self.newer = newer


@dataclass(frozen=True)
class Choice:
    """What a person says of cells: a label with its name, `other`, `uncertain`, `excluded` with a reason, `cleared`."""

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
    """A cell as the page showed it: its field, its number, and the version of its annotation (0: none)."""

    image_id: str
    number: int
    version: int


def parse_choice(code: str, labels: Sequence[Label]) -> Choice:
    """Read a choice from a form; RefusedError where it is none."""
    kind, _colon, rest = code.partition(":")
    if kind == "label":
        for label in labels:
            if label.id == rest:
                return Choice("label", rest, label.name)
    if kind == "excluded" and rest in REASONS:
        return Choice("excluded", reason=rest)
    if kind == "excluded":
        raise RefusedError(_("Say why the cells are excluded. Nothing was changed."))
    if code in ("other", "uncertain", "cleared"):
        return Choice(code)
    raise RefusedError(_("Choose what the cells are. Nothing was changed."))


def parse_cells(keys: Iterable[str]) -> list[Seen]:
    """Read from a form which cells are meant; RefusedError where none is, or more than can be written at once."""
    found = {}
    for key in keys:
        if not (match := KEY.fullmatch(key)):
            raise RefusedError(_("This page does not know one of the cells. Load it again; nothing was changed."))
        one = Seen(match[1], int(match[2]), int(match[3]))
        found[one.image_id, one.number] = one
    if not found:
        raise RefusedError(_("Select at least one cell first. Nothing was changed."))
    if len(found) > MOST:
        raise RefusedError(_("Up to %(n)s cells can be changed at once. Nothing was changed.", n=MOST))
    return list(found.values())


def annotate(case: Case, cells: list[Seen], choice: Choice, user: User) -> None:
    """Write what a person says of cells, for all of them or, where one was changed meanwhile, for none."""
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        refuse_signed(session.get_one(Case, case_id))
        insist_on_cells_of(session, case_id, cells)
        standing = newest(session, {one.image_id for one in cells})
        newer = [
            row
            for one in cells
            if (row := standing.get((one.image_id, one.number))) is not None and row.version != one.version
        ]
        if newer:
            raise AnnotatedMeanwhileError(newer)
        if any(one.version and (one.image_id, one.number) not in standing for one in cells):
            raise RefusedError(_("This page does not know one of the cells. Load it again; nothing was changed."))
        rows = [
            Annotation(
                image_id=one.image_id,
                number=one.number,
                version=one.version + 1,
                kind=choice.kind,
                label=choice.label,
                label_name=choice.label_name,
                reason=choice.reason,
                made_by_id=user_id,
            )
            for one in cells
        ]
        session.add_all(rows)
        session.flush()
        ledger.record(
            session,
            "cells.annotated",
            lab=lab_id,
            actor=user_id,
            subject=case_id,
            choice=choice.code,
            cells=[f"{row.image_id}.{row.number}" for row in rows],
            annotations=[row.id for row in rows],
            rows=rows,
        )


def insist_on_cells_of(session: Session, case_id: str, cells: list[Seen]) -> None:
    """Raise RefusedError where a cell is not one of the case's."""
    query = select(Detections.image_id, Detections.boxes).join(Detections.image).where(SmearImage.case_id == case_id)
    counts = {image_id: len(boxes) for image_id, boxes in session.execute(query)}
    if any(not 1 <= one.number <= counts.get(one.image_id, 0) for one in cells):
        raise RefusedError(_("One of the cells is not in this case. Load the page again; nothing was changed."))


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
