"""Letting a bundle of scope `cell` read the cells of a case: at upload, or as a job; each reading is its own row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app import ledger
from app.database import db, writing
from app.differential import review_rules
from app.inference import jobs
from app.inference.engine import engine
from app.inference.job_queue import Task
from app.inference.result_cache import CELLS, ResultCache
from app.records import IMAGE_ORDER, Case, CellReading, Detections, Lab, SmearImage, User
from app.rules import refuse_signed
from app.stored_fields import field_of
from smear import schema
from smear.arrays import Array
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.network import Forward
from smear.inference.suggestion import Suggestion
from smear.segmentation.field import Field

KIND = "cells"
DIGITS = 5


def read_case(case: Case, name: str, user: User) -> str | None:
    """Queue the fields of a case that this bundle has not read and return the job's id; None where none is left.

    RefusedError where the case is signed or this is being done; EngineBusyError and BundleUnusableError as for any
    reading.
    """
    refuse_signed(case)
    bundle = engine().load_to_read(name)  # it may have been published, or replaced, since the server started
    missing = unread(case.id, bundle)
    return jobs.submit(KIND, case, missing, user, name) if missing else None


def unread(case_id: str, bundle: Bundle) -> list[str]:
    """Return the images of a case whose leukocytes are outlined and which this version of a bundle has not read."""
    same = and_(
        CellReading.image_id == SmearImage.id,
        CellReading.bundle == bundle.card.name,
        CellReading.version == bundle.card.version,
        CellReading.first == 1,
    )
    query = (
        select(SmearImage.id)
        .join(SmearImage.detections)
        .outerjoin(CellReading, same)
        .where(SmearImage.case_id == case_id, CellReading.id.is_(None), Detections.label_map_sha256 != "")
        .order_by(*IMAGE_ORDER)
    )
    return list(db.session.scalars(query))


def do(task: Task) -> None:
    """Read the cells of one image of a job; once more where somebody corrected its outlines meanwhile."""
    while (image := db.session.get(SmearImage, task.image_id)) is not None:  # not taken out of the case meanwhile
        refuse_signed(image.case)
        if keep(*read_field(engine().load_to_read(task.argument), image, task.user_id), task):
            return
        db.session.expire_all()


def read_field(bundle: Bundle, image: SmearImage, user_id: int) -> tuple[CellReading, ResultCache]:
    """Return the reading of one field's cells, which is not kept yet, and the results among which it is."""
    started = time.perf_counter()
    with engine().slots.stored(image.pixel_count):
        field = field_of(image)
        cache = ResultCache.of(image, field.rgb)
        read = known(cache, bundle)
        if read is None:
            read = [shorter(suggestion) for suggestion in suggestions(bundle, field)]
            remember(cache, bundle, read)
    row = reading_of(bundle, read, user_id, started)
    row.image_id = image.id
    return row, cache


def known(cache: ResultCache, bundle: Bundle) -> list[Suggestion] | None:
    """Return what a bundle said of the cells of a picture with these outlines before; None where it never did."""
    content = cache.get(CELLS, bundle)
    return None if content is None else schema.read(list[Suggestion], content, "suggestions")


def remember(cache: ResultCache, bundle: Bundle, read: list[Suggestion]) -> None:
    """Let what a bundle said of a picture's cells be known the next time."""
    cache.add(CELLS, bundle, msgspec.to_builtins(read))


def reading_of(bundle: Bundle, read: list[Suggestion], user_id: int, started: float) -> CellReading:
    """Return the record of what a bundle said of cells, still of no image.

    read: made `shorter`; started: as `perf_counter` counts.
    """
    return CellReading(
        bundle=bundle.card.name,
        version=bundle.card.version,
        suggestions=read,
        labels=bundle.card.labels,
        intended_use=bundle.card.intended_use,
        milliseconds=round(1000 * (time.perf_counter() - started), 1),
        made_by_id=user_id,
    )


def suggestions(bundle: Bundle, field: Field) -> list[Suggestion]:
    """Return what a bundle suggests for each cell, by way of the engine, as `cell_reader.read` does without."""
    cell_reader.insist_on_cells(bundle.card)
    return cell_reader.refused(field) or cell_reader.conclude(bundle, field, answers(bundle, field))


def answers(bundle: Bundle, field: Field) -> Iterator[tuple[list[int], Array, Forward]]:
    """Yield the engine's answers. While it works on one batch the next is cut out; no more than two ever wait."""
    waiting: list[tuple[int, Array, Future[Forward]]] = []
    for part, shown in cell_reader.batches(bundle.card, field):
        sent = [(i, cell[None], engine().submit(bundle, cell)) for i, cell in zip(part, shown, strict=True)]
        yield from answered(waiting)
        waiting = sent
    yield from answered(waiting)


def answered(waiting: list[tuple[int, Array, Future[Forward]]]) -> Iterator[tuple[list[int], Array, Forward]]:
    """Wait for what was sent; EngineBusyError where the engine does not answer."""
    for i, shown, future in waiting:
        yield [i], shown, engine().wait(future)


def shorter(suggestion: Suggestion) -> Suggestion:
    """Return a suggestion whose numbers have five digits: a field may have hundreds of them."""
    return replace(
        suggestion,
        probabilities={label: round(value, DIGITS) for label, value in suggestion.probabilities.items()},
        confidence=None if suggestion.confidence is None else round(suggestion.confidence, DIGITS),
        ood_score=None if suggestion.ood_score is None else round(suggestion.ood_score, DIGITS),
    )


def keep(row: CellReading, cache: ResultCache, task: Task) -> bool:
    """Keep a reading, unless somebody else has made it meanwhile; False where it is of outlines that are replaced."""
    with writing() as session:
        refuse_signed(session.get_one(Case, task.case_id))
        outlines = select(Detections.label_map_sha256).where(Detections.image_id == row.image_id)
        if session.scalar(outlines) not in (None, cache.label_map):
            return False  # its new cells would have no suggestion
        done = select(CellReading.id).where(
            CellReading.image_id == row.image_id,
            CellReading.bundle == row.bundle,
            CellReading.version == row.version,
            CellReading.first == row.first,
        )
        if session.scalar(done) is not None or session.get(SmearImage, row.image_id) is None:
            return True
        session.add(row)
        session.flush()
        record(session, row, task.lab_id, task.user_id, task.case_id)
        cache.keep(session)
        review_rules.apply(
            session, session.get_one(Case, task.case_id), session.get_one(Lab, task.lab_id), task.user_id
        )
    return True


def record(session: Session, row: CellReading, lab_id: int, user_id: int, case_id: str) -> None:
    """Write into the ledger that cells were read."""
    ledger.record(
        session,
        "cells.read",
        lab=lab_id,
        actor=user_id,
        subject=case_id,
        bundle=f"{row.bundle} {row.version}",
        image=row.image_id,
        readings=[row.id],
        rows=[row],
        cells=len(row.suggestions),
    )
