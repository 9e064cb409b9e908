"""The audit page: what was done in the lab, by whom and when, for its admins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort, current_app, render_template, request
from flask_security import current_user
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from app.access import admin, blind_cases
from app.audit import viewings, words
from app.audit.blueprint import bp
from app.database import db
from app.ledger import ACTIONS, BY_NOBODY, EARLIER_ACTIONS
from app.records import AuditEvent, User
from app.request_checks import midnight, row_number


@bp.get("/")
@admin
def show() -> str:
    """Show one page of the lab's events, newest first."""
    filters = {name: request.args.get(name, "") for name in ("action", "person", "subject", "since", "until")}
    size = current_app.config["PAGE_SIZE"]
    query = matching(current_user.lab_id, filters)
    if before := request.args.get("before"):
        query = query.where(AuditEvent.id < row_number(before))
    events = list(db.session.scalars(query.limit(size + 1)))
    page, more = events[:size], len(events) > size
    named, hidden = words.named(words.ids_in(page), current_user.lab_id), blind_cases()
    return render_template(
        "audit/show.html",
        events=page,
        subjects=words.subjects(page, named, current_user.lab_id),
        # That something was said of a case is for all admins; what, is not for who reads it blind.
        details={event.id: [] if event.subject_id in hidden else words.details(event, named) for event in page},
        actions=ACTIONS | EARLIER_ACTIONS,
        unknown=BY_NOBODY,
        people=db.session.scalars(select(User).where(User.lab_id == current_user.lab_id).order_by(User.email)).all(),
        filters=filters,
        asked={name: value for name, value in filters.items() if value},
        before=before,
        older=page[-1].id if more else None,
    )


@bp.get("/viewings")
@admin
def show_viewings() -> str:
    """Show one page of who looked at what, newest first."""
    size = current_app.config["PAGE_SIZE"]
    filters = {name: request.args.get(name, "").strip() for name in ("person", "subject")}
    rows = viewings.newest(
        current_user.lab_id,
        words.things_called(filters["subject"], current_user.lab_id) if filters["subject"] else None,
        row_number(filters["person"]) if filters["person"] else None,
        row_number(request.args["before"]) if "before" in request.args else None,
        size + 1,
    )
    page, more = rows[:size], len(rows) > size
    return render_template(
        "audit/viewings.html",
        viewings=page,
        kinds=viewings.KINDS,
        named=words.named([value for row in page for value in (row.subject_id, row.case_id)], current_user.lab_id),
        people=db.session.scalars(select(User).where(User.lab_id == current_user.lab_id).order_by(User.email)).all(),
        filters=filters,
        asked={name: value for name, value in filters.items() if value},
        before=request.args.get("before"),
        older=page[-1].id if more else None,
        days=current_app.config["VIEWING_DAYS"],
    )


def matching(lab_id: int, filters: dict[str, str]) -> Select[Any]:
    """Return the query of a lab's events that the filters let through.

    With them go those of no lab: wrong passwords for accounts that nobody has, of which nothing more is kept.
    """
    own = or_(AuditEvent.lab_id == lab_id, AuditEvent.lab_id.is_(None))
    query = select(AuditEvent).where(own).options(joinedload(AuditEvent.actor))
    if action := filters["action"]:
        if action not in ACTIONS | EARLIER_ACTIONS:
            abort(404)
        query = query.where(AuditEvent.action == action)
    if person := filters["person"]:
        query = query.where(AuditEvent.actor_id == row_number(person))
    if subject := filters["subject"].strip():
        query = query.where(AuditEvent.subject_id.in_(words.things_called(subject, lab_id)))
    if since := filters["since"]:
        query = query.where(AuditEvent.at >= midnight(since))
    if until := filters["until"]:
        query = query.where(AuditEvent.at < midnight(until) + timedelta(days=1))
    return query.order_by(AuditEvent.id.desc())
