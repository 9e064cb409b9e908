"""One loader for each kind of object: it exists and is this lab's, or it is a 404.

Who reads a case blind is kept from everything that says what was seen or suggested: their way to the case leads to the
blind pages, and the pictures of a reading are not found.
"""

from __future__ import annotations

from flask import abort, redirect, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ..database import db
from ..records import Case, Reading, SecondReading, SmearImage


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
    query = select(SecondReading.case_id).where(
        SecondReading.reader_id == current_user.id, SecondReading.state == "open"
    )
    return set(db.session.scalars(query))


def lead_away_if_blind(case_id: str) -> None:
    """Send a blind reader to the pages that show nothing of what was seen or suggested."""
    if case_id in blind_cases():
        abort(redirect(url_for("second.begin", case_id=case_id)))
