"""What is written down of a case: kept when it is opened, and corrected later by whoever saw what stands there now."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import accession, ledger
from app.database import db, writing
from app.lab import patients
from app.records import AuditEvent, Case, User, now
from app.rules import RefusedError, refuse_signed

FIELDS = ("accession", "specimen", "stain", "microscope", "notes", "received_on", "age_band", "sex")
PATIENT = "patient"  # of a form: the number that becomes a key
CORRECTED = "case.corrected"


@dataclass(frozen=True)
class Details:
    """The fields as they are stored: without spaces around them, lines ending in one way whatever sent them."""

    accession: str
    specimen: str
    stain: str
    microscope: str
    notes: str
    received_on: str
    age_band: str
    sex: str

    @classmethod
    def written(cls, fields: dict[str, str | None]) -> Details:
        """Read them from a form; a field that a script left out is None."""
        return cls(**{name: stored(name, fields.get(name)) for name in FIELDS})

    @classmethod
    def of(cls, case: Case) -> Details:
        """Return those of a case."""
        return cls(**{name: stored(name, getattr(case, name)) for name in FIELDS})

    def differing(self, other: Details) -> list[str]:
        """Return the fields in which two differ."""
        return [name for name in FIELDS if getattr(self, name) != getattr(other, name)]

    def put(self, case: Case) -> None:
        """Write them into a case, with what the worklist finds it by."""
        for name in FIELDS:
            setattr(case, name, getattr(self, name))
        case.accession_key = accession.key(self.accession)
        case.search_text = accession.searchable(f"{self.accession} {self.notes}")


class CorrectedMeanwhileError(Exception):
    """Somebody else corrected the case after the page was opened; nothing was written over."""


def stored(name: str, text: str | None) -> str:
    """Return a field's text as it is stored and compared."""
    plain = (text or "").replace("\r\n", "\n").strip()
    return accession.normal(plain) if name == "accession" else plain


def create_case(fields: dict[str, str | None], user: User, example: bool = False) -> Case:
    """Open a case; its accession is unique in the lab, whatever its capitals and however its signs are written.

    fields: those of FIELDS, and `patient`, the patient's number, of which the keyed hash alone is kept.
    """
    lab_id, user_id = user.lab_id, user.id
    details = Details.written(fields)
    whose = patients.patient_key(lab_id, fields.get(PATIENT) or "")
    case = Case(lab_id=lab_id, created_at=now(), created_by_id=user_id, example=example, patient_key=whose)
    details.put(case)
    with writing() as session:
        refuse_taken(session, lab_id, details.accession)
        session.add(case)
        session.flush()
        ledger.record(session, "case.opened", lab=lab_id, actor=user_id, subject=case.id)
    return case


def correct(case: Case, original: Details, typed: Details, user: User, patient: str = "") -> list[str]:
    """Put what was typed in the place of what was seen, and return the fields that changed.

    patient: the patient's number; nothing typed leaves the case to whose it is.
    """
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    with writing() as session:
        case = session.get_one(Case, case_id, populate_existing=True)
        refuse_signed(case)
        before = Details.of(case)
        changed = typed.differing(before)
        whose = patients.patient_key(lab_id, patient) or case.patient_key
        moved = [PATIENT] if whose != case.patient_key else []
        if not changed + moved:
            return []
        if changed and before != original:
            raise CorrectedMeanwhileError
        refuse_taken(session, lab_id, typed.accession, case_id)
        typed.put(case)
        case.patient_key = whose
        session.flush()
        ledger.record(session, CORRECTED, lab=lab_id, actor=user_id, subject=case_id, fields=changed + moved)
    return changed + moved


def refuse_taken(session: Session, lab_id: int, wanted: str, but: str = "") -> None:
    """Keep an accession for one case of a lab."""
    query = select(Case.id).where(Case.lab_id == lab_id, Case.accession_key == accession.key(wanted), Case.id != but)
    if session.scalar(query) is not None:
        raise RefusedError(_("There is already a case %(accession)s in your lab.", accession=wanted))


def last_correction(case: Case) -> AuditEvent | None:
    """Return who corrected a case last, and when; the ledger knows which fields, and nothing of what stood there."""
    query = (
        select(AuditEvent)
        .where(AuditEvent.lab_id == case.lab_id, AuditEvent.subject_id == case.id, AuditEvent.action == CORRECTED)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    return db.session.scalar(query)
