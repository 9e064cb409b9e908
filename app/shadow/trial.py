"""The time for which a candidate reads beside the active model of a lab: begun and ended by an admin."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import writing
from app.inference import jobs
from app.inference.engine import engine
from app.records import ShadowTrial, User, now
from app.rules import RefusedError
from app.shadow.reading import KIND

DAYS = (7, 14, 30, 60)


def running(session: Session, lab_id: int) -> ShadowTrial | None:
    """Return the trial that goes on in a lab."""
    query = select(ShadowTrial).where(ShadowTrial.lab_id == lab_id, ShadowTrial.ends_at > now())
    return session.scalar(query.order_by(ShadowTrial.begun_at.desc()).limit(1))


def begin(name: str, days: int, active: Collection[str], user: User) -> ShadowTrial:
    """Let a candidate read every image that comes in so many days; RefusedError where it cannot.

    active: the bundles that read already. BundleUnusableError where the candidate is damaged.
    """
    if days not in DAYS:
        raise RefusedError(_("Choose for how long it reads along."))
    if name in active:
        raise RefusedError(_("This model reads already. Choose another to read beside it."))
    card = engine().load_to_read(name).card
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        if running(session, lab_id) is not None:
            raise RefusedError(_("Another model reads along already. End that first."))
        moment = now()
        trial = ShadowTrial(
            lab_id=lab_id,
            bundle=card.name,
            version=card.version,
            begun_at=moment,
            begun_by_id=user_id,
            ends_at=moment + timedelta(days=days),
        )
        session.add(trial)
        session.flush()
        ledger.record(
            session, "shadow.begun", lab=lab_id, actor=user_id, subject=card.name, version=card.version, days=days
        )
    return trial


def end(user: User) -> None:
    """End the trial of a lab; what the candidate said stays, to be compared."""
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        trial = running(session, lab_id)
        if trial is None:
            raise RefusedError(_("No model reads along."))
        trial.ends_at = now()
        ledger.record(session, "shadow.ended", lab=lab_id, actor=user_id, subject=trial.bundle, version=trial.version)


def queue(session: Session, image_id: str, lab_id: int, case_id: str) -> bool:
    """Queue a new image for the candidate, in the transaction that adds it; return whether there is one."""
    trial = running(session, lab_id)
    if trial is not None:
        jobs.add(session, KIND, lab_id, case_id, [image_id], trial.begun_by_id, trial.bundle)
    return trial is not None
