"""The worklist as filtered, as CSV and JSON: written while it is read, so that its length does not matter."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from flask import Response, request, stream_with_context
from flask_security import current_user
from sqlalchemy.orm import selectinload

from app import ledger
from app.access import blind_cases, member
from app.database import db, writing
from app.differential.content import brief, model_of
from app.records import Case, Signature, now
from app.template_filters import harmless
from app.worklist.blueprint import bp
from app.worklist.filters import Filters
from app.worklist.rows import lines

BATCH = 500
COLUMNS = (
    "accession",
    "specimen",
    "stain",
    "microscope",
    "notes",
    "opened",
    "state",
    "version",
    "diagnosis",
    "signed_by",
    "signed_at",
    "images",
    "reviewed",
    "disagreements",
    "suggestions",
    "uncertain",
    "unsure",
    "unfamiliar",
    "not_gradable",
    "models",
    "example",
    "attention",
    "told",
    "counted",
    "differential",
    "named_by",
    "cell_model",
)


@bp.get("/worklist.csv")
@member
def as_csv() -> Response:
    """Send every case that the filters let through as CSV."""
    return send(csv_lines, "text/csv", "csv")


@bp.get("/worklist.json")
@member
def as_json() -> Response:
    """Send every case that the filters let through as a JSON list."""
    return send(json_lines, "application/json", "json")


def send(write: Any, mimetype: str, suffix: str) -> Response:
    """Record who downloads the list, and send it."""
    filters = Filters.read(request.args)
    lab_id, user_id, hidden = current_user.lab_id, current_user.id, blind_cases()
    with writing() as session:
        # Which filters, but not what was searched for: that may be a name.
        used = sorted(filters.asked)
        ledger.record(session, "worklist.exported", lab=lab_id, actor=user_id, subject=suffix, filters=used)
    response = Response(stream_with_context(write(rows(filters, lab_id, hidden))), mimetype=mimetype)
    response.headers["Content-Disposition"] = f"attachment; filename=worklist-{now():%Y-%m-%d}.{suffix}"
    return response


def rows(filters: Filters, lab_id: int, hidden: set[str]) -> Iterator[dict[str, Any]]:
    """Read the cases a batch at a time, in the order of the page."""
    query = filters.query(lab_id).where(Case.id.not_in(hidden)).options(selectinload(Case.signatures)).limit(BATCH)
    batch = list(db.session.scalars(query))
    while batch:
        yield from (row(line.case, line.labels, line.bundles) for line in lines(batch))
        cursor = filters.cursor(batch[-1])
        db.session.expunge_all()  # or a hundred thousand cases would stay in memory
        batch = list(db.session.scalars(filters.after(query, cursor)))


def row(case: Case, labels: list[tuple[str, int, float | None]], bundles: list[str]) -> dict[str, Any]:
    """Sum up a case: what people decided before what was suggested."""
    signed: Signature | None = case.signatures[-1] if case.signatures and case.state == "signed" else None
    return {
        "accession": case.accession,
        "specimen": case.specimen,
        "stain": case.stain,
        "microscope": case.microscope,
        "notes": case.notes,
        "opened": case.created_at.isoformat(),
        "state": case.state,
        "version": case.version,
        "diagnosis": signed.content["diagnosis"]["name"] if signed else None,
        "signed_by": signed.content["signed"]["by"] if signed else None,
        "signed_at": signed.signed_at.isoformat() if signed else None,
        "images": case.image_count,
        "reviewed": case.reviewed_count,
        "disagreements": case.disagreement_count,
        "suggestions": {name: number for name, number, _confidence in labels},
        "uncertain": case.uncertain_count,  # both of the next two, as before they were told apart
        "unsure": case.unsure_count,
        "unfamiliar": case.unfamiliar_count,
        "not_gradable": case.not_gradable_count,
        "models": bundles,
        "example": case.example,
        "attention": case.attention or None,
        "told": case.told_at.isoformat() if case.told_at else None,
        **counted(signed),
    }


def counted(signed: Signature | None) -> dict[str, Any]:
    """Return the differential count that was signed; nothing before, as it may change."""
    count = signed.content.get("differential") if signed else None
    return {
        "counted": count["people"] if count else None,
        "differential": count,
        "named_by": [person["who"] for person in count["named_by"]] if count else [],
        "cell_model": model_of(count) or None if count else None,
    }


def json_lines(cases: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Write one list, an object a line."""
    before = "[\n"
    for case in cases:
        yield before + json.dumps(case, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def csv_lines(cases: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Write a row a case, with the mark by which spreadsheets know UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    for case in cases:
        flat = case | {
            "suggestions": "; ".join(f"{name} x {number}" for name, number in case["suggestions"].items()),
            "models": "; ".join(case["models"]),
            "differential": brief(case["differential"]) if case["differential"] else None,
            "named_by": "; ".join(case["named_by"]),
        }
        writer.writerow([harmless(flat[name]) for name in COLUMNS])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
