"""The count of a case and each of its cells for other programs, and writing down who was told of it."""

from __future__ import annotations

import csv
import io
from typing import Any

from flask import Response, flash, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app import ledger
from app.access import case_or_404, clinician, member
from app.cases.views import case_page
from app.cells.blueprint import bp
from app.database import writing
from app.differential import review_rules
from app.differential.cells import fields_of
from app.differential.content import content, rows_of
from app.differential.sources import counting_source
from app.records import Case
from app.rules import RefusedError
from app.template_filters import harmless

COLUMNS = (
    "cell",
    "field",
    "number",
    "box",
    "cut",
    "counts_as",
    "person",
    "named_by",
    "named_at",
    "suggested",
    "outcome",
    "probability",
    "model",
)


@bp.get("/cases/<case_id>/cells.json")
@member
def as_json(case_id: str) -> Any:
    """Send the count and every cell as JSON."""
    case = case_or_404(case_id)
    answer = jsonify(
        case=case.id,
        accession=case.accession,
        state=case.state,
        version=case.version,
        differential=content(case, current_user.lab, review_rules.told_of(case.id)),
        cells=all_cells(case),
    )
    return sent(answer, case, "json")


@bp.get("/cases/<case_id>/cells.csv")
@member
def as_csv(case_id: str) -> Any:
    """Send every cell as a row of CSV, with the mark by which spreadsheets know UTF-8."""
    case = case_or_404(case_id)
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    for row in all_cells(case):
        flat = row | {"box": " ".join(map(str, row["box"]))}
        writer.writerow({name: harmless(value) for name, value in flat.items()})
    return sent(Response(buffer.getvalue(), mimetype="text/csv"), case, "csv")


def all_cells(case: Case) -> list[dict[str, Any]]:
    """Return the cells of a case as programs get them."""
    source = counting_source(case.id, current_user.lab)
    return rows_of(fields_of(case.id, source)[1])


def sent(answer: Response, case: Case, suffix: str) -> Response:
    """Record that the cells leave the server; the file's name holds the case's number here, not its accession."""
    lab_id, user_id, case_id = current_user.lab_id, current_user.id, case.id
    with writing() as session:
        ledger.record(session, "cells.exported", lab=lab_id, actor=user_id, subject=case_id, form=suffix)
    answer.headers["Content-Disposition"] = f"attachment; filename=cells-{case_id[:8]}.{suffix}"
    return answer


@bp.post("/cases/<case_id>/told")
@clinician
def tell(case_id: str) -> Any:
    """Write down who was told of what the lab's rules say of a case."""
    case_or_404(case_id)
    whom, shown = request.form.get("told", ""), request.form.get("shown", "").split()
    try:
        with writing() as session:
            review_rules.tell(session, session.get_one(Case, case_id), whom, shown, current_user)
    except RefusedError as refused:
        return case_page(case_or_404(case_id), refused.text), 409
    flash(_("Written down, with the time."), "info")
    return redirect(url_for("cases.show", case_id=case_id))
