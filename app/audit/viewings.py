"""Recording who looked at which case, picture and report, and who searched: after the answer, and once for a while.

What was searched for is not kept: it may be a name.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from flask import Flask, Response, current_app, request
from flask_babel import lazy_gettext as _l
from flask_security import current_user
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import OperationalError

from app.database import db, is_busy, is_full, own_transaction
from app.records import Reading, SmearImage, Viewing, now

log = logging.getLogger("leukolens.viewings")

AGAIN = timedelta(minutes=10)  # within which a person who opens the same thing again is not recorded again
KINDS = {
    "case": _l("case"),
    "image": _l("image"),
    "report": _l("report"),
    "search": _l("search in the worklist"),
    "ledger": _l("audit page"),
}
# What each address shows, by its endpoint; every address of a case, an image or a reading is here or in UNRECORDED.
SHOWN = {
    **dict.fromkeys(("cases.show", "cases.edit", "signing.sign", "cells.show"), "case"),
    **dict.fromkeys(("reading.read", "reading.pixels", "reading.view", "reading.overlay"), "image"),
    **dict.fromkeys(("reviews.read", "cells.cell", "cells.crops", "cells.evidence", "cells.draw"), "image"),
    "report.show": "report",
    "worklist.show": "search",
    **dict.fromkeys(("audit.show", "audit.show_viewings"), "ledger"),
}
# Small pictures stand on the page of their case; progress shows no more than a number; what is sent as a file is in the
# ledger; the first blind page leads on to another.
UNRECORDED = {
    *("reading.thumbnail", "cases.job_progress", "cases.job_events", "report.download", "reviews.begin"),
    *("cells.as_csv", "cells.as_json"),
    *("moved_0", "moved_1", "moved_2"),
}


def init_app(app: Flask) -> None:
    """Record after every answer that showed something."""
    app.after_request(record)


def record(response: Response) -> Response:
    """Record what a person was shown; where the database cannot be written for long, the log says that it was not."""
    kind = SHOWN.get(request.endpoint or "")
    wanted = current_app.config["VIEWING_DAYS"] > 0 and request.method == "GET" and response.status_code in (200, 304)
    if not kind or not wanted or not current_user.is_authenticated or (kind == "search" and not request.args.get("q")):
        return response
    try:
        keep(kind, dict(request.view_args or {}), current_user.id, current_user.lab_id)
    except OperationalError as error:
        if not (is_busy(error) or is_full(error)):
            raise
        log.error("a viewing was not recorded: %s", "others were writing" if is_busy(error) else "the disk is full")
    return response


def keep(kind: str, values: dict[str, Any], person_id: int, lab_id: int) -> None:
    """Add a row, unless the person was recorded with the same thing a moment ago."""
    case_id, subject = of_address(kind, values)
    recent = select(Viewing.id).where(
        Viewing.person_id == person_id,
        Viewing.kind == kind,
        Viewing.subject_id == subject,
        Viewing.at > now() - AGAIN,
    )
    db.session.rollback()  # of what was only read: the newest rows count
    if kind != "search" and db.session.scalar(recent.limit(1)) is not None:
        return
    db.session.rollback()
    row = {"lab_id": lab_id, "person_id": person_id, "kind": kind, "subject_id": subject, "case_id": case_id}
    with own_transaction(db.engine) as connection:
        connection.execute(insert(Viewing).values(at=now(), **row))


def of_address(kind: str, values: dict[str, Any]) -> tuple[str, str]:
    """Return the case and the id of what an address shows."""
    image_id = values.get("image_id", "")
    if "reading_id" in values:
        image_id = db.session.scalar(select(Reading.image_id).where(Reading.id == values["reading_id"])) or ""
    case_id = values.get("case_id", "")
    if image_id and not case_id:
        case_id = db.session.scalar(select(SmearImage.case_id).where(SmearImage.id == image_id)) or ""
    if kind == "report":
        return case_id, f"{case_id} version {values['version']}"
    return case_id, image_id or case_id


def forget() -> int:
    """Remove what is older than the lab keeps it, and return how many rows that were."""
    oldest = now() - timedelta(days=max(0, current_app.config["VIEWING_DAYS"]))
    with own_transaction(db.engine) as connection:
        return connection.execute(delete(Viewing).where(Viewing.at < oldest)).rowcount


def newest(
    lab_id: int, case_ids: list[str] | None, person_id: int | None, before: int | None, limit: int
) -> list[Viewing]:
    """Return a lab's rows, newest first: of cases, of a person and before a row where these are given."""
    query = select(Viewing).where(Viewing.lab_id == lab_id)
    if case_ids is not None:
        query = query.where(Viewing.case_id.in_(case_ids))
    if person_id is not None:
        query = query.where(Viewing.person_id == person_id)
    if before is not None:
        query = query.where(Viewing.id < before)
    return list(db.session.scalars(query.order_by(Viewing.id.desc()).limit(limit)))
