"""The cells page: every leukocyte of a case's fields, cut out; read by a bundle for cells, and named by people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import case_or_404, clinician, member
from app.cases.summary import brief_readings, pooled
from app.cells import classification, comparison, outlines, vocabulary
from app.cells.annotations import AnnotatedMeanwhileError, annotate, parse_cells, parse_choice
from app.cells.blueprint import bp
from app.cells.differential import differential
from app.cells.layout import ORDERS, Cell, Group, fields_of, groups
from app.inference import job_queue, jobs
from app.inference.loaded_bundles import BundleUnusableError
from app.records import Case
from app.rules import RefusedError
from smear.rendering import crop_sheet

PAGE = 240  # cells on one page
PART = "X-Part"  # the page's script asks for the part of a page that changes


@dataclass(frozen=True)
class View:
    """How the page is looked at, as in its address."""

    bundle: str
    order: str
    field: int
    page: int

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
    """Show the cells of a case."""
    return cells_page(case_or_404(case_id))


def cells_page(case: Case, problem: str = "", selected: set[str] | None = None) -> str:
    """Draw the page, or for the page's script the part of it that changes; `selected` cells stay selected."""
    view = View.read()
    known = vocabulary.sources(case.id)
    source = vocabulary.chosen(known, view.bundle)
    labels = vocabulary.labels_of(source)
    fields, cells = fields_of(case.id, source)
    shown = [cell for cell in cells if view.field in (0, cell.field.place)]
    pages = max(1, -(-len(shown) // PAGE))
    arranged = groups(shown, view.order, labels)
    fields_side = next(iter(pooled(brief_readings(case.id))), None)
    leading, ids = (fields_side.leading, {label.id for label in fields_side.labels}) if fields_side else (None, set())
    side = comparison.cell_side(cells, labels)
    part = request.headers.get(PART) == "cells"
    return render_template(
        "cells/_cells.html" if part else "cells/show.html",
        case=case,
        view=view,
        sources=known,
        nobody=vocabulary.NOBODY,
        source=source,
        labels=labels,
        reasons=vocabulary.REASONS,
        fields=fields,
        total=len(cells),
        unread=sum(one.cell_reading is None for one in fields),
        groups=on_page(arranged, min(view.page, pages)),
        page=min(view.page, pages),
        pages=pages,
        table=differential(cells, labels),
        side=side,
        fields_side=fields_side,
        contradiction=comparison.contradiction(leading, ids, side, labels),
        lines=comparison.lines(fields, cells, labels) if source else [],
        sheet_size=crop_sheet.size,
        tile=crop_sheet.TILE,
        problem=problem,
        selected=selected or set(),
        without_outlines=len(outlines.without_outlines(case.id)),
        jobs=job_queue.newest(case.id, (classification.KIND, outlines.KIND)),
        may_annotate=current_user.is_clinician and case.state != "signed",
        intended_use=vocabulary.intended_use(source),
    )


def on_page(arranged: list[Group], page: int) -> list[tuple[Group, list[Cell]]]:
    """Return the groups that are on a page, each with those of its cells that are."""
    found, place = [], 0
    start, end = (page - 1) * PAGE, page * PAGE
    for group in arranged:
        there = group.cells[max(0, start - place) : max(0, end - place)]
        place += len(group.cells)
        if there:
            found.append((group, there))
    return found


@bp.post("/cases/<case_id>/cells/annotations")
@clinician
def name_cells(case_id: str) -> Any:
    """Take down what a person says of the selected cells; a second person who was slower is told."""
    case, view = case_or_404(case_id), View.read()
    part = request.headers.get(PART) == "cells"
    keys = request.form.getlist("cell")
    chosen = {key.rpartition(".")[0] for key in keys}
    labels = vocabulary.labels_of(vocabulary.chosen(vocabulary.sources(case_id), view.bundle))
    try:
        choice = parse_choice(request.form.get("choice", ""), labels)
        annotate(case, parse_cells(keys), choice, current_user)
    except RefusedError as refused:
        return cells_page(case_or_404(case_id), refused.text, chosen), 400
    except AnnotatedMeanwhileError as changed:
        return cells_page(case_or_404(case_id), meanwhile(case_id, changed), chosen), 409
    return cells_page(case_or_404(case_id)) if part else redirect(view.address(case_id))


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
        "Somebody was quicker, and nothing of yours was saved or written over. Meanwhile: %(what)s. The cells are still"
        " selected: press the key once more to save yours after it.",
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
