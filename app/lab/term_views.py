"""The page of a lab's own terms."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import admin
from app.differential.classes import CLASSES
from app.lab import term_forms
from app.lab.blueprint import bp
from app.records import TermList
from app.rules import RefusedError
from app.terms import term_lists
from app.terms.term_lists import DIAGNOSIS, KINDS, Term

SPARE = 3  # empty rows at the end of a table


@bp.get("/terms")
@admin
def show_terms() -> str:
    """Show every list as it is now, and the versions before."""
    return terms_page()


def terms_page(refused: str = "", problem: str = "", changed: bool = False) -> str:
    """Draw the page; `refused`: the kind of the list that could not be saved, whose fields keep what was typed.

    changed: because somebody else saved that list meanwhile, which is then shown beside.
    """
    lab_id = current_user.lab_id
    newest = {kind: term_lists.newest(lab_id, kind) for kind in KINDS}
    chosen = {kind: term_lists.terms_in(row) for kind, row in newest.items()}
    return render_template(
        "lab/terms.html",
        kinds=KINDS,
        titles=term_forms.TITLES,
        lengths=term_forms.LENGTHS,
        meaning_length=term_forms.MEANING_LENGTH,
        seen={kind: row.version if row else 0 for kind, row in newest.items()},
        rows={kind: rows_of(kind, newest[kind], kind == refused) for kind in term_forms.TABLES},
        lines={
            kind: request.form.get("lines", "") if kind == refused else "\n".join(term.name for term in chosen[kind])
            for kind in KINDS
        },
        meanwhile=(newest[refused], chosen[refused]) if changed and newest[refused] else None,
        started=bool(newest[DIAGNOSIS]),
        classes=CLASSES,
        versions=[(row, term_lists.terms_in(row)) for row in term_lists.versions(lab_id)],
        refused=refused,
        problem=problem,
    )


def rows_of(kind: str, row: TermList | None, typed: bool) -> list[dict[str, str]]:
    """Return the rows of a table with some empty ones after them; what was typed where that could not be saved.

    A lab that has no diagnoses of its own begins with those of the models.
    """
    if typed:
        return term_forms.rows_in(request.form)
    chosen = term_lists.terms_in(row)
    if kind == DIAGNOSIS and row is None:
        chosen = [Term(label.id, label.name, label.meaning) for label in term_forms.field_labels()]
    return [term_forms.row_of(term) for term in (*chosen, *[Term("", "")] * SPARE)]


@bp.post("/terms/<kind>")
@admin
def save_terms(kind: str) -> Any:
    """Keep a list as its next version."""
    if kind not in KINDS:
        abort(404)
    version = request.form.get("seen", -1, type=int)
    try:
        ever = [term for row in term_lists.versions(current_user.lab_id, kind) for term in term_lists.terms_in(row)]
        chosen = term_forms.parse(kind, request.form, ever)
    except RefusedError as refused:
        return terms_page(kind, refused.text), 400
    try:
        row = term_lists.save(kind, chosen, version, current_user)
    except RefusedError as refused:
        return terms_page(kind, refused.text, changed=True), 409
    title = term_forms.TITLES[kind]
    if row:
        flash(_("%(list)s: saved as version %(n)s.", list=title, n=row.version), "info")
    else:
        flash(_("%(list)s: nothing changed.", list=title), "info")
    return redirect(url_for("lab.show_terms", _anchor=kind))
