"""Which cases are of one patient, by a key that names nobody.

What the lab types, a patient's number, is kept nowhere: only its HMAC-SHA-256 under a key that is not in the database
(`PATIENT_KEY_FILE`); the lab is a part of what is hashed, so that two labs' patients have nothing in common. Without
the key nobody can find out which number a case has by trying all of them.
"""

from __future__ import annotations

import hashlib
import hmac

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select

from app import accession
from app.database import db
from app.records import Case
from app.rules import RefusedError

LENGTH = 64  # characters of what is typed
CODE_LENGTH = 16  # hexadecimal digits of a code in what leaves the lab


def keyed(lab_id: int, what: str, text: str) -> str:
    """Return the keyed hash of a text, 64 hexadecimal digits; RefusedError where there is no key yet.

    what: what kind of thing it is, so that a patient's number and an id that are alike have different hashes.
    """
    secret = current_app.config["PATIENT_KEY"]
    if not secret:
        raise RefusedError(
            _("There is no key for patients' numbers yet. Ask who runs the server to run `init` once more.")
        )
    message = "\0".join((str(lab_id), what, text))
    return hmac.new(str(secret).encode(), message.encode(), hashlib.sha256).hexdigest()


def code(lab_id: int, what: str, text: str) -> str:
    """Return a short code for a thing of the lab in what leaves it: the same each time, and nothing of it is in it."""
    return f"{what[0]}{keyed(lab_id, what, text)[:CODE_LENGTH]}"


def patient_key(lab_id: int, typed: str) -> str:
    """Return the key of the patient whose number somebody typed, however it is spaced and written; "" for nothing."""
    number = accession.key(typed)
    return keyed(lab_id, "patient", number) if number else ""


def earlier_cases(case: Case) -> list[Case]:
    """Return the other cases of a case's patient in its lab, the newest first; [] where nobody said whose it is."""
    if not case.patient_key:
        return []
    query = (
        select(Case)
        .where(Case.lab_id == case.lab_id, Case.patient_key == case.patient_key, Case.id != case.id)
        .order_by(Case.created_at.desc())
    )
    return list(db.session.scalars(query))


def group_of(case: Case) -> str:
    """Return the code under which a case's pictures belong together: its patient's, else its own."""
    if case.patient_key:
        return code(case.lab_id, "patient", case.patient_key)
    return code(case.lab_id, "case", case.id)
