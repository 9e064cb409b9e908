"""One cell by itself: in its field, measured, with its history; the sheet of crops, and the map of a suggestion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flask import abort, make_response, render_template, request
from sqlalchemy import select

from app.access import case_or_404, member
from app.cells import vocabulary
from app.cells.blueprint import bp
from app.cells.layout import Cell, annotation_words, fields_of
from app.database import db
from app.inference.engine import engine
from app.records import Annotation, CellReading, Detections, SmearImage
from app.stored_fields import field_of
from smear.arrays import Array
from smear.imaging.decode import encode
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.preprocess import prepare
from smear.rendering import crop_sheet, overlays
from smear.segmentation.morphometry import measure

ENLARGED = 384  # pixels to a side at which a cell's map is drawn
# Measurements that stand beside a cell: attribute, and whether it is a length.
MEASURED = (
    ("cell_equivalent_diameter", True),
    ("equivalent_diameter", True),
    ("nucleus_share", False),
    ("nucleus_to_cytoplasm", False),
    ("circularity", False),
    ("solidity", False),
    ("lobes", False),
    ("chromatin_variation", False),
)


@bp.get("/cases/<case_id>/cells/<image_id>/sheet")
@member
def crops(case_id: str, image_id: str) -> Any:
    """Send the crops of a field's cells, as one picture."""
    case_or_404(case_id)
    detections = detections_or_404(case_id, image_id)
    if not detections.boxes:
        abort(404)
    return drawn_once(f"{detections.id}-crops", lambda: crop_sheet.sheet(field_of(detections.image)))


def drawn_once(etag: str, draw: Callable[[], Array]) -> Any:
    """Send a picture that is drawn on request, unless the browser has it: what it is drawn from never changes."""
    if request.if_none_match.contains(etag):
        response = make_response("", 304)
    else:
        with engine().decode_slot():
            response = make_response(encode(draw(), "PNG"))
        response.mimetype = "image/png"
    response.set_etag(etag)
    return response


def detections_or_404(case_id: str, image_id: str) -> Detections:
    """Return the leukocytes of a field of the case."""
    query = select(Detections).join(Detections.image).where(SmearImage.case_id == case_id, SmearImage.id == image_id)
    return db.session.scalar(query) or abort(404)


@bp.get("/cases/<case_id>/cells/<image_id>/<int:number>")
@member
def cell(case_id: str, image_id: str, number: int) -> str:
    """Show one cell; for the page's script only what stands beside the cells."""
    case = case_or_404(case_id)
    source = vocabulary.chosen(vocabulary.sources(case_id), request.args.get("bundle"))
    one = cell_or_404(case_id, image_id, number, source)
    field = field_of(detections_or_404(case_id, image_id).image)
    measured = measure(field, only=number)[0]
    shown = request.args.get("map", "")
    history = select(Annotation).where(Annotation.image_id == image_id, Annotation.number == number)
    return render_template(
        "cells/_cell.html" if request.headers.get("X-Part") == "cell" else "cells/cell.html",
        case=case,
        cell=one,
        source=source,
        labels=vocabulary.labels_of(source) if source else [],
        measured={name: getattr(measured, name) for name, _length in MEASURED},
        annotation_words=annotation_words,
        history=db.session.scalars(history.order_by(Annotation.version.desc())).all(),
        map_of=shown if one.suggestion and shown in one.suggestion.probabilities else "",
        drawable=bool(source and one.suggested and can_map(source)),
        intended_use=vocabulary.intended_use(source),
    )


def cell_or_404(case_id: str, image_id: str, number: int, source: vocabulary.Source | None) -> Cell:
    """Return one cell of the case."""
    _fields, cells = fields_of(case_id, source)
    found = (one for one in cells if one.field.image_id == image_id and one.number == number)
    return next(found, None) or abort(404)


def can_map(source: vocabulary.Source) -> bool:
    """Say whether this version of a bundle is loaded and has a layer that explains."""
    bundle = engine().loaded(source.name).bundle
    return bool(bundle and bundle.card.version == source.version and bundle.card.explanation_layer)


@bp.get("/cases/<case_id>/cells/<image_id>/<int:number>/map/<cell_reading_id>/<label>")
@member
def evidence(case_id: str, image_id: str, number: int, cell_reading_id: str, label: str) -> Any:
    """Send what the network saw of a cell, under the map of one label (Grad-CAM), drawn anew from the same bundle."""
    case_or_404(case_id)
    row = db.session.get(CellReading, cell_reading_id)
    detections = detections_or_404(case_id, image_id)
    names = [known.id for known in row.labels] if row else []
    if row is None or row.image_id != image_id or label not in names or not 1 <= number <= len(detections.boxes):
        abort(404)
    bundle = engine().loaded(row.bundle).bundle
    if bundle is None or bundle.card.version != row.version or not row.suggestions[number - 1].shown.probabilities:
        abort(404)  # what the border cuts was not judged, and a refusal has no map
    etag = f"{cell_reading_id}-{number}-{label}"
    return drawn_once(etag, lambda: evidence_map(bundle, detections, number, names.index(label)))


def evidence_map(bundle: Bundle, detections: Detections, number: int, index: int) -> Array:
    """Return the network's input for a cell with one label's map on it, uint8 RGB."""
    cell_reader.insist_on_cells(bundle.card)
    shown = prepare(field_of(detections.image), bundle.card, number - 1)
    forward = engine().wait(engine().submit(bundle, shown))
    maps = forward.maps[0]
    largest = float(maps.max(initial=0))
    grid = maps[index] / largest if largest > 0 else maps[index]
    factor = max(1, ENLARGED // max(shown.shape[:2]))
    large = np.repeat(np.repeat(shown, factor, axis=0), factor, axis=1)
    return overlays.overlay(large, grid)
