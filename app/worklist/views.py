"""The worklist: every case of the lab, newest or most uncertain first, filtered and searched."""

from __future__ import annotations

from flask import current_app, render_template, request
from flask_security import current_user
from sqlalchemy import func, select

from app.access import blind_cases, member
from app.database import db
from app.records import OUTCOMES, STATES, Case
from app.worklist.blueprint import bp
from app.worklist.filters import UNTOLD, Filters
from app.worklist.rows import lines, reviewers
from app.worklist.saved import saved_filters

MOST_COUNTED = 10_000


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
    cases = list(db.session.scalars(query.limit(size + 1)))
    page, more = cases[:size], len(cases) > size
    return render_template(
        "worklist/show.html",
        lines=lines(page),
        hidden=hidden,
        filters=filters,
        outcomes=OUTCOMES,
        states=STATES,
        reviewers=reviewers(),
        saved=saved_filters(),
        untold=untold(hidden),
        untold_filter=UNTOLD,
        total=count(),
        most_counted=MOST_COUNTED,
        after=after,
        older=filters.cursor(page[-1]) if more else None,
    )


def count() -> int:
    """Return how many cases the lab has, or one more than MOST_COUNTED: a million take a tenth of a second."""
    capped = select(Case.id).where(Case.lab_id == current_user.lab_id).limit(MOST_COUNTED + 1)
    return db.session.scalar(select(func.count()).select_from(capped.subquery())) or 0


def untold(hidden: set[str]) -> int:
    """Return how many cases of the lab, but those that are hidden, have a critical count of which nobody was told."""
    conditions = Filters(attention=UNTOLD).conditions(current_user.lab_id)
    return db.session.scalar(select(func.count()).where(*conditions, Case.id.not_in(hidden))) or 0
