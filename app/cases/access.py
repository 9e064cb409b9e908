"""One loader for each kind of object: it exists and is this lab's, or it is a 404."""

from __future__ import annotations

from flask import abort
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ..database import db
from ..records import Case, Reading, SmearImage


def case_or_404(case_id: str) -> Case:
    """Return a case of the person's own lab."""
    query = select(Case).where(Case.id == case_id, Case.lab_id == current_user.lab_id)
    return db.session.scalar(query) or abort(404)


def image_or_404(image_id: str, case_id: str | None = None) -> SmearImage:
    """Return an image of the person's own lab, and of that case where one is named."""
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
    return db.session.scalar(query) or abort(404)
