"""Asking for a blind second reading, taking its reviews, and what came of it."""

from __future__ import annotations

from flask import abort
from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from app import ledger
from app.database import db, writing
from app.records import BlindReading, BlindReview, Case, Review, SmearImage, User, now
from app.reviews.reviews import Choice, newest
from app.rules import RefusedError


def open_reading(session: Session, case_id: str) -> BlindReading | None:
    """Return the second reading that is going on in a case."""
    return session.scalar(select(BlindReading).where(BlindReading.case_id == case_id, BlindReading.state == "open"))


def own_reading_or_404(case_id: str, user: User) -> BlindReading:
    """Return the blind reading that this person was asked for."""
    reading = open_reading(db.session, case_id)
    return reading if reading and reading.reader_id == user.id else abort(404)


def candidates(case: Case) -> list[User]:
    """Return who could read the case blind: clinicians of the lab who have reviewed nothing in it.

    Who has read it blind to the end was shown all that was seen and suggested, and is blind no more.
    """
    reviewed = select(Review.made_by_id).join(Review.image).where(SmearImage.case_id == case.id)
    shown = select(BlindReading.reader_id).where(BlindReading.case_id == case.id, BlindReading.state == "done")
    own = select(User).where(User.lab_id == case.lab_id, User.active)
    query = own.where(User.id.not_in(reviewed), User.id.not_in(shown)).order_by(User.email)
    return [user for user in db.session.scalars(query) if user.is_clinician]


def ask(case: Case, reader_id: int | None, user: User) -> BlindReading:
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
        if reader_id == user_id or reader_id not in {candidate.id for candidate in candidates(case)}:
            raise RefusedError(
                _("Choose a clinician of your lab who has reviewed nothing in this case and has not read it blind.")
            )
        row = BlindReading(case_id=case_id, reader_id=reader_id, asked_by_id=user_id)
        session.add(row)
        session.flush()
        ledger.record(session, "blind.asked", lab=lab_id, actor=user_id, subject=case_id, reader=reader_id)
    return row


def withdraw(case: Case, user: User) -> None:
    """Do without the second reading; its reviews stay hidden for good."""
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        row = open_reading(session, case_id)
        if row is None:
            raise RefusedError(_("Nobody is reading this case a second time."))
        row.state, row.ended_at = "withdrawn", now()
        ledger.record(session, "blind.withdrawn", lab=lab_id, actor=user_id, subject=case_id, reader=row.reader_id)


def give(reading: BlindReading, image: SmearImage, choice: Choice, user: User) -> bool:
    """Take down a review and return whether it was the last one, with which the reading is done."""
    reading_id, case_id, image_id, user_id, lab_id = reading.id, image.case_id, image.id, user.id, user.lab_id
    with writing() as session:
        row = open_reading(session, case_id)
        if row is None or row.id != reading_id:
            raise RefusedError(_("This second reading was withdrawn meanwhile. Nothing was saved."))
        reviewed_ids = {review.image_id for review in row.reviews}
        if image_id in reviewed_ids:
            raise RefusedError(_("You have reviewed this image already; your review is kept as it was."))
        before = newest(session, image_id)
        if before is None:
            raise RefusedError(_("This image was added later and is not reviewed yet. Come back to it afterwards."))
        blind_review = BlindReview(
            blind_reading_id=reading_id,
            image_id=image_id,
            first_review_id=before.id,
            kind=choice.kind,
            label=choice.label,
            label_name=choice.label_name,
            comment=choice.comment,
        )
        session.add(blind_review)
        session.flush()
        done = conclude(session, row)
        ledger.record(
            session,
            "blind.reviewed",
            lab=lab_id,
            actor=user_id,
            subject=image_id,
            rows=[blind_review],
            case=case_id,
            done=done,
        )
    return done


def conclude(session: Session, reading: BlindReading) -> bool:
    """Return whether a reading has a review of every image that the case has now, and end it if so."""
    reviewed = select(BlindReview.image_id).where(BlindReview.blind_reading_id == reading.id)
    left = select(SmearImage.id).where(SmearImage.case_id == reading.case_id, SmearImage.id.not_in(reviewed))
    done = session.scalar(left.limit(1)) is None
    if done:
        reading.state, reading.ended_at = "done", now()
    return done


def finished(case_id: str) -> list[BlindReading]:
    """Return the second readings of a case that are done, with their reviews."""
    query = (
        select(BlindReading)
        .where(BlindReading.case_id == case_id, BlindReading.state == "done")
        .options(joinedload(BlindReading.reviews).joinedload(BlindReview.first_review))
        .order_by(BlindReading.ended_at)
    )
    return list(db.session.scalars(query).unique())


def compared(lab_id: int) -> Select[BlindReview, Review]:
    """Return the query of the blind and the first review of every image of a lab that was read blind to the end.

    Examples and drawings are no patients', and count in no agreement.
    """
    return (
        select(BlindReview, Review)
        .join(BlindReview.blind_reading)
        .join(BlindReview.first_review)
        .join(Case, Case.id == BlindReading.case_id)
        .join(SmearImage, SmearImage.id == BlindReview.image_id)
        .where(
            Case.lab_id == lab_id,
            Case.example.is_(False),
            SmearImage.drawn.is_(False),
            BlindReading.state == "done",
        )
    )


def pairs_of(lab_id: int) -> list[tuple[Review, BlindReview]]:
    """Return the first and the blind review of every image that counts in a lab's agreement."""
    return [(first, second) for second, first in db.session.execute(compared(lab_id))]
