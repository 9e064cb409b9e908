"""Correcting a field's outlines: a cell that was missed, two taken for one, one taken for two.

Numbers are for good. What is corrected is excluded as `outlined anew`, keeps its number and its history, and loses its
pixels; what stands in its place comes at the end and is typed at once by whatever has read the field.
"""

from __future__ import annotations

import time

import numpy as np
from flask_babel import gettext as _
from sqlalchemy import select

from app import ledger
from app.cells.annotations import Act, Choice, Seen, write
from app.database import db, writing
from app.differential import classification, review_rules
from app.differential.cells import REDRAWN, newest
from app.image_store import image_store
from app.inference.engine import engine
from app.records import Annotation, Case, CellReading, Detections, Lab, Redrawing, SmearImage, User, now
from app.rules import RefusedError, refuse_blind_reader, refuse_signed
from app.stored_fields import field_of
from smear.arrays import Array
from smear.inference import cell_reader
from smear.inference.preprocess import prepare
from smear.inference.suggestion import not_gradable
from smear.segmentation import label_map, redraw
from smear.segmentation.field import Field
from smear.sentence import SentenceError


def corrected(kind: str, field: Field, numbers: tuple[int, ...], shape: Array | None) -> Field:
    """Return a field with one correction; RefusedError with the sentence where it cannot be made.

    shape: of `add` the outline, of `split` the two ends of a line, or None; float (K, 2), pixels of the picture.
    """
    try:
        if kind == "add":
            return redraw.add(field, np.zeros((0, 2)) if shape is None else shape)
        if kind == "split":
            if len(numbers) != 1:
                raise RefusedError(_("Select the one cell that is to be split. Nothing was changed."))
            return redraw.split(field, numbers[0], shape)
        return redraw.merge(field, numbers)
    except redraw.RedrawError as error:
        raise RefusedError(f"{error.text} {_('Nothing was changed.')}") from error


def correct(case: Case, kind: str, image_id: str, selected: list[Seen], shape: Array | None, user: User) -> list[int]:
    """Correct a field's outlines, all of it or nothing, and return the numbers of the cells that it now has more.

    RefusedError where the case is signed, the correction cannot be made, or somebody else was quicker;
    FieldDamagedError where the picture cannot be read.
    """
    case_id, lab_id, user_id = case.id, user.lab_id, user.id
    refuse_signed(case)
    image = db.session.get(SmearImage, image_id)
    gone = RefusedError(_("This field is not in the case any more. Load the page again; nothing was changed."))
    if image is None or image.case_id != case_id or image.detections is None:
        raise gone
    if any(cell.image_id != image_id for cell in selected):
        raise RefusedError(_("The cells lie in different fields. Select cells of one field; nothing was changed."))
    before, segmenter = image.detections.label_map_sha256, image.detections.segmenter
    with engine().slots.stored(image.pixel_count):
        field = field_of(image)
        redrawn = corrected(kind, field, tuple(cell.number for cell in selected), shape)
    added = list(range(len(field) + 1, len(redrawn) + 1))
    readers = readers_of(image_id)
    readings = typed(readers, image_id, redrawn, added, user_id)
    try:
        digest = image_store().put(label_map.encode(redrawn, segmenter))
    except label_map.LabelMapError as error:
        raise RefusedError(f"{error.text} {_('Nothing was changed.')}") from error
    with writing() as session:
        case = session.get_one(Case, case_id)
        refuse_signed(case)
        refuse_blind_reader(session, case_id, user_id)
        row = session.scalar(select(Detections).where(Detections.image_id == image_id))
        if row is None:
            raise gone
        if row.label_map_sha256 != before:
            raise RefusedError(
                _("Somebody corrected the outlines of this field meanwhile. Look again; nothing was changed.")
            )
        if readers_of(image_id) != readers:
            raise RefusedError(
                _("A model has read the cells of this field meanwhile. Nothing was changed; draw the outline again.")
            )
        excluded: list[Annotation] = []
        if kind != "add":
            standing = newest(session, [image_id])
            write(session, standing, Act(Choice("excluded", reason=REDRAWN), selected), user_id, now())
            excluded = [standing[image_id, cell.number] for cell in selected]
        row.boxes, row.cut, row.label_map_sha256 = redrawn.boxes.tolist(), redrawn.cut.tolist(), digest
        replaced = [] if kind == "add" else [cell.number for cell in selected]
        redrawing = Redrawing(
            image_id=image_id,
            kind=kind,
            replaced=replaced,
            added=added,
            label_map_sha256=before,
            made_by_id=user_id,
        )
        session.add_all([redrawing, *readings])
        session.flush()
        ledger.record(
            session,
            "cells.redrawn",
            lab=lab_id,
            actor=user_id,
            subject=case_id,
            kind=kind,
            redrawing=redrawing.id,
            rows=[redrawing, *readings, *excluded],
            replaced=[f"{image_id}.{number}" for number in replaced],
            added=[f"{image_id}.{number}" for number in added],
        )
        review_rules.apply(session, case, session.get_one(Lab, lab_id), user_id)
    return added


def readers_of(image_id: str) -> list[tuple[str, str]]:
    """Return which bundles have read the cells of a field: names and versions."""
    query = select(CellReading.bundle, CellReading.version).where(CellReading.image_id == image_id).distinct()
    return [(name, version) for name, version in db.session.execute(query.order_by("bundle", "version"))]


def typed(
    readers: list[tuple[str, str]], image_id: str, field: Field, added: list[int], user_id: int
) -> list[CellReading]:
    """Return what each bundle that has read the field, and is still loaded, says of its new cells.

    A cell that no bundle can be asked about now has no suggestion, and is named by hand.
    """
    rows = []
    for name, version in readers:
        bundle = engine().loaded(name).bundle
        if bundle is None or bundle.card.version != version:
            continue
        started = time.perf_counter()
        try:
            engine().held(bundle)
            refusals, suggestions = cell_reader.refusals(field), []
            for number in added:
                if refusals:
                    suggestions.append(not_gradable(refusals))
                    continue
                if field.cut[number - 1]:
                    suggestions.append(not_gradable((cell_reader.CUT,)))
                    continue
                shown = prepare(field, bundle.card, number - 1)
                forward = engine().wait(engine().submit(bundle, shown))
                suggestions.append(classification.shorter(bundle.suggest(forward.logits[0], shown)))
        except SentenceError:
            continue  # the engine is busy, or may not ask it: the outlines matter more than a suggestion for them
        row = classification.reading_of(bundle, suggestions, user_id, started)
        row.image_id, row.first = image_id, added[0]
        rows.append(row)
    return rows
