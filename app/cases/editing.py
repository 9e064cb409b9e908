"""The page on which a clinician corrects what is written down of a case."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import case_or_404, clinician
from app.cases.blueprint import bp
from app.cases.details import FIELDS, CorrectedMeanwhileError, Details, correct, last_correction
from app.cases.forms import STAINS, CorrectionForm
from app.records import SEXES, SPECIMENS, Case
from app.rules import RefusedError, refuse_signed

SEEN = "seen_"  # before the name of a field: what stood there when the page was drawn


@bp.get("/cases/<case_id>/details")
@clinician
def edit(case_id: str) -> Any:
    """Show what is written down, to be corrected."""
    case = case_or_404(case_id)
    present = Details.of(case)
    try:
        refuse_signed(case)
    except RefusedError as refused:
        return edit_page(case, CorrectionForm(present, obj=case), present, refused.text)
    return edit_page(case, CorrectionForm(present, obj=case), present)


@bp.post("/cases/<case_id>/details")
@clinician
def save_details(case_id: str) -> Any:
    """Keep the corrections, unless the case was signed or corrected meanwhile."""
    case = case_or_404(case_id)
    form = CorrectionForm(Details.of(case), obj=case)
    original = Details.written({name: request.form.get(SEEN + name) for name in FIELDS})
    if not form.validate_on_submit() or form.warn():
        return edit_page(case, form, original), 400
    try:
        changed = correct(case, original, Details.written(form.data), current_user, form.patient.data or "")
    except CorrectedMeanwhileError:
        return meanwhile(case_or_404(case_id), form, original)
    except RefusedError as refused:
        return edit_page(case_or_404(case_id), form, original, refused.text), 409
    flash(_("The details were corrected.") if changed else _("Nothing was changed."), "info")
    return redirect(url_for("cases.show", case_id=case_id))


def meanwhile(case: Case, form: CorrectionForm, original: Details) -> Any:
    """Tell the second of two people what the first changed; what they typed stands ready to be saved after it."""
    present, typed = Details.of(case), Details.written(form.data)
    changes = [
        [form[name].label.text, *(words(name, details) for details in (original, present, typed))]
        for name in present.differing(original)
    ]
    return edit_page(case, form, present, changes=changes), 409


def edit_page(
    case: Case, form: CorrectionForm, original: Details, problem: str = "", changes: list[list[str]] | None = None
) -> str:
    """Draw the form, with what was typed, what is wrong with it and what somebody else changed."""
    return render_template(
        "cases/edit.html",
        case=case,
        form=form,
        stains=STAINS,
        seen={SEEN + name: getattr(original, name) for name in FIELDS},
        problem=problem,
        changes=changes,
        corrected=last_correction(case) if changes else None,
        closed=case.state == "signed" and request.method == "GET",
    )


def words(name: str, details: Details) -> str:
    """Write a field's value for people."""
    value = str(getattr(details, name))
    known = {"specimen": SPECIMENS, "sex": SEXES}.get(name, {})
    return _(known[value]) if value in known else value or "–"
