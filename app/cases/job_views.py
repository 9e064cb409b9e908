"""Jobs of a case: begun, told of as they happen (server-sent events), and stopped by whoever does not want them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from flask import Response, abort, flash, jsonify, redirect, request, stream_with_context, url_for
from flask_babel import gettext as _
from flask_security import current_user
from sqlalchemy import select

from app.access import case_or_404, lead_away_if_blind, member
from app.cases import opinions
from app.cases.blueprint import bp
from app.database import db
from app.inference import job_queue, jobs
from app.inference.loaded_bundles import BundleUnusableError
from app.records import UNFINISHED, Job
from app.rules import RefusedError
from app.template_filters import wants_json

LISTENERS = threading.BoundedSemaphore(4)  # each holds one of the server's threads; those beyond come back and ask
LISTEN_SECONDS = 20.0  # then the browser comes back by itself
RETRY_MILLISECONDS = 1500


def job_or_404(job_id: str) -> Job:
    """Return a job of the person's own lab; one of the whole lab is its admins'."""
    job = db.session.scalar(select(Job).where(Job.id == job_id, Job.lab_id == current_user.lab_id)) or abort(404)
    if job.case_id is None and not current_user.is_admin:
        abort(404)
    if job.case_id is not None:
        lead_away_if_blind(job.case_id)
    return job


@bp.get("/jobs/<job_id>")
@member
def job_progress(job_id: str) -> Any:
    """Tell a script how far a job has come."""
    return asdict(job_queue.progress(job_or_404(job_id)))


@bp.get("/jobs/<job_id>/events")
@member
def job_events(job_id: str) -> Response:
    """Tell a browser how far a job has come, now and at each change until it is finished or a while has passed."""
    job_or_404(job_id)
    listening = LISTENERS.acquire(blocking=False)
    response = Response(stream_with_context(events(job_id, listening)), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front must not wait for more
    if listening:
        response.call_on_close(LISTENERS.release)
    return response


def events(job_id: str, listening: bool) -> Iterator[str]:
    """Yield the job's progress whenever it changes; once where too many listen already."""
    end = time.monotonic() + (LISTEN_SECONDS if listening else 0)
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    before = None
    while True:
        job = db.session.get(Job, job_id, populate_existing=True)
        if job is None:
            return
        now = job_queue.progress(job)
        db.session.rollback()  # hold no transaction open while nothing happens
        if now != before:
            yield f"data: {json.dumps(asdict(now), ensure_ascii=False)}\n\n"
            before = now
        if now.state not in UNFINISHED or time.monotonic() > end:
            return
        jobs.runner().wait(1.0)


@bp.post("/jobs/<job_id>/cancel")
@member
def cancel_job(job_id: str) -> Any:
    """Stop a job; what it has done stays."""
    job = job_or_404(job_id)
    if job.unfinished:
        jobs.cancel(job_id)
        flash(_("Stopped. What was done until now is kept."), "info")
    home = url_for("cases.show", case_id=job.case_id) if job.case_id else url_for("worklist.show")
    return redirect(same_site(request.form.get("back", "")) or home)


def same_site(path: str) -> str:
    """Return a path of this site, or nothing for any other address."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else ""


@bp.post("/cases/<case_id>/readings")
@member
def read_case(case_id: str) -> Any:
    """Let another bundle read every image of a case, as a job."""
    case = case_or_404(case_id)
    name = request.form.get("bundle", "")
    try:
        if name not in opinions.offered(case_id):
            raise RefusedError(_("Choose a model that has not read all images of this case yet."))
        job = opinions.read_case(case, name, current_user)
    except (RefusedError, BundleUnusableError) as refused:
        if wants_json():
            return jsonify(error=refused.text), 409
        flash(refused.text, "error")
    else:
        if wants_json():
            return jsonify(job=job), 201
    return redirect(url_for("cases.show", case_id=case_id))
