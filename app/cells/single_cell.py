"""One cell by itself: in its field, measured, with its history; the sheet of crops, and the map of a suggestion."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import abort, make_response, render_template, request
from sqlalchemy import select

from app.access import case_or_404, member
from app.cells import vocabulary
from app.cells.blueprint import bp
from app.cells.classification import look_again
from app.cells.layout import Cell, fields_of, words_of
from app.database import db
from app.inference.engine import awaited, engine
from app.reading.pictures import stored
from app.records import CellReading, CellSurvey, CellVerdict, SmearImage
from app.rules import RefusedError
from smear.arrays import Array
from smear.imaging.decode import encode
from smear.inference import cell_reader as reading
from smear.inference.bundle import Bundle
from smear.inference.preprocess import prepare
from smear.rendering import overlays

OPACITY = 0.45
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
    survey = survey_or_404(case_id, image_id)
    return stored(survey.sheet_sha256) if survey.sheet_sha256 else abort(404)


def survey_or_404(case_id: str, image_id: str) -> CellSurvey:
    """Return the survey of a field of the case."""
    query = select(CellSurvey).join(CellSurvey.image).where(SmearImage.case_id == case_id, SmearImage.id == image_id)
    return db.session.scalar(query) or abort(404)


@bp.get("/cases/<case_id>/cells/<image_id>/<int:number>")
@member
def cell(case_id: str, image_id: str, number: int) -> str:
    """Show one cell; for the page's script only what stands beside the wall."""
    case = case_or_404(case_id)
    source = vocabulary.chosen(vocabulary.sources(case_id), request.args.get("bundle"))
    one = cell_or_404(case_id, image_id, number, source)
    survey = survey_or_404(case_id, image_id)
    shown = request.args.get("map", "")
    history = select(CellVerdict).where(CellVerdict.image_id == image_id, CellVerdict.number == number)
    return render_template(
        "cells/_cell.html" if request.headers.get("X-Part") == "cell" else "cells/cell.html",
        case=case,
        cell=one,
        source=source,
        labels=vocabulary.labels_of(source) if source else [],
        measured={name: survey.measured[number - 1].get(name) for name, _length in MEASURED},
        words_of=words_of,
        history=db.session.scalars(history.order_by(CellVerdict.version.desc())).all(),
        map_of=shown if one.suggestion and shown in one.suggestion["probabilities"] else "",
        drawable=bool(source and one.graded and can_map(source)),
        intended_use=vocabulary.intended_use(source),
    )


def cell_or_404(case_id: str, image_id: str, number: int, source: vocabulary.Source | None) -> Cell:
    """Return one cell of the case."""
    _fields, cells = fields_of(case_id, source)
    found = (one for one in cells if one.field.image_id == image_id and one.number == number)
    return next(found, None) or abort(404)


def can_map(source: vocabulary.Source) -> bool:
    """Say whether this version of a bundle is loaded and has a layer that explains."""
    bundle = engine().shelf(source.name).bundle
    return bool(bundle and bundle.card.version == source.version and bundle.card.explanation_layer)


@bp.get("/cases/<case_id>/cells/<image_id>/<int:number>/map/<cell_reading_id>/<label>")
@member
def evidence(case_id: str, image_id: str, number: int, cell_reading_id: str, label: str) -> Any:
    """Send what the network saw of a cell, under the map of one label (Grad-CAM), drawn anew from the same bundle."""
    case_or_404(case_id)
    row = db.session.get(CellReading, cell_reading_id)
    survey = survey_or_404(case_id, image_id)
    names = [item["id"] for item in row.labels] if row else []
    if row is None or row.image_id != image_id or label not in names or not 1 <= number <= len(survey.boxes):
        abort(404)
    bundle = engine().shelf(row.bundle).bundle
    if bundle is None or bundle.card.version != row.version or survey.cut[number - 1]:
        abort(404)
    etag = f"{cell_reading_id}-{number}-{label}"
    if request.if_none_match.contains(etag):
        response = make_response("", 304)
    else:
        response = make_response(encode(drawn(bundle, survey, number, names.index(label)), "PNG"))
        response.mimetype = "image/png"
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def drawn(bundle: Bundle, survey: CellSurvey, number: int, index: int) -> Array:
    """Return the network's input for a cell with one label's map on it, uint8 RGB."""
    with engine().desk():
        try:
            rgb, found = look_again(survey.image.pixels_sha256, survey.boxes)
        except RefusedError:
            abort(404)
        reading.insist_on_cells(bundle.card)
        seen = prepare(rgb, bundle.card, found, number - 1)
    forward = awaited(engine().submit(bundle, seen))
    maps = forward.maps[0]
    largest = float(maps.max(initial=0))
    grid = maps[index] / largest if largest > 0 else maps[index]
    factor = max(1, ENLARGED // max(seen.shape[:2]))
    large = np.repeat(np.repeat(seen, factor, axis=0), factor, axis=1)
    return overlays.overlay(large, grid, OPACITY)
