"""Signing a case, and opening a signed case again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app import ledger
from app.database import writing
from app.ledger import canonical
from app.records import Amendment, Case, Signature, User, now
from app.rules import RefusedError
from app.signing.diagnosis import Diagnosis
from app.signing.material import images_of, material
from app.signing.obstacles import obstacles

REASON_LENGTH = 500


class ChangedMeanwhileError(Exception):
    """The case is not what the page showed to the person who signs."""


def digest(content: dict[str, Any]) -> str:
    """Return the hash of what is signed."""
    return hashlib.sha256(canonical(content)).hexdigest()


def sign(case: Case, diagnosis: Diagnosis, shown_digest: str, user: User) -> Signature:
    """Sign what the person saw, if it is still so and they still may; their password was checked just before."""
    case_id, user_id = case.id, user.id
    with writing() as session:
        signer = session.get_one(User, user_id, populate_existing=True)
        if not (signer.active and signer.is_clinician):
            raise RefusedError(_("Your role was taken away meanwhile. Nothing was signed; ask an admin of your lab."))
        case = session.get_one(Case, case_id, populate_existing=True)
        images = images_of(session, case_id)
        if unmet := obstacles(case, images):
            raise RefusedError(" ".join(obstacle.text for obstacle in unmet))
        content = material(case, images)
        if digest(content) != shown_digest:
            raise ChangedMeanwhileError
        amendment = session.scalar(
            select(Amendment).where(Amendment.case_id == case_id, Amendment.version == case.version)
        )
        moment = now()
        content |= {
            "lab": signer.lab.name,
            "diagnosis": asdict(diagnosis),
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
