"""Asking for a blind second reading, taking its verdicts, and what came of it."""

from __future__ import annotations

from flask import abort
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app import ledger
from app.database import db, writing
from app.records import BlindVerdict, Case, Review, SecondReading, SmearImage, User, now
from app.reviews.reviews import Choice, first_reading, newest
from app.rules import RefusedError
from smear.statistics import Agreement, agreement


def open_reading(session: Session, case_id: str) -> SecondReading | None:
    """Return the second reading that is going on in a case."""
    return session.scalar(select(SecondReading).where(SecondReading.case_id == case_id, SecondReading.state == "open"))


def own_reading_or_404(case_id: str, user: User) -> SecondReading:
    """Return the blind reading that this person was asked for."""
    found = open_reading(db.session, case_id)
    return found if found and found.reader_id == user.id else abort(404)


def candidates(case: Case) -> list[User]:
    """Return who could read the case blind: clinicians of the lab who have reviewed nothing in it."""
    reviewed = select(Review.made_by_id).join(Review.image).where(SmearImage.case_id == case.id)
    query = select(User).where(User.lab_id == case.lab_id, User.active, User.id.not_in(reviewed)).order_by(User.email)
    return [user for user in db.session.scalars(query) if user.is_clinician]


def ask(case: Case, reader_id: int | None, user: User) -> SecondReading:
    """Ask somebody for a blind reading; from now on they see neither suggestions nor reviews of this case."""
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        case = session.get_one(Case, case_id, populate_existing=True)
        if case.state == "signed":
            raise RefusedError(_("This case is signed. Amend it first, with a reason; then it can be changed."))
        if not case.image_count or case.reviewed_count < case.image_count:
            raise RefusedError(_("Review every image first; then somebody else can read the case blind."))
        if open_reading(session, case_id):
            raise RefusedError(_("Somebody is reading this case a second time already."))
        if reader_id == user_id or reader_id not in {one.id for one in candidates(case)}:
            raise RefusedError(_("Choose a clinician of your lab who has reviewed nothing in this case."))
        row = SecondReading(case_id=case_id, reader_id=reader_id, asked_by_id=user_id)
        session.add(row)
        session.flush()
        ledger.record(session, "reviews.asked", lab=lab_id, actor=user_id, subject=case_id, reader=reader_id)
    return row


def withdraw(case: Case, user: User) -> None:
    """Do without the second reading; its verdicts stay hidden for good."""
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        row = open_reading(session, case_id)
        if row is None:
            raise RefusedError(_("Nobody is reading this case a second time."))
        row.state, row.ended_at = "withdrawn", now()
        ledger.record(session, "reviews.withdrawn", lab=lab_id, actor=user_id, subject=case_id, reader=row.reader_id)


def give(reading: SecondReading, image: SmearImage, choice: Choice, user: User) -> bool:
    """Take down a verdict and say whether it was the last one, with which the reading is done."""
    reading_id, case_id, image_id, user_id, lab_id = reading.id, image.case_id, image.id, user.id, user.lab_id
    with writing() as session:
        row = open_reading(session, case_id)
        if row is None or row.id != reading_id:
            raise RefusedError(_("This second reading was withdrawn meanwhile. Nothing was saved."))
        given = {one.image_id for one in row.verdicts}
        if image_id in given:
            raise RefusedError(_("You have given your verdict on this image already; it is kept as it was."))
        before = newest(session, image_id)
        if before is None:
            raise RefusedError(_("This image was added later and is not reviewed yet. Come back to it afterwards."))
        session.add(
            BlindVerdict(
                second_reading_id=reading_id,
                image_id=image_id,
                first_review_id=before.id,
                verdict=choice.verdict,
                label=choice.label,
                label_name=first_reading(session, image_id).label_name(choice.label) if choice.label else "",
                comment=choice.comment,
            )
        )
        images = session.scalar(select(func.count(SmearImage.id)).where(SmearImage.case_id == case_id)) or 0
        done = len(given) + 1 >= images
        if done:
            row.state, row.ended_at = "done", now()
        ledger.record(session, "reviews.verdict", lab=lab_id, actor=user_id, subject=image_id, case=case_id, done=done)
    return done


def finished(case_id: str) -> list[SecondReading]:
    """Return the second readings of a case that are done, with their verdicts."""
    query = (
        select(SecondReading)
        .where(SecondReading.case_id == case_id, SecondReading.state == "done")
        .options(joinedload(SecondReading.verdicts).joinedload(BlindVerdict.first_review))
        .order_by(SecondReading.ended_at)
    )
    return list(db.session.scalars(query).unique())


def code(row: Review | BlindVerdict) -> str:
    """Return a verdict as one word, to be compared."""
    return f"label:{row.label}" if row.verdict == "label" else row.verdict


def pairs_of(lab_id: int) -> list[tuple[str, str]]:
    """Return first and second verdict of every image of a lab that was read blind to the end."""
    query = (
        select(BlindVerdict)
        .join(BlindVerdict.second_reading)
        .join(Case, Case.id == SecondReading.case_id)
        .where(Case.lab_id == lab_id, SecondReading.state == "done")
        .options(joinedload(BlindVerdict.first_review))
    )
    return [(code(row.first_review), code(row)) for row in db.session.scalars(query)]


def lab_agreement(lab_id: int) -> Agreement | None:
    """Return how far first and second readers of a lab agree."""
    return agreement(pairs_of(lab_id))
