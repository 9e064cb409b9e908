"""Evidence by leukocyte of a reading: computed by a job that intake queues, so that it costs no upload time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.database import db, writing
from app.inference import job_queue, jobs
from app.inference.engine import engine
from app.inference.job_queue import Task
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.result_cache import EVIDENCE, ResultCache
from app.records import LeukocyteEvidence, Reading, SmearImage, User
from app.rules import RefusedError
from app.stored_fields import field_of, outlines_at
from smear.inference import evidence
from smear.inference.bundle import Bundle
from smear.rendering import overlays

KIND = job_queue.EVIDENCE
DIGITS = 4
COUNT_MOST = 3  # leukocytes that a report names


@dataclass(frozen=True)
class Counting:
    """One leukocyte of a reading: its number in the field, from 1, and how much it counts.

    change: of the label's calibrated log-odds when it is painted out, above 0 where it speaks for the label; weight:
    the same against the largest change of the field, -1..1; without: the label's calibrated probability without it.
    """

    number: int
    change: float
    weight: float
    without: float


def computable(reading: Reading) -> bool:
    """Whether a reading has evidence by leukocyte: a suggestion has."""
    return reading.outcome == "suggested"


def queue(session: Session, reading: Reading, lab_id: int, case_id: str) -> bool:
    """Queue a new reading's evidence in the transaction that adds it; say whether there is any to compute.

    Whoever commits wakes the jobs' thread.
    """
    if not computable(reading):
        return False
    jobs.add(session, KIND, lab_id, case_id, [reading.image_id], reading.made_by_id, reading.id)
    return True


def ask(reading: Reading, user: User) -> None:
    """Queue the evidence of a reading that an older version left without; RefusedError where there is nothing to do."""
    if not computable(reading) or of(reading) is not None:
        raise RefusedError(_("There is nothing to compute for this reading."))
    jobs.submit(KIND, reading.image.case, [reading.image_id], user, reading.id)


def do(task: Task) -> None:
    """Compute the evidence of the reading that a job names."""
    reading, image = db.session.get(Reading, task.argument), db.session.get(SmearImage, task.image_id)
    if reading is None or image is None or not computable(reading) or of(reading) is not None:
        return
    bundle = bundle_of(reading)
    with engine().slots.stored(image.pixel_count):
        field, label_map = field_of(image, reading.made_at), outlines_at(image, reading.made_at)
        cache = ResultCache(task.lab_id, field.rgb, label_map)
        known = cache.get(EVIDENCE, bundle)
        if known is None:
            db.session.rollback()  # nothing is held in the database while the network works
            changes = evidence.evidence(bundle, field)
            known = {"changes": np.round(changes, DIGITS).tolist(), "outlines": overlays.outlines(field)}
            cache.add(EVIDENCE, bundle, known)
    with writing() as session:
        if session.get(Reading, task.argument) is not None and session.get(LeukocyteEvidence, task.argument) is None:
            session.add(LeukocyteEvidence(reading_id=task.argument, **known))
            cache.keep(session)


def bundle_of(reading: Reading) -> Bundle:
    """Return the bundle that made a reading; RefusedError where another version of it is published, or none."""
    gone = _("This version of the model is not loaded any more, so that it cannot explain this reading further.")
    try:
        bundle = engine().load_to_read(reading.bundle)
    except BundleUnusableError:
        raise RefusedError(gone) from None
    if bundle.card.version != reading.version:
        raise RefusedError(gone)
    return bundle


def of(reading: Reading) -> LeukocyteEvidence | None:
    """Return the evidence of a reading; None before it is computed, and for a refusal, which has none."""
    return db.session.get(LeukocyteEvidence, reading.id) if reading.outcome == "suggested" else None


def counting(reading: Reading) -> list[Counting]:
    """Return the leukocytes of a reading, what speaks for its label most first; [] where nothing is computed."""
    row = of(reading)
    if row is None or not row.changes:
        return []
    changes = np.array(row.changes)
    confidence = np.clip(reading.confidence or 0.0, 1e-12, 1 - 1e-12)
    without = 1 / (1 + np.exp(changes - np.log(confidence / (1 - confidence))))
    largest = max(float(np.abs(changes).max()), 1e-9)
    order = np.argsort(-changes, kind="stable")
    return [Counting(int(i) + 1, changes[i], changes[i] / largest, float(without[i])) for i in order]


def count_most(reading: Reading) -> list[Counting]:
    """Return the leukocytes that a report names: those that speak for the label most."""
    return [leukocyte for leukocyte in counting(reading)[:COUNT_MOST] if leukocyte.change > 0]
