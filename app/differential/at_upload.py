"""Typing every whole leukocyte of a picture while it is taken in, or right after where that would take long.

The cells are cut out in the request's thread and queued together behind the field, so that the engine's thread reads
them in one batch while the pixels go to the disk.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.differential import classification, review_rules
from app.differential.sources import active_cell_bundle, cell_bundles
from app.inference import jobs
from app.inference.engine import engine
from app.inference.examined import Examined, Recognized
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from app.records import Case, CellReading, Lab, SmearImage
from smear.arrays import Array
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.network import Forward
from smear.inference.suggestion import Suggestion

AT_ONCE = 48  # whole cells that an upload waits for; a field of more is typed by a job


@dataclass
class Typing:
    """The cells of one picture on their way through a bundle; waiting: number from 0, what is shown, the answer.

    known: what the bundle said of these very cells before, so that none waits.
    """

    bundle: Bundle
    examined: Examined | Recognized
    waiting: list[tuple[int, Array, Future[Forward]]]
    started: float
    known: list[Suggestion] | None = None

    def reading(self, user_id: int) -> CellReading:
        """Return what the bundle said; EngineBusyError where the engine does not answer."""
        read = self.known
        if read is None:
            field = self.examined.field
            suggestions = cell_reader.refused(field) or cell_reader.conclude(
                self.bundle, field, classification.answered(self.waiting)
            )
            read = [classification.shorter(suggestion) for suggestion in suggestions]
            classification.remember(self.examined.cache, self.bundle, read)
        return classification.reading_of(self.bundle, read, user_id, self.started)


def begin(lab: Lab, examined: Examined | Recognized) -> Typing | str:
    """Queue the cells of a picture for the lab's cell bundle; where that cannot be at once, return the bundle's name.

    "" where no bundle is to type them. What the bundle is known to say of them is taken, however many there are.
    """
    name = active_cell_bundle(lab)
    if not name or not examined.leukocytes:
        return ""
    bundle = engine().loaded(name).bundle
    if bundle is None:
        return name if any(card.name == name for card in cell_bundles()) else ""
    try:
        engine().held(bundle)
    except BundleUnusableError:
        return name  # the job tells why it does not read
    if bundle.card.scope != "cell" or not bundle.card.suggests:
        return ""
    started = time.perf_counter()
    known = classification.known(examined.cache, bundle)
    if known is not None:
        return Typing(bundle, examined, [], started, known)
    field = examined.field
    if cell_reader.refusals(field):
        return Typing(bundle, examined, [], started)
    if int((~field.cut).sum()) > AT_ONCE:
        return name
    cells = [pair for part, shown in cell_reader.batches(bundle.card, field) for pair in zip(part, shown, strict=True)]
    answers = engine().submit_all(bundle, [shown for _number, shown in cells], beside=True)
    return Typing(
        bundle,
        examined,
        [(number, shown[None], answer) for (number, shown), answer in zip(cells, answers, strict=True)],
        started,
    )


def conclude(typing: Typing | str, user_id: int) -> CellReading | str:
    """Wait for the cells; where the engine is too busy for them, return the bundle's name, and a job does it."""
    if isinstance(typing, str):
        return typing
    try:
        return typing.reading(user_id)
    except EngineBusyError:
        return typing.bundle.card.name


def keep(session: Session, read: CellReading | str, image: SmearImage, case: Case, lab: Lab, user_id: int) -> bool:
    """Keep what was read with an image that is in the session, in its transaction; else queue the job.

    Return whether a job was queued, so that whoever commits wakes the runner.
    """
    if isinstance(read, str):
        if read:
            jobs.add(session, classification.KIND, case.lab_id, case.id, [image.id], user_id, read)
        return bool(read)
    image.cell_readings.append(read)
    session.flush()
    classification.record(session, read, case.lab_id, user_id, case.id)
    review_rules.apply(session, case, lab, user_id)
    return False
