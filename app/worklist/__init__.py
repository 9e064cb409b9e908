"""The worklist: every case of the lab, newest first, found by accession and notes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, current_app, render_template, request
from flask_security import current_user
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from ..database import db
from ..records import OUTCOMES, Case, SmearImage
from ..security import member

bp = Blueprint("worklist", __name__)

SEARCH_LENGTH = 100


@dataclass(frozen=True)
class Line:
    """One row of the worklist: a case, what was suggested in it, and whether a drawing is among its images."""

    case: Case
    labels: list[tuple[str, int, float | None]]  # name, images, probability when it is one image
    drawn: int


@bp.get("/")
@member
def show() -> str:
    """Show one page of the cases that match."""
    search = request.args.get("q", "").strip()[:SEARCH_LENGTH]
    outcome = request.args.get("outcome", "")
    if outcome and outcome not in OUTCOMES:
        abort(404)
    size = current_app.config["PAGE_SIZE"]
    query = matching(current_user.lab_id, search, outcome)
    if after := request.args.get("after"):
        query = query.where(tuple_(Case.created_at, Case.id) < parse_cursor(after))
    found = list(db.session.scalars(query.limit(size + 1)))
    page, more = found[:size], len(found) > size
    total = db.session.scalar(select(func.count()).where(Case.lab_id == current_user.lab_id))
    return render_template(
        "worklist/show.html",
        lines=lines(page),
        search=search,
        outcome=outcome,
        outcomes=OUTCOMES,
        total=total,
        after=after,
        older=cursor(page[-1]) if more else None,
    )


def matching(lab_id: int, search: str, outcome: str) -> Select[Any]:
    """Return the query of a lab's cases, newest first."""
    query = select(Case).where(Case.lab_id == lab_id)
    if search:
        # autoescape: a search for 100% looks for that, and an underscore is an underscore.
        query = query.where(Case.search_text.contains(search.casefold(), autoescape=True))
    if outcome:
        query = query.where(getattr(Case, f"{outcome}_count") > 0)
    query = query.options(joinedload(Case.reviewer))
    return query.order_by(Case.created_at.desc(), Case.id.desc())


def cursor(case: Case) -> str:
    """Return the place after a case, to go on from there however many cases are added meanwhile."""
    return f"{case.created_at.isoformat()}~{case.id}"


def parse_cursor(text: str) -> tuple[Any, Any]:
    """Read a place back from an address; one that nobody wrote is a 404."""
    moment, _, case_id = text.partition("~")
    try:
        return datetime.fromisoformat(moment), case_id
    except ValueError:
        abort(404)


def lines(cases: list[Case]) -> list[Line]:
    """Gather what was suggested in each case, with one query for the whole page."""
    images = db.session.scalars(
        select(SmearImage)
        .where(SmearImage.case_id.in_([case.id for case in cases]))
        .options(selectinload(SmearImage.readings))
    ).all()
    return [line(case, [image for image in images if image.case_id == case.id]) for case in cases]


def line(case: Case, images: list[SmearImage]) -> Line:
    """Sum up one case: labels by how many images have them."""
    suggested = [image.reading for image in images if image.reading.outcome == "suggested"]
    names = [reading.label_name() for reading in suggested]
    labels = [
        (name, names.count(name), suggested[0].confidence if len(images) == 1 else None)
        for name in sorted(set(names), key=lambda name: (-names.count(name), name))
    ]
    return Line(case, labels, sum(image.drawn for image in images))
