"""What people say of single cells: new rows on top of those that were seen, or an answer that somebody was quicker."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import ledger
from app.cells.vocabulary import REASONS
from app.database import writing
from app.records import Case, CellSurvey, CellVerdict, SmearImage, User
from app.rules import RefusedError, refuse_signed

MOST = 1000  # cells in one request
KEY = re.compile(r"([0-9a-f]{32})\.(\d{1,5})\.(\d{1,6})")


class ClassedMeanwhileError(Exception):
    """Somebody else spoke of some of these cells after the page was opened; nothing was written."""

    def __init__(self, newer: list[CellVerdict]) -> None:
        super().__init__()
        self.newer = newer


@dataclass(frozen=True)
class Choice:
    """What a person says of cells: a label with its name, `other`, `uncertain`, `excluded` with a reason, `cleared`."""

    verdict: str
    label: str | None = None
    label_name: str = ""
    reason: str = ""

    @property
    def code(self) -> str:
        """Return the choice as the buttons name it."""
        return ":".join(part for part in (self.verdict, self.label or self.reason) if part)


@dataclass(frozen=True)
class Seen:
    """A cell as the page showed it: its field, its number, and the version of its verdict (0: none)."""

    image_id: str
    number: int
    version: int


def parse_choice(code: str, labels: list[dict[str, Any]]) -> Choice:
    """Read a choice from a form; RefusedError where it is none."""
    verdict, _colon, rest = code.partition(":")
    if verdict == "label":
        for label in labels:
            if label["id"] == rest:
                return Choice("label", rest, label["name"])
    if verdict == "excluded" and rest in REASONS:
        return Choice("excluded", reason=rest)
    if verdict == "excluded":
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


def classify(case: Case, cells: list[Seen], choice: Choice, user: User) -> None:
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
            raise ClassedMeanwhileError(newer)
        if any(one.version and (one.image_id, one.number) not in standing for one in cells):
            raise RefusedError(_("This page does not know one of the cells. Load it again; nothing was changed."))
        rows = [
            CellVerdict(
                image_id=one.image_id,
                number=one.number,
                version=one.version + 1,
                verdict=choice.verdict,
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
            "cells.classed",
            lab=lab_id,
            actor=user_id,
            subject=case_id,
            choice=choice.code,
            cells=[f"{row.image_id}.{row.number}" for row in rows],
            verdicts=[row.id for row in rows],
        )


def insist_on_cells_of(session: Session, case_id: str, cells: list[Seen]) -> None:
    """Raise RefusedError where a cell is not one of the case's."""
    query = select(CellSurvey.image_id, CellSurvey.boxes).join(CellSurvey.image).where(SmearImage.case_id == case_id)
    counts = {image_id: len(boxes) for image_id, boxes in session.execute(query)}
    if any(not 1 <= one.number <= counts.get(one.image_id, 0) for one in cells):
        raise RefusedError(_("One of the cells is not in this case. Load the page again; nothing was changed."))


def newest(session: Session, image_ids: Iterable[str]) -> dict[tuple[str, int], CellVerdict]:
    """Return the verdict that holds for each cell of these fields that has one, by field and number."""
    highest = (
        select(CellVerdict.image_id, CellVerdict.number, func.max(CellVerdict.version).label("version"))
        .where(CellVerdict.image_id.in_(list(image_ids)))
        .group_by(CellVerdict.image_id, CellVerdict.number)
        .subquery()
    )
    query = select(CellVerdict).join(
        highest,
        (CellVerdict.image_id == highest.c.image_id)
        & (CellVerdict.number == highest.c.number)
        & (CellVerdict.version == highest.c.version),
    )
    return {(row.image_id, row.number): row for row in session.scalars(query)}
