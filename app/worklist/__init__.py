"""The worklist: every case of the lab, newest or most uncertain first, filtered and searched."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, current_app, render_template, request
from flask_security import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from ..cases.access import blind_cases
from ..database import db
from ..records import OUTCOMES, STATES, Case, SmearImage, User
from ..security import member
from .filters import Filters

bp = Blueprint("worklist", __name__)


@dataclass(frozen=True)
class Line:
    """One row of the worklist: a case, what was suggested in it and by which models, and how many drawings it has."""

    case: Case
    labels: list[tuple[str, int, float | None]]  # name, images, probability when it is one image
    bundles: list[str]
    drawn: int


@bp.get("/")
@member
def show() -> str:
    """Show one page of the cases that match."""
    filters = Filters.read(request.args)
    size = current_app.config["PAGE_SIZE"]
    hidden = blind_cases()
    query = filters.query(current_user.lab_id)
    if hidden and filters.tells:
        # To be found by what was seen or suggested would tell a blind reader just that.
        query = query.where(Case.id.not_in(hidden))
    if after := request.args.get("after"):
        query = filters.after(query, after)
    found = list(db.session.scalars(query.limit(size + 1)))
    page, more = found[:size], len(found) > size
    return render_template(
        "worklist/show.html",
        lines=lines(page),
        hidden=hidden,
        filters=filters,
        outcomes=OUTCOMES,
        states=STATES,
        reviewers=reviewers(),
        saved=saved.saved_filters(),
        total=db.session.scalar(select(func.count()).where(Case.lab_id == current_user.lab_id)),
        after=after,
        older=filters.cursor(page[-1]) if more else None,
    )


def reviewers() -> list[User]:
    """Return the people of the lab, who may have reviewed something."""
    return list(db.session.scalars(select(User).where(User.lab_id == current_user.lab_id).order_by(User.email)))


def lines(cases: list[Case]) -> list[Line]:
    """Gather what was suggested in each case, with one query for the whole page."""
    images = db.session.scalars(
        select(SmearImage)
        .where(SmearImage.case_id.in_([case.id for case in cases]))
        .options(selectinload(SmearImage.readings))
    ).all()
    of_case: dict[str, list[SmearImage]] = {}
    for image in images:
        of_case.setdefault(image.case_id, []).append(image)
    return [line(case, of_case.get(case.id, [])) for case in cases]


def line(case: Case, images: list[SmearImage]) -> Line:
    """Sum up one case: labels by how many images have them."""
    suggested = [image.reading for image in images if image.reading.outcome == "suggested"]
    names = [reading.label_name() for reading in suggested]
    labels = [
        (name, names.count(name), suggested[0].confidence if len(images) == 1 else None)
        for name in sorted(set(names), key=lambda name: (-names.count(name), name))
    ]
    bundles = sorted({f"{image.reading.bundle} {image.reading.version}" for image in images})
    return Line(case, labels, bundles, sum(image.drawn for image in images))


from . import export, saved  # noqa: E402, F401 -- they hang their pages on bp
