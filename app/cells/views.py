"""The cells page: every leukocyte of a case's fields, cut out; read by a bundle for cells, and named by people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import case_or_404, clinician, member
from app.cells import cells_page, outlines, vocabulary
from app.cells.annotations import CONFIRM, Act, AnnotatedMeanwhileError, annotate, confirmed, parse_cells, parse_choice
from app.cells.blueprint import bp
from app.cells.layout import ORDERS
from app.differential import classification
from app.differential.cells import exclusion_reasons, fields_of
from app.inference import jobs
from app.inference.loaded_bundles import BundleUnusableError
from app.records import Case
from app.rules import RefusedError

PART = "X-Part"  # the page's script asks for the part of a page that changes
ACTS = 200  # in one request


@dataclass(frozen=True)
class View:
    """How the page is looked at, as in its address."""

    bundle: str
    order: str
    field: int
    page: int

    @property
    def source(self) -> str | None:
        """Return the source that the address names."""
        return self.bundle or None

    @classmethod
    def read(cls) -> View:
        """Read it from the address or, after a form was sent, from the form."""
        values = request.values
        order = values.get("order", "")
        return cls(
            bundle=values.get("bundle", ""),
            order=order if order in ORDERS else ORDERS[0],
            field=max(0, values.get("field", 0, type=int)),
            page=max(1, values.get("page", 1, type=int)),
        )

    def address(self, case_id: str, **changes: Any) -> str:
        """Return the address of the page looked at in this way, or with changes."""
        wanted: dict[str, Any] = {
            "bundle": self.bundle,
            "order": self.order,
            "field": self.field,
            "page": self.page,
        } | changes
        plain: dict[str, Any] = {"bundle": "", "order": ORDERS[0], "field": 0, "page": 1}
        return url_for("cells.show", case_id=case_id, **{k: v for k, v in wanted.items() if v != plain[k]})


@bp.get("/cases/<case_id>/cells")
@member
def show(case_id: str) -> Any:
    """Show the cells of a case; for the page's script all of them, as data."""
    case = case_or_404(case_id)
    if request.headers.get(PART) == "cells":
        return jsonify(cells_page.whole(case, View.read(), current_user))
    return drawn(case)


def drawn(case: Case, problem: str = "", selected: set[str] | None = None) -> str:
    """Draw the page; `selected` cells stay selected."""
    view = View.read()
    return render_template(
        "cells/show.html",
        view=view,
        problem=problem,
        selected=selected or set(),
        **cells_page.page_of(case, view, current_user),
    )


@bp.post("/cases/<case_id>/cells/annotations")
@clinician
def name_cells(case_id: str) -> Any:
    """Take down what a person says of the selected cells; a second person who was slower is told.

    The page's script sends many acts at once, as `acts`, and gets the cells as they are now.
    """
    case, view = case_or_404(case_id), View.read()
    script = request.headers.get(PART) == "changes"
    chosen = {".".join(key.split(".")[:2]) for key in keys_sent()}
    code, problem = 200, ""
    try:
        annotate(case, acts_sent(case, view), current_user)
    except RefusedError as refused:
        code, problem = 400, refused.text
    except AnnotatedMeanwhileError as changed:
        code, problem = 409, meanwhile(case_id, changed)
    case = case_or_404(case_id)
    if script:
        return jsonify(problem=problem, **cells_page.changes(case, view, chosen, current_user)), code
    return redirect(view.address(case_id)) if code == 200 else (drawn(case, problem, chosen), code)


def acts_in(text: str) -> list[dict[str, Any]]:
    """Return the acts that the page's script sent as JSON; RefusedError where they are none."""
    try:
        acts = json.loads(text)
    except (ValueError, RecursionError):  # the latter of brackets within brackets
        acts = None
    if (
        not isinstance(acts, list)
        or not 0 < len(acts) <= ACTS
        or not all(
            isinstance(act, dict)
            and isinstance(act.get("choice"), str)
            and isinstance(act.get("cells"), list)
            and all(isinstance(key, str) for key in act["cells"])
            for act in acts
        )
    ):
        raise RefusedError(_("This page does not know one of the cells. Load it again; nothing was changed."))
    return acts


def keys_sent() -> list[str]:
    """Return the cells that a request is about, as they were sent."""
    if text := request.form.get("acts"):
        try:
            return [key for act in acts_in(text) for key in act["cells"]]
        except RefusedError:
            return []
    return request.form.getlist("cell")


def acts_sent(case: Case, view: View) -> list[Act]:
    """Read what a person says of which cells; RefusedError where a part of it is nothing."""
    text = request.form.get("acts")
    plain: dict[str, Any] = {"choice": request.form.get("choice", ""), "cells": request.form.getlist("cell")}
    entries = acts_in(text) if text else [plain]
    source = vocabulary.chosen(case.id, vocabulary.sources(case.id), view.source, current_user.lab)
    labels = vocabulary.classes(source, case.lab_id)
    reasons = exclusion_reasons(case.lab_id)
    acts: list[Act] = []
    for entry in entries:
        if entry["choice"] == CONFIRM:
            acts += confirmed(parse_cells(entry["cells"]), fields_of(case.id, source)[1], labels)
        else:
            choice = parse_choice(entry["choice"], labels, reasons)
            acts.append(Act(choice, parse_cells(entry["cells"])))
    return acts


def meanwhile(case_id: str, changed: AnnotatedMeanwhileError) -> str:
    """Say who named which cells before; what the second person chose can be sent again after it."""
    _fields, cells = fields_of(case_id, None)
    newer = {(row.image_id, row.number) for row in changed.newer}
    changes = [
        _(
            "cell %(cell)s: %(words)s (%(who)s)",
            cell=cell.name,
            words=cell.person_words or _("taken back"),
            who=cell.newest.made_by.shown_name,
        )
        for cell in cells
        if (cell.field.image_id, cell.number) in newer and cell.newest
    ]
    return _(
        "Somebody was quicker, and nothing of yours was saved or written over. Meanwhile: %(what)s. Name the cells once"
        " more to save yours after it.",
        what="; ".join(changes[:8]) + (" …" if len(changes) > 8 else ""),
    )


@bp.post("/cases/<case_id>/cells/readings")
@clinician
def read(case_id: str) -> Any:
    """Let a bundle read the cells of the fields that it has not read yet, as a job."""
    case, view = case_or_404(case_id), View.read()
    name = request.form.get("reader", "")
    if name not in {source.name for source in vocabulary.sources(case_id) if source.state == "usable"}:
        flash(_("Choose a model that reads single cells."), "error")
        return redirect(view.address(case_id))
    try:
        if classification.read_case(case, name, current_user) is None:
            flash(_("%(model)s has read the cells of every field.", model=name), "info")
    except (RefusedError, BundleUnusableError) as refused:
        flash(refused.text, "error")
        return redirect(view.address(case_id))
    return redirect(view.address(case_id, page=1, bundle="" if view.bundle == vocabulary.NOBODY else view.bundle))


@bp.post("/cases/<case_id>/cells/outlines")
@clinician
def outline(case_id: str) -> Any:
    """Outline the leukocytes of fields that an older version left without, as a job."""
    case = case_or_404(case_id)
    try:
        jobs.submit(outlines.KIND, case, outlines.without_outlines(case_id), current_user)
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("cells.show", case_id=case_id))
