"""Pages for what goes wrong: what happened, whether anything was lost, and the next step."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, current_app, jsonify, render_template, request
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException

from app.access import CLINICIANS_ONLY
from app.database import db, is_busy, is_conflict, is_full
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from app.rules import NoKeyError, WaitError
from app.storage.place import SilentError
from app.stored_fields import FieldDamagedError
from app.template_filters import wants_json

log = logging.getLogger("leukolens.errors")

DRAIN_LIMIT = 256 * 2**20  # read at most this much of a body that is refused
DRAIN_CHUNK = 2**20

# code: what happened, what was lost or not, the next step
WORDS = {
    400: (
        _l("This request could not be understood."),
        _l("Nothing was changed."),
        _l("Go back, load the page again and repeat the step."),
    ),
    403: (
        _l("This is for the admins of your lab."),
        _l("Nothing was changed."),
        _l("Ask an admin of your lab to do it."),
    ),
    404: (
        _l("There is nothing at this address."),
        _l("Nothing was changed. It may have been removed, or it belongs to another lab."),
        _l("Look for it in the worklist."),
    ),
    405: (
        _l("This address does not take that kind of request."),
        _l("Nothing was changed."),
        _l("Go back to the worklist."),
    ),
    413: (
        _l("The upload is too large."),
        _l("Nothing of it was stored. Files sent before it are safe."),
        _l("Send fewer files at once, or save the image smaller."),
    ),
    415: (
        _l("This address takes forms, and no other kind of data."),
        _l("Nothing was changed."),
        _l("Send the fields as a form."),
    ),
    429: (
        _l("Too many tries in a short time."),
        _l("Nothing was changed."),
        _l("Wait a minute, then try again."),
    ),
    500: (
        _l("Something went wrong on our side."),
        _l("The step you just took was not saved; everything saved before is safe."),
        _l("Try it once more. If it happens again, tell whoever runs this server at what time it did."),
    ),
    503: (
        _l("The server cannot read images just now."),
        _l("Nothing was stored."),
        _l("Wait a moment and try again."),
    ),
}
CLINICIAN_WORDS = (
    _l("Reviewing and signing is for the clinicians of your lab."),
    _l("Nothing was changed."),
    _l("An admin of your lab can give you that role on the People page."),
)
LINK_WORDS = (
    _l("This link does not work any more: it was used, replaced by a newer one, or is too old."),
    _l("Nothing was changed."),
    _l("Ask an admin of your lab for a new one, or sign in."),
)
BUSY_WORDS = (
    _l("Others are writing just now, and this took too long."),
    _l("The step you just took was not saved; everything saved before is safe."),
    _l("Wait a moment and repeat it."),
)
FULL_WORDS = (
    _l("The disk of this server is full."),
    _l("Nothing of this step was stored; everything saved before is safe."),
    _l("Tell whoever runs this server. Reading, reviewing and signing out go on."),
)
SILENT_WORDS = (
    _l("The store of the pictures does not answer."),
    _l("Nothing of this step was stored; everything saved before is safe."),
    _l("Wait a moment and try again. If it lasts, tell whoever runs this server."),
)
MEANWHILE_WORDS = (
    _l("Somebody else changed the same thing in the same instant."),
    _l("The step you just took was not saved; everything saved before is safe."),
    _l("Load the page again to see how it stands now, and repeat the step if it is still due."),
)
BUSY_SECONDS = 5  # after which to try again
CSRF_WORDS = (
    _l("This form was open for too long, or it did not come from this site."),
    _l("Nothing was changed."),
    _l("Load the page again, sign in if it asks, and repeat the step."),
)


def init_app(app: Flask) -> None:
    """Answer every failure with a page in the frame, or with JSON to a script."""
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(CSRFError, stale_form)
    app.register_error_handler(413, too_large)
    app.register_error_handler(WaitError, too_early)
    app.register_error_handler(NoKeyError, keyless)
    app.register_error_handler(EngineBusyError, busy)
    app.register_error_handler(BundleUnusableError, unusable)
    app.register_error_handler(FieldDamagedError, damaged)
    app.register_error_handler(OperationalError, database_failed)
    app.register_error_handler(IntegrityError, meanwhile)
    app.register_error_handler(OSError, disk_failed)
    app.register_error_handler(SilentError, store_silent)
    app.register_error_handler(500, failed)


def answer(code: int, words: Any, headers: dict[str, str] | None = None) -> Any:
    """Write the three sentences for whoever asked."""
    happened, lost, step = (str(part) for part in words)
    if wants_json():
        return jsonify(error=f"{happened} {lost} {step}"), code, headers or {}
    page = render_template("error.html", code=code, happened=happened, lost=lost, step=step)
    return page, code, headers or {}


def refused(error: HTTPException) -> Any:
    """Answer a refusal in our words; redirects and the like pass as they are."""
    code = error.code or 500
    if code < 400:
        return error
    headers = {"Retry-After": "60"} if code == 429 else {}
    if error.description == CLINICIANS_ONLY:
        return answer(403, CLINICIAN_WORDS)
    if error.description == "link":
        return answer(404, LINK_WORDS)
    return answer(code, WORDS.get(code, WORDS[400 if code < 500 else 500]), headers)


def stale_form(_error: CSRFError) -> Any:
    """Refuse a form without a valid token."""
    return answer(400, CSRF_WORDS)


def too_large(_error: HTTPException) -> Any:
    """Refuse a body over the limit, reading on so that the browser gets to see the answer."""
    remaining = min(request.content_length or 0, DRAIN_LIMIT)
    stream = request.environ["wsgi.input"]
    while remaining > 0 and (chunk := stream.read(min(DRAIN_CHUNK, remaining))):
        remaining -= len(chunk)
    limit = current_app.config["MAX_UPLOAD_BYTES"] // 2**20
    happened = _l("The upload is too large: this server takes up to %(limit)s MB at once.", limit=limit)
    return answer(413, (happened, *WORDS[413][1:]))


def too_early(error: WaitError) -> Any:
    """Tell somebody when the next password may be tried."""
    step = _l("If the password is lost, ask an admin of your lab for a one-time link.")
    return answer(429, (error.text, WORDS[429][1], step), {"Retry-After": str(error.seconds)})


def keyless(error: NoKeyError) -> Any:
    """Say that this server cannot sign, and who can help."""
    step = _l("Tell whoever runs this server: `init` makes the key.")
    return answer(503, (error.text, WORDS[400][1], step))


def busy(error: EngineBusyError) -> Any:
    """Tell a browser when to come back."""
    words = (error.text, *WORDS[503][1:])
    return answer(503, words, {"Retry-After": str(error.retry_after)})


def unusable(error: BundleUnusableError) -> Any:
    """Say that the lab's model cannot read, and who can help."""
    step = _l("An admin of your lab can activate another model on the Models page.")
    return answer(503, (error.text, WORDS[503][1], step))


def damaged(error: FieldDamagedError) -> Any:
    """Say that a stored picture is damaged on the disk; what people wrote of it is not."""
    lost = _l("What was read and written about it is safe.")
    step = _l("Tell whoever runs this server, or upload the same file to the case again.")
    return answer(410, (error.text, lost, step))


def database_failed(error: OperationalError) -> Any:
    """Tell a browser when to come back where others hold the database; anything else is a fault of ours."""
    db.session.rollback()
    if is_full(error):
        return answer(507, FULL_WORDS)
    if not is_busy(error):
        raise error
    return answer(503, BUSY_WORDS, {"Retry-After": str(BUSY_SECONDS)})


def meanwhile(error: IntegrityError) -> Any:
    """Refuse what contradicts a row that somebody else wrote or removed meanwhile; anything else is a fault of ours."""
    db.session.rollback()
    if not is_conflict(error):
        raise error
    log.warning("a step was refused by a rule of the database")  # which names the row's values: they stay out of logs
    return answer(409, MEANWHILE_WORDS)


def disk_failed(error: OSError) -> Any:
    """Say so where the disk is full; anything else is a fault of ours."""
    db.session.rollback()
    if not is_full(error):
        raise error
    return answer(507, FULL_WORDS)


def store_silent(_error: SilentError) -> Any:
    """Tell a browser when to come back where the store of the pictures does not answer."""
    db.session.rollback()
    return answer(503, SILENT_WORDS, {"Retry-After": str(BUSY_SECONDS)})


def failed(error: Exception) -> Any:
    """Answer a fault of ours; the log has the details, the page has none."""
    db.session.rollback()
    # The session is saved after the view, where only this handler is asked.
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, OperationalError) and (is_busy(cause) or is_full(cause)):
        return database_failed(cause)
    return answer(500, WORDS[500])
