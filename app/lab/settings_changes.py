"""Who changed a lab's settings last: what a page of them rests on, so that nobody writes over what they never saw."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import db
from app.records import AuditEvent, Lab
from app.rules import RefusedError

CHANGED = "lab.changed"
WRITING, COUNTING = "pattern", "target"  # which form of the page: the setting that an event of it always names


class ChangedMeanwhileError(RefusedError):
    """Somebody else saved settings after the page was opened; nothing was written over."""


def last(lab_id: int, form: str) -> AuditEvent | None:
    """Return the last change of a lab's settings by a form, with who made it and when."""
    query = select(AuditEvent).where(AuditEvent.lab_id == lab_id, AuditEvent.action == CHANGED)
    changes = db.session.scalars(query.order_by(AuditEvent.id.desc()))
    return next((change for change in changes if form in change.details), None)


def begin(session: Session, lab_id: int, form: str, seen: int | None) -> Lab:
    """Return the lab to be changed, within a transaction that writes.

    seen: the number of the change that the page showed as the last, 0 for none; None of a script that looked at no
    page and writes over whatever stands there. ChangedMeanwhileError where there was another change since.
    """
    change = last(lab_id, form)
    if seen is not None and seen != (change.id if change else 0):
        raise ChangedMeanwhileError(
            _(
                "Somebody else changed the settings of the lab while this page was open. Nothing of yours was saved:"
                " what you typed stands below, and what they saved beside it. Put into yours what should stay of"
                " theirs, and save again."
            )
        )
    return session.get_one(Lab, lab_id, populate_existing=True)


def record(session: Session, lab_id: int, user_id: int, **settings: Any) -> None:
    """Write a change into the ledger, with the settings as they are from now on."""
    ledger.record(session, CHANGED, lab=lab_id, actor=user_id, subject=lab_id, **settings)
