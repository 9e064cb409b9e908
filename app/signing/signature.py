"""Signing a case: what stands in the way, what exactly is signed, and opening a signed case again."""

from __future__ import annotations

import hashlib
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app import ledger
from app.database import db, writing
from app.ledger import canonical
from app.records import IMAGE_ORDER, Amendment, BlindReading, Case, Reading, Review, Signature, SmearImage, User, now
from app.rules import RefusedError
from app.signing.diagnosis import Diagnosis
from app.version import __version__

SCHEMA = 3  # 2: unsure and unfamiliar were one outcome, uncertain; 1: a review's kind was called its verdict
REASON_LENGTH = 500


class ChangedMeanwhileError(Exception):
    """The case is not what the page showed to the person who signs."""


def images_of(session: Session, case_id: str) -> list[SmearImage]:
    """Return the images of a case in order, with everything that is signed."""
    query = (
        select(SmearImage)
        .where(SmearImage.case_id == case_id)
        .order_by(*IMAGE_ORDER)
        .options(selectinload(SmearImage.readings).undefer(Reading.result), selectinload(SmearImage.reviews))
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def obstacles(case: Case, images: list[SmearImage]) -> list[str]:
    """Return what has to be done before the case can be signed, a sentence each."""
    if case.state == "signed":
        return [_("This case is signed already. Amend it to make a new version.")]
    if not images:
        return [_("This case has no images. Add at least one before signing.")]
    found = []
    if reader := blind_reader(case.id):
        found.append(
            _("%(who)s is reading this case a second time. Wait for it, or withdraw it on the case page.", who=reader)
        )
    missing = [str(place) for place, image in enumerate(images, 1) if image.review is None]
    unsure = [str(place) for place, image in enumerate(images, 1) if image.review and image.review.kind == "uncertain"]
    if missing:
        found.append(
            ngettext(
                "%(num)s image is not reviewed yet: %(which)s.",
                "%(num)s images are not reviewed yet: %(which)s.",
                len(missing),
                which=", ".join(missing),
            )
        )
    if unsure:
        found.append(
            ngettext(
                "%(num)s image is still uncertain: %(which)s. Decide on a label, or mark it as not gradable.",
                "%(num)s images are still uncertain: %(which)s. Decide on a label, or mark them as not gradable.",
                len(unsure),
                which=", ".join(unsure),
            )
        )
    return found


def blind_reader(case_id: str) -> str | None:
    """Return who is reading a case blind at present."""
    query = select(BlindReading).where(BlindReading.case_id == case_id, BlindReading.state == "open")
    reading = db.session.scalar(query)
    return reading.reader.shown_name if reading else None


def material(case: Case, images: list[SmearImage]) -> dict[str, Any]:
    """Return everything on which the diagnosis rests, as JSON data."""
    return {
        "schema": SCHEMA,
        "program": __version__,
        "case": {
            "id": case.id,
            "accession": case.accession,
            "specimen": case.specimen,
            "stain": case.stain,
            "notes": case.notes,
            "received": case.received_on,
            "age_band": case.age_band,
            "sex": case.sex,
            "opened": case.created_at.isoformat(),
            "example": case.example,
        },
        "version": case.version,
        "images": [image_material(place, image) for place, image in enumerate(images, 1)],
    }


def image_material(place: int, image: SmearImage) -> dict[str, Any]:
    """Return an image with its first reading and the review that holds."""
    reading, review = image.reading, image.review
    detail = reading.detail
    return {
        "id": image.id,
        "place": place,
        "name": image.display_name,
        "source_sha256": image.source_sha256,
        "pixels_sha256": image.pixels_sha256,
        "width": image.width,
        "height": image.height,
        "drawn": image.drawn,
        "reading": {
            "id": reading.id,
            "bundle": reading.bundle,
            "version": reading.version,
            "outcome": reading.outcome,
            "label": reading.label,
            "label_name": reading.label_name() if reading.label else None,
            "confidence": reading.confidence,
            "reasons": [reason.text for reason in detail.suggestion.reasons],
            "leukocytes": detail.leukocytes,
            "findings": [{"severity": one.severity, "text": one.text} for one in detail.findings],
            "intended_use": reading.intended_use,
        },
        "review": review_material(review) if review else None,
    }


def review_material(review: Review) -> dict[str, Any]:
    """Return what a person saw."""
    return {
        "id": review.id,
        "version": review.version,
        "kind": review.kind,
        "label": review.label,
        "label_name": review.label_name,
        "comment": review.comment,
        "by": review.made_by.shown_name,
        "at": review.made_at.isoformat(),
    }


def digest(content: dict[str, Any]) -> str:
    """Return the hash of what is signed."""
    return hashlib.sha256(canonical(content)).hexdigest()


def sign(case: Case, diagnosis: Diagnosis, seen: str, user: User) -> Signature:
    """Sign what the person saw, if it is still so and they still may; their password was checked just before."""
    case_id, user_id = case.id, user.id
    with writing() as session:
        signer = session.get_one(User, user_id, populate_existing=True)
        if not (signer.active and signer.is_clinician):
            raise RefusedError(_("Your role was taken away meanwhile. Nothing was signed; ask an admin of your lab."))
        case = session.get_one(Case, case_id, populate_existing=True)
        images = images_of(session, case_id)
        if found := obstacles(case, images):
            raise RefusedError(" ".join(found))
        content = material(case, images)
        if digest(content) != seen:
            raise ChangedMeanwhileError
        amendment = session.scalar(
            select(Amendment).where(Amendment.case_id == case_id, Amendment.version == case.version)
        )
        moment = now()
        content |= {
            "lab": signer.lab.name,
            "diagnosis": {"code": diagnosis.code, "name": diagnosis.name, "remark": diagnosis.remark},
            "reason": amendment.reason if amendment else "",
            "signed": {"by_id": signer.id, "by": signer.shown_name, "at": moment.isoformat()},
        }
        row = Signature(
            case_id=case_id,
            version=case.version,
            content=content,
            sha256=digest(content),
            signed_at=moment,
            signed_by_id=user_id,
        )
        session.add(row)
        case.state, case.reviewer_id = "signed", user_id
        session.flush()
        ledger.record(
            session,
            "case.signed",
            lab=signer.lab_id,
            actor=user_id,
            subject=case_id,
            version=row.version,
            rows=[row],
            signature=row.id,
            sha256=row.sha256,
        )
    return row


def amend(case: Case, reason: str, user: User) -> Amendment:
    """Open a signed case again for a reason; what was signed stays as it is, and readable."""
    if not reason or len(reason) > REASON_LENGTH:
        raise RefusedError(_("Write why the case is amended, in up to %(n)s characters.", n=REASON_LENGTH))
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        case = session.get_one(Case, case_id, populate_existing=True)
        if case.state != "signed":
            raise RefusedError(_("This case is open already; it can be changed and signed."))
        case.version += 1
        case.state = "in_review"
        row = Amendment(case_id=case_id, version=case.version, reason=reason, made_by_id=user_id)
        session.add(row)
        session.flush()
        ledger.record(
            session,
            "case.amended",
            lab=lab_id,
            actor=user_id,
            subject=case_id,
            rows=[row],
            version=row.version,
            amendment=row.id,
        )
    return row
