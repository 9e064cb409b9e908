"""The page of what the lab labelled, for its admins: how much there is, what is left out, and an export to fetch."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import select

from app.access import admin, blind_cases
from app.database import db
from app.inference import lab_jobs
from app.inference.engine import engine
from app.inference.loaded_bundles import published
from app.records import Job, places_of
from app.reviewed import choice as choices
from app.reviewed import exporting
from app.reviewed.blueprint import bp
from app.reviewed.choice import Choice
from app.reviewed.labels import REASONS, labels
from app.rules import RefusedError

LISTED = 50  # of what is left out


@bp.get("/")
@admin
def show() -> str:
    """Show what is labelled, and what is left out of it."""
    return labels_page()


def labels_page(problem: str = "") -> str:
    """Draw the page, with why an export was refused."""
    labelled, left = labels(current_user.lab_id, Choice())
    # What somebody said of a case is not for who reads it blind.
    hidden = blind_cases()
    left = [item for item in left if item.image.case_id not in hidden]
    tables = {}
    for kind in choices.KINDS:
        own = [item for item in labelled if item.kind == kind]
        if own:
            names = {item.label: item.name for item in own}
            counted = [(names[label], n) for label, n in Counter(item.label for item in own).most_common()]
            tables[kind] = counted, len({item.group for item in own})
    exported = lab_jobs.newest_done(current_user.lab_id, exporting.KIND)
    return render_template(
        "reviewed/show.html",
        tables=tables,
        left=left[:LISTED],
        places=places_of(db.session, (item.image.id for item in left[:LISTED])),
        more=max(0, len(left) - LISTED),
        reasons=REASONS,
        models=[name for name, card, _text in published(engine().folder) if card],
        jobs=lab_jobs.newest_progress(current_user.lab_id, exporting.KIND),
        made=exported if exported and exporting.archive(exported.lab_id, exported.id).is_file() else None,
        problem=problem,
    )


@bp.post("/export")
@admin
def export() -> Any:
    """Begin to write an archive of what is labelled."""
    try:
        lab_jobs.submit(exporting.KIND, current_user, choices.from_form(request.form).text())
    except RefusedError as refused:
        return labels_page(refused.text), 400
    flash(_("The export is being written."), "info")
    return redirect(url_for("reviewed.show"))


@bp.get("/exports/<job_id>.zip")
@admin
def archive(job_id: str) -> Any:
    """Send the archive that a job wrote; that it was made is in the ledger."""
    query = select(Job).where(Job.id == job_id, Job.lab_id == current_user.lab_id, Job.kind == exporting.KIND)
    job = db.session.scalar(query) or abort(404)
    path = exporting.archive(job.lab_id, job.id)
    if job.state != "done" or not path.is_file():
        abort(404)
    name = f"labels-{job.ended_at:%Y-%m-%d}.zip" if job.ended_at else "labels.zip"
    return send_file(path, mimetype="application/zip", as_attachment=True, download_name=name)
