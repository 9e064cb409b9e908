"""Letting a bundle of scope `cell` read the cells of a case, field by field; each reading is a row of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, select

from app import ledger
from app.cells.detections import look
from app.database import db, writing
from app.inference.engine import awaited, engine
from app.records import Case, CellReading, CellSurvey, SmearImage, User
from app.rules import RefusedError, refuse_signed
from smear.arrays import Array
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.network import Forward
from smear.inference.suggestion import Suggestion
from smear.segmentation.find import Leukocytes

SECONDS = 8.0  # of reading in one request; the next one goes on
DIGITS = 5


def read_missing(case: Case, name: str, user: User, seconds: float = SECONDS) -> tuple[int, int]:
    """Read the surveyed fields of a case that this bundle has not read, for that long, one field at least.

    Returns how many fields were read and how many remain. RefusedError where the case is signed or the cells are not
    found as they were numbered; EngineBusyError and BundleUnusableError as for any reading.
    """
    refuse_signed(case)
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    bundle = engine().load(name)  # it may have been published, or replaced, since the server started
    same = and_(
        CellReading.image_id == SmearImage.id,
        CellReading.bundle == bundle.card.name,
        CellReading.version == bundle.card.version,
    )
    query = (
        select(SmearImage.id, SmearImage.pixels_sha256, CellSurvey.boxes)
        .join(SmearImage.survey)
        .outerjoin(CellReading, same)
        .where(SmearImage.case_id == case_id, CellReading.id.is_(None))
        .order_by(SmearImage.position, SmearImage.added_at)
    )
    missing = [tuple(row) for row in db.session.execute(query)]
    rows: list[CellReading] = []
    end = time.monotonic() + seconds
    for image_id, digest, boxes in missing:
        if rows and time.monotonic() > end:
            break
        rows.append(read_field(bundle, image_id, digest, boxes, user_id))
    keep(rows, case_id, lab_id, user_id)
    return len(rows), len(missing) - len(rows)


def read_field(bundle: Bundle, image_id: str, digest: str, boxes: list[Any], user_id: int) -> CellReading:
    """Return the reading of one field's cells; it is not kept yet."""
    started = time.perf_counter()
    with engine().desk():
        rgb, found = look_again(digest, boxes)
        said = suggestions(bundle, rgb, found)
    return CellReading(
        image_id=image_id,
        bundle=bundle.card.name,
        version=bundle.card.version,
        suggestions=[shorter(one) for one in said],
        labels=[asdict(label) for label in bundle.card.labels],
        intended_use=bundle.card.intended_use,
        milliseconds=round(1000 * (time.perf_counter() - started), 1),
        made_by_id=user_id,
    )


def look_again(digest: str, boxes: list[Any]) -> tuple[Array, Leukocytes]:
    """Return a field and its leukocytes; RefusedError where they are not those that were numbered."""
    rgb, found = look(digest)
    if found.boxes.tolist() != boxes:
        raise RefusedError(
            _(
                "The leukocytes of a field are numbered as an earlier version of this program found them, and this"
                " version finds others. Add the field to a new case to have its cells read."
            )
        )
    return rgb, found


def suggestions(bundle: Bundle, rgb: Array, found: Leukocytes) -> list[Suggestion]:
    """Return what a bundle suggests for each cell, by way of the engine, as `cell_reader.read` does without."""
    cell_reader.insist_on_cells(bundle.card)
    return cell_reader.refused(rgb, found) or cell_reader.conclude(bundle, len(found), answers(bundle, rgb, found))


def answers(bundle: Bundle, rgb: Array, found: Leukocytes) -> Iterator[tuple[list[int], Array, Forward]]:
    """Yield the engine's answers. While it works on one batch the next is cut out; no more than two ever wait."""
    waiting: list[tuple[int, Array, Future[Forward]]] = []
    for part, seen in cell_reader.batches(bundle.card, rgb, found):
        sent = [(i, one[None], engine().submit(bundle, one)) for i, one in zip(part, seen, strict=True)]
        yield from answered(waiting)
        waiting = sent
    yield from answered(waiting)


def answered(waiting: list[tuple[int, Array, Future[Forward]]]) -> Iterator[tuple[list[int], Array, Forward]]:
    """Wait for what was sent; EngineBusyError where the engine does not answer."""
    for i, seen, future in waiting:
        yield [i], seen, awaited(future)


def shorter(said: Suggestion) -> dict[str, Any]:
    """Return a suggestion as JSON data, with five digits."""
    data = asdict(said)
    data["probabilities"] = {label: round(value, DIGITS) for label, value in said.probabilities.items()}
    for name in ("confidence", "novelty"):
        data[name] = None if data[name] is None else round(data[name], DIGITS)
    data["reasons"] = list(data["reasons"])
    return data


def keep(rows: list[CellReading], case_id: str, lab_id: int, user_id: int) -> None:
    """Keep readings that nobody else has made meanwhile, with one event for all of them."""
    if not rows:
        return
    with writing() as session:
        refuse_signed(session.get_one(Case, case_id))
        images = set(session.scalars(select(SmearImage.id).where(SmearImage.case_id == case_id)))
        name, version = rows[0].bundle, rows[0].version
        done = select(CellReading.image_id).where(CellReading.bundle == name, CellReading.version == version)
        taken = set(session.scalars(done.where(CellReading.image_id.in_(images))))
        fresh = [row for row in rows if row.image_id in images - taken]
        if not fresh:
            return
        session.add_all(fresh)
        session.flush()
        ledger.record(
            session,
            "cells.read",
            lab=lab_id,
            actor=user_id,
            subject=case_id,
            bundle=f"{name} {version}",
            readings=[row.id for row in fresh],
            cells=sum(len(row.suggestions) for row in fresh),
        )
