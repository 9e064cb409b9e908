"""The lab's own settings: how its accessions are written, and how its cells are counted."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import admin
from app.audit import words
from app.auth.authenticator import ASKED
from app.database import writing
from app.differential.certainty import TARGETS
from app.differential.review_rules import RULES
from app.differential.sources import cell_bundles
from app.lab import counting, settings_changes
from app.lab.blueprint import bp
from app.lab.settings_changes import COUNTING, WRITING, ChangedMeanwhileError
from app.rules import RefusedError
from app.terms import term_lists
from app.terms.term_lists import REVIEW_RULE

PATTERN_LENGTH = 64
MICROSCOPE_LENGTH = 80


def fits(accession: str, pattern: str) -> bool:
    """Say whether an accession is written as the lab writes it: # is a digit, @ a letter, the rest itself."""
    if not pattern:
        return True
    return len(accession) == len(pattern) and all(
        sign.isdecimal() if wanted == "#" else sign.isalpha() if wanted == "@" else sign.casefold() == wanted.casefold()
        for sign, wanted in zip(accession, pattern, strict=True)
    )


@bp.get("/")
@admin
def show() -> str:
    """Show the settings."""
    return settings_page(current_user.lab.accession_pattern)


def settings_page(pattern: str, problem: str = "", wrong: str = "", meanwhile: bool = False) -> str:
    """Draw the page; problem: of the accessions, wrong: of the counting, whose fields keep what was typed.

    meanwhile: because somebody else saved settings, which are then shown beside; a form that was refused for anything
    else rests on what its sender had seen.
    """
    lab = current_user.lab
    changes = {form: settings_changes.last(lab.id, form) for form in (WRITING, COUNTING)}
    newest = {form: change.id if change else 0 for form, change in changes.items()}
    refused = COUNTING if wrong else WRITING
    change = changes[refused] if meanwhile else None
    seen = newest | {refused: newest[refused] if meanwhile else request.form.get("seen", newest[refused])}
    return render_template(
        "lab/show.html",
        pattern=pattern,
        problem=problem,
        wrong=wrong,
        lab=lab,
        typed=request.form if wrong else None,
        bundles=[card.name for card in cell_bundles()],
        default=current_app.config["DEFAULT_CELL_BUNDLE"],
        targets=TARGETS,
        rules=RULES,
        unnamed=counting.UNNAMED_WORDS,
        asked=ASKED,
        seen=seen,
        meanwhile=(change, words.details(change, {})) if change else None,
    )


@bp.post("/")
@admin
def save() -> Any:
    """Keep how accessions are written from now on, and what pictures are taken with; cases stay as they are."""
    pattern, microscope = (request.form.get(name, "").strip() for name in ("accession_pattern", "microscope"))
    second_factor = request.form.get("second_factor", current_user.lab.second_factor)
    if second_factor not in ASKED:
        return settings_page(pattern, _("Choose who is asked for two-factor sign-in.")), 400
    if len(pattern) > PATTERN_LENGTH:
        problem = _("A pattern has at most %(n)s signs.", n=PATTERN_LENGTH)
        return settings_page(pattern, problem), 400
    if len(microscope) > MICROSCOPE_LENGTH:
        problem = _("Microscope and camera have at most %(n)s signs.", n=MICROSCOPE_LENGTH)
        return settings_page(pattern, problem), 400
    lab_id, user_id = current_user.lab_id, current_user.id
    chosen = {"pattern": pattern, "microscope": microscope, "second_factor": second_factor}
    try:
        with writing() as session:
            lab = settings_changes.begin(session, lab_id, WRITING, shown())
            lab.accession_pattern, lab.microscope, lab.second_factor = pattern, microscope, second_factor
            settings_changes.record(session, lab_id, user_id, **chosen)
    except ChangedMeanwhileError as refused:
        return settings_page(pattern, refused.text, meanwhile=True), 409
    flash(_("Saved."), "info")
    return redirect(url_for("lab.show"))


@bp.post("/counting")
@admin
def save_counting() -> Any:
    """Keep how cells are counted from now on; a case is judged by new rules when one of its cells is named next."""
    try:
        chosen = counting.parse(request.form, current_user.lab)
    except RefusedError as refused:
        return settings_page(current_user.lab.accession_pattern, wrong=refused.text), 400
    lab_id, user_id = current_user.lab_id, current_user.id
    try:
        with writing() as session:
            chosen.keep(settings_changes.begin(session, lab_id, COUNTING, shown()))
            term_lists.keep(session, REVIEW_RULE, chosen.rules, lab_id, user_id)
            settings_changes.record(session, lab_id, user_id, **chosen.recorded())
    except ChangedMeanwhileError as refused:
        return settings_page(current_user.lab.accession_pattern, wrong=refused.text, meanwhile=True), 409
    flash(_("Saved."), "info")
    return redirect(url_for("lab.show"))


def shown() -> int | None:
    """Return the number of the change that the sender's page showed as the last; None of a script without a page."""
    return request.form.get("seen", -1, type=int) if "seen" in request.form else None
