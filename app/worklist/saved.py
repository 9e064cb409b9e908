"""Filters that a person keeps under a name."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import func, select

from app.access import member
from app.database import db, writing
from app.records import SavedFilter
from app.worklist.blueprint import bp
from app.worklist.filters import Filters

NAME_LENGTH = 60
MOST = 20


def saved_filters() -> list[SavedFilter]:
    """Return the person's own filters by name."""
    query = select(SavedFilter).where(SavedFilter.user_id == current_user.id).order_by(func.lower(SavedFilter.name))
    return list(db.session.scalars(query))


@bp.post("/worklist/filters")
@member
def save_filter() -> Any:
    """Keep the filters of the page under a name; the same name again replaces them."""
    filters, user_id = Filters.read(request.form), current_user.id
    name = request.form.get("name", "").strip()
    if not name or len(name) > NAME_LENGTH:
        flash(_("Give the filter a name of up to %(n)s characters.", n=NAME_LENGTH), "error")
        return redirect(page_of(filters))
    with writing() as session:
        by_name = {row.name: row for row in session.scalars(select(SavedFilter).where(SavedFilter.user_id == user_id))}
        if name in by_name:
            by_name[name].query = filters.asked
        elif len(by_name) < MOST:
            session.add(SavedFilter(user_id=user_id, name=name, query=filters.asked))
        else:
            flash(_("You keep %(n)s filters already. Remove one first.", n=MOST), "error")
    return redirect(page_of(filters))


def page_of(filters: Filters) -> str:
    """Return the address of the worklist with these filters."""
    values: dict[str, Any] = dict(filters.asked)
    return url_for("worklist.show", **values)


@bp.post("/worklist/filters/<int:filter_id>/remove")
@member
def remove_filter(filter_id: int) -> Any:
    """Forget one of the person's own filters."""
    user_id = current_user.id
    with writing() as session:
        query = select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.user_id == user_id)
        session.delete(session.scalar(query) or abort(404))
    return redirect(url_for("worklist.show"))
