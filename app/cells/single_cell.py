"""One cell by itself: in its field, measured, with its history; the sheet of crops, and the map of a suggestion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flask import abort, make_response, render_template, request
from flask_security import current_user
from sqlalchemy import select

from app.access import case_or_404, member
from app.cells import vocabulary
from app.cells.blueprint import bp
from app.database import db
from app.differential.cells import Cell, annotation_words, fields_of
from app.differential.sources import Source
from app.inference.engine import engine
from app.inference.loaded_bundles import card_of_version
from app.records import Annotation, CellReading, Detections, SmearImage
from app.stored_fields import field_of
from app.terms import term_lists
from smear.arrays import Array
from smear.imaging.decode import encode
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.preprocess import prepare
from smear.rendering import crop_sheet, occlusion, overlays
from smear.segmentation.erythrocytes import erythrocyte_diameter
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
    return drawn_once(
        f"{detections.id}-{detections.label_map_sha256[:16]}-crops",
        detections.image.pixel_count,
        lambda: crop_sheet.sheet(field_of(detections.image)),
    )


def drawn_once(etag: str, pixels: int, draw: Callable[[], Array]) -> Any:
    """Send a picture that is drawn from one of so many pixels, unless the browser has it: that one never changes."""
    if request.if_none_match.contains(etag):
        response = make_response("", 304)
    else:
        with engine().slots.stored(pixels):
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
    readers = vocabulary.sources(case_id)
    source = vocabulary.chosen(case_id, readers, request.args.get("bundle"), current_user.lab)
    leukocyte = cell_or_404(case_id, image_id, number, source)
    image = detections_or_404(case_id, image_id).image
    scale = term_lists.scale(case.lab_id, case.microscope) or current_user.lab.micrometres_per_pixel
    with engine().slots.stored(image.pixel_count):
        field = field_of(image)
        measured = measure(field, scale, only=number)[0]
    drawable = bool(leukocyte.suggested and leukocyte.model and can_map(leukocyte.model))
    shown = request.args.get("map") or (leukocyte.suggested if drawable else "") or ""
    history = select(Annotation).where(Annotation.image_id == image_id, Annotation.number == number)
    return render_template(
        "cells/_cell.html" if request.headers.get("X-Part") == "cell" else "cells/cell.html",
        case=case,
        cell=leukocyte,
        source=source,
        labels=source.labels if source else [],
        measured={name: getattr(measured, name) for name, _length in MEASURED},
        lengths={name for name, length in MEASURED if length},
        micrometres=scale is not None,
        erythrocyte=None if scale is not None else erythrocyte_diameter(field),
        annotation_words=annotation_words,
        history=db.session.scalars(history.order_by(Annotation.version.desc())).all(),
        map_of=shown if leukocyte.suggestion and shown in leukocyte.suggestion.probabilities else "",
        drawable=drawable,
        intended_use=vocabulary.intended_use(source),
    )


def cell_or_404(case_id: str, image_id: str, number: int, source: Source | None) -> Cell:
    """Return one cell of the case."""
    _fields, cells = fields_of(case_id, source, only=image_id)
    matching = (leukocyte for leukocyte in cells if leukocyte.number == number)
    return next(matching, None) or abort(404)


def can_map(model: str) -> bool:
    """Say whether a bundle in this version, as a cell names it, is published here and has a layer that explains."""
    name, _space, version = model.rpartition(" ")
    card = card_of_version(engine().folder, name, version)
    return bool(card and card.explanation_layer)


@bp.get("/cases/<case_id>/cells/<image_id>/<int:number>/map/<cell_reading_id>/<label>")
@member
def evidence(case_id: str, image_id: str, number: int, cell_reading_id: str, label: str) -> Any:
    """Send what the network saw of a cell, under the map of one label, drawn anew from the same bundle.

    Grad-CAM; where it has no positive evidence anywhere, what covering each place takes away.
    """
    case_or_404(case_id)
    row = db.session.get(CellReading, cell_reading_id)
    detections = detections_or_404(case_id, image_id)
    names = [known.id for known in row.labels] if row else []
    place = number - row.first if row else -1
    if row is None or row.image_id != image_id or label not in names or not 0 <= place < len(row.suggestions):
        abort(404)
    if not row.suggestions[place].shown.probabilities:
        abort(404)  # what the border cuts was not judged, and a refusal has no map
    if card_of_version(engine().folder, row.bundle, row.version) is None:
        abort(404)
    bundle = engine().bundle(row.bundle)
    etag = f"{cell_reading_id}-{number}-{label}"
    size = detections.image.pixel_count
    return drawn_once(etag, size, lambda: evidence_map(bundle, detections, row, number, names.index(label)))


def evidence_map(bundle: Bundle, detections: Detections, row: CellReading, number: int, index: int) -> Array:
    """Return the network's input for a cell with one label's map on it, uint8 RGB."""
    cell_reader.insist_on_cells(bundle.card)
    shown = prepare(field_of(detections.image, row.made_at), bundle.card, number - 1)
    grid = engine().wait(engine().submit(bundle, shown)).maps[0][index]
    if grid.max(initial=0) <= 0:
        answers = engine().submit_all(bundle, [shown, *occlusion.covered(shown)])
        grid = occlusion.grid(np.concatenate([engine().wait(answer).logits for answer in answers]), index)
    largest = float(grid.max(initial=0))
    factor = max(1, ENLARGED // max(shown.shape[:2]))
    large = np.repeat(np.repeat(shown, factor, axis=0), factor, axis=1)
    return overlays.overlay(large, grid / largest if largest > 0 else grid)
