"""The lab's own settings: how its accessions are written."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app import ledger
from app.access import admin
from app.database import writing
from app.lab.blueprint import bp
from app.records import Lab

PATTERN_LENGTH = 64


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
    return render_template("lab/show.html", pattern=current_user.lab.accession_pattern, problem="")


@bp.post("/")
@admin
def save() -> Any:
    """Keep how accessions are written from now on; cases that are there stay as they are."""
    pattern = request.form.get("accession_pattern", "").strip()
    if len(pattern) > PATTERN_LENGTH:
        problem = _("A pattern has at most %(n)s signs.", n=PATTERN_LENGTH)
        return render_template("lab/show.html", pattern=pattern, problem=problem), 400
    lab_id, user_id = current_user.lab_id, current_user.id
    with writing() as session:
        session.get_one(Lab, lab_id).accession_pattern = pattern
        ledger.record(session, "lab.changed", lab=lab_id, actor=user_id, subject=lab_id, pattern=pattern)
    flash(_("Saved."), "info")
    return redirect(url_for("lab.show"))
