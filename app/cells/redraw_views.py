"""Correcting outlines: the buttons of the cells page, and the page on which a cell or a line is drawn."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import case_or_404, clinician
from app.cells import cells_page, redrawing
from app.cells.annotations import AnnotatedMeanwhileError, parse_cells
from app.cells.blueprint import bp
from app.cells.single_cell import detections_or_404
from app.cells.views import PART, View, meanwhile
from app.differential.cells import fields_of
from app.differential.sources import counting_source
from app.records import REDRAWINGS, Case
from app.rules import RefusedError
from smear.arrays import Array

MOST = 50_000  # characters of a shape
ROUND = 24  # corners of a circle that is given by its middle and its diameter


@bp.post("/cases/<case_id>/cells/redraw")
@clinician
def redraw(case_id: str) -> Any:
    """Split, merge or add cells; the page's script hears which cell is new, and what is wrong."""
    case, view = case_or_404(case_id), View.read()
    kind, image_id = request.form.get("kind", ""), request.form.get("image", "")
    script = request.headers.get(PART) == "changes"
    code, problem, added = 200, "", []
    try:
        if kind == "draw":
            image_id = parse_cells(request.form.getlist("cell"))[0].image_id
            return redirect(url_for("cells.draw", case_id=case_id, image_id=image_id))
        if kind not in REDRAWINGS:
            raise RefusedError(_("Choose what is to be corrected. Nothing was changed."))
        selected = [] if kind == "add" else parse_cells(request.form.getlist("cell"))
        image_id = image_id or (selected[0].image_id if selected else "")
        added = redrawing.correct(case, kind, image_id, selected, shape_sent(kind), current_user)
    except RefusedError as refused:
        code, problem = 400, refused.text
    except AnnotatedMeanwhileError as changed:
        code, problem = 409, meanwhile(case_id, changed)
    case = case_or_404(case_id)
    new = f"{image_id}.{added[0]}" if added else ""
    if script:
        return jsonify(problem=problem, cell=new, **cells_page.changes(case, view, [], current_user)), code
    if code != 200 and image_id and kind != "merge":
        return draw_page(case, image_id, problem), code
    if problem:
        flash(problem, "error")
    return redirect(view.address(case_id))


def shape_sent(kind: str) -> Array | None:
    """Return the drawn outline or line, float (K, 2) in pixels; None where there is none.

    An outline is a list of corners as JSON, or a circle: `x`, `y` and `diameter`. RefusedError where it is no shape.
    """
    text = request.form.get("shape", "")
    circle = [request.form.get(name, type=float) for name in ("x", "y", "diameter")]
    if kind == "add" and not text and None not in circle:
        x, y, diameter = (float(value or 0) for value in circle)
        angles = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)
        return np.stack([x + diameter / 2 * np.cos(angles), y + diameter / 2 * np.sin(angles)], axis=1)
    if not text:
        return None
    try:
        shape = np.array(json.loads(text) if len(text) <= MOST else None, np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):  # numbers of 400 digits, brackets within brackets
        shape = np.zeros(0)
    wrong = shape.ndim != 2 or shape.shape[1] != 2 or not np.isfinite(shape).all()
    if wrong or (kind == "split" and (len(shape) != 2 or np.allclose(shape[0], shape[1]))):
        raise RefusedError(_("This page does not know that shape. Draw it again; nothing was changed."))
    return shape


@bp.get("/cases/<case_id>/cells/<image_id>/draw")
@clinician
def draw(case_id: str, image_id: str) -> str:
    """Show a field on which cells are outlined and split."""
    return draw_page(case_or_404(case_id), image_id)


def chosen_number() -> int:
    """Return the number of the cell that an address or a form names, by itself or in its key; 0 where none does."""
    parts = request.values.get("cell", "").split(".")
    number = parts[1] if len(parts) > 1 else parts[0]
    return int(number) if number.isdecimal() and len(number) < 9 else 0


def draw_page(case: Case, image_id: str, problem: str = "") -> str:
    """Draw the page, with what was wrong with the last shape."""
    detections_or_404(case.id, image_id)
    fields, cells = fields_of(case.id, counting_source(case.id, current_user.lab), only=image_id)
    here = [cell for cell in cells if not cell.redrawn]
    sides = [cell.box[2] - cell.box[0] for cell in here]
    return render_template(
        "cells/draw.html",
        case=case,
        field=fields[0],
        cells=here,
        chosen=chosen_number(),
        diameter=round(float(np.median(sides))) if sides else round(fields[0].width / 12),
        problem=problem,
        may_annotate=case.state != "signed",
    )
