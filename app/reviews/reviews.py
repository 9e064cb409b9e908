"""Reviewing an image: a new row on top of the one that was seen, or an answer that somebody was quicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import writing
from app.records import Case, Reading, Review, SmearImage, User
from app.records.review import COMMENT_LENGTH, code_of
from app.rules import RefusedError, one_line_end, refuse_blind_reader, refuse_signed
from app.terms import term_lists
from app.terms.term_lists import DIAGNOSIS
from smear.inference.card import Label


class ReviewedMeanwhileError(Exception):
    """Somebody else reviewed the image after the page was opened; nothing was written over."""


@dataclass(frozen=True)
class Choice:
    """What a person chose for an image, and the version of the review that they saw (0: none).

    label_name: the label's, "" where none was chosen.
    """

    kind: str
    label: str | None
    comment: str
    version: int
    label_name: str = ""

    @property
    def code(self) -> str:
        """Return the choice as the buttons name it."""
        return code_of(self.kind, self.label)


def labels_for(reading: Reading, lab_id: int) -> list[Label]:
    """Return what a field can be called: the labels of the model that read it, then the lab's own diagnoses."""
    labels = {label.id: label for label in reading.labels}
    return list(
        (labels | {term.id: labels.get(term.id, term) for term in term_lists.labels(lab_id, DIAGNOSIS)}).values()
    )


def parse(code: str, comment: str, version: int, labels: Sequence[Label]) -> Choice:
    """Read a choice from a form; RefusedError where it is none or the comment does not do."""
    kind, _colon, label = code.partition(":")
    comment = one_line_end(comment)
    names = {known.id: known.name for known in labels}
    known = label in names if kind == "label" else not label
    if kind not in ("label", "other", "uncertain", "not_gradable") or not known:
        raise RefusedError(_("Choose what you see in this image."))
    if len(comment) > COMMENT_LENGTH:
        raise RefusedError(
            _(
                "The comment has %(n)s characters; it may have %(most)s. Nothing was saved yet: shorten it below.",
                n=len(comment),
                most=COMMENT_LENGTH,
            )
        )
    if kind == "other" and not comment.strip():
        raise RefusedError(_("Write in the comment what you see, as it is none of the labels."))
    return Choice(kind, label or None, comment.strip(), version, names.get(label, ""))


def review(image: SmearImage, choice: Choice, user: User) -> Review:
    """Write a review on top of the one that was seen; the same once more, as of a button pressed twice, is that one."""
    image_id, case_id, user_id, lab_id = image.id, image.case_id, user.id, user.lab_id
    with writing() as session:
        case = session.get_one(Case, case_id)
        refuse_signed(case)
        refuse_blind_reader(session, case_id, user_id)
        reading = first_reading(session, image_id)
        if reading is None:
            raise RefusedError(_("Somebody removed this image from the case meanwhile. Nothing was saved."))
        before = newest(session, image_id)
        if before is not None and is_same(before, choice, user_id):
            return before
        if (before.version if before else 0) != choice.version:
            raise ReviewedMeanwhileError
        row = Review(
            image_id=image_id,
            version=choice.version + 1,
            kind=choice.kind,
            label=choice.label,
            label_name=choice.label_name,
            comment=choice.comment,
            made_by_id=user_id,
        )
        count(case, before, reading, -1)
        count(case, row, reading, 1)
        case.state, case.reviewer_id = "in_review", user_id
        session.add(row)
        session.flush()
        ledger.record(
            session,
            "image.reviewed",
            lab=lab_id,
            actor=user_id,
            subject=image_id,
            case=case_id,
            rows=[row],
            review=row.id,
            version=row.version,
        )
    return row


def is_same(row: Review, choice: Choice, user_id: int) -> bool:
    """Say whether a review is what a person chose, on top of what they saw then."""
    chosen = (choice.version + 1, choice.kind, choice.label, choice.comment, user_id)
    return (row.version, row.kind, row.label, row.comment, row.made_by_id) == chosen


def newest(session: Session, image_id: str) -> Review | None:
    """Return the review of an image that holds."""
    return session.scalar(select(Review).where(Review.image_id == image_id).order_by(Review.version.desc()).limit(1))


def first_reading(session: Session, image_id: str) -> Reading | None:
    """Return the reading that was made when the image came; None once it was removed."""
    return session.scalars(select(Reading).where(Reading.image_id == image_id).order_by(Reading.made_at)).first()


def count(case: Case, row: Review | None, reading: Reading, change: int) -> None:
    """Keep the numbers by which the worklist filters and the signature is refused."""
    if row is None:
        return
    case.reviewed_count += change
    case.unresolved_count += change * (row.kind == "uncertain")
    case.disagreement_count += change * disagrees(row, reading)


def disagrees(row: Review, reading: Reading) -> bool:
    """Say whether a person saw something else than was suggested; to be uncertain is not to disagree."""
    return reading.outcome == "suggested" and row.kind != "uncertain" and row.label != reading.label
