"""Who may do and see what: the roles that a page asks for, and one loader for each kind of object.

An object exists and is this lab's, or it is a 404. Who reads a case blind is kept from everything that says what was
seen or suggested: their way to the case leads to the blind pages, and the pictures of a reading are not found.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import abort, redirect, request, url_for
from flask_security import auth_required, current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app import ledger
from app.database import db, writing
from app.records import AuditEvent, BlindReading, Case, Reading, SmearImage, now

REFUSED_AGAIN = timedelta(minutes=10)
CLINICIANS_ONLY = "clinicians only"  # tells the page of a 403 which role is missing


def member(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let signed-in people in."""
    protected: Callable[..., Any] = auth_required("session")(view)
    return protected


def admin(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let admins in; anyone else who is signed in is told that it is not theirs to do."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_admin:
            record_refusal()
            abort(403)
        return view(*args, **kwargs)

    return member(checked)


def clinician(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let people in who review and sign; an admin who only looks after the lab is told that it is not theirs."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_clinician:
            record_refusal()
            abort(403, CLINICIANS_ONLY)
        return view(*args, **kwargs)

    return member(checked)


def record_refusal() -> None:
    """Record that somebody asked for what their role does not allow; the same again within a while is one event."""
    lab_id, user_id, page = current_user.lab_id, current_user.id, request.endpoint or ""
    with writing() as session:
        recorded = select(AuditEvent.id).where(
            AuditEvent.lab_id == lab_id,
            AuditEvent.actor_id == user_id,
            AuditEvent.action == "access.refused",
            AuditEvent.subject_id == page,
            AuditEvent.at > now() - REFUSED_AGAIN,
        )
        if session.scalar(recorded.limit(1)) is None:
            ledger.record(session, "access.refused", lab=lab_id, actor=user_id, subject=page)


def case_or_404(case_id: str) -> Case:
    """Return a case of the person's own lab."""
    query = select(Case).where(Case.id == case_id, Case.lab_id == current_user.lab_id)
    case = db.session.scalar(query) or abort(404)
    lead_away_if_blind(case.id)
    return case


def image_or_404(image_id: str, case_id: str | None = None) -> SmearImage:
    """Return an image of the person's own lab, and of that case where one is named.

    Without a case it is for the bare picture, which a blind reader sees too.
    """
    image = blind_image_or_404(image_id, case_id)
    if case_id is not None:
        lead_away_if_blind(image.case_id)
    return image


def blind_image_or_404(image_id: str, case_id: str | None) -> SmearImage:
    """Return an image for a page that shows nothing of what was seen or suggested."""
    query = (
        select(SmearImage)
        .join(SmearImage.case)
        .where(SmearImage.id == image_id, Case.lab_id == current_user.lab_id)
        .options(joinedload(SmearImage.case), selectinload(SmearImage.readings), selectinload(SmearImage.reviews))
    )
    if case_id is not None:
        query = query.where(SmearImage.case_id == case_id)
    return db.session.scalar(query) or abort(404)


def reading_or_404(reading_id: str) -> Reading:
    """Return a reading of an image of the person's own lab."""
    query = (
        select(Reading)
        .join(Reading.image)
        .join(SmearImage.case)
        .where(Reading.id == reading_id, Case.lab_id == current_user.lab_id)
    )
    reading = db.session.scalar(query) or abort(404)
    if reading.image.case_id in blind_cases():
        abort(404)
    return reading


def blind_cases() -> set[str]:
    """Return the cases that the person is reading blind."""
    query = select(BlindReading.case_id).where(BlindReading.reader_id == current_user.id, BlindReading.state == "open")
    return set(db.session.scalars(query))


def lead_away_if_blind(case_id: str) -> None:
    """Send a blind reader to the pages that show nothing of what was seen or suggested."""
    if case_id in blind_cases():
        abort(redirect(url_for("reviews.begin", case_id=case_id)))
