"""The report of a signed version: a page to print and a PDF, both drawn from what was signed and nothing else."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import abort, render_template, send_file
from flask_security import current_user
from sqlalchemy import select

from app import ledger
from app.access import case_or_404, member
from app.database import db, writing
from app.differential.content import model_of, table_of
from app.inference.engine import engine
from app.inference.evidence import COUNT_MOST
from app.records import Signature
from app.report import pdf
from app.report.blueprint import bp
from app.report.content import readable
from app.report.count import remarks_on
from app.signing import report_key
from app.signing.signature import digest
from app.template_filters import outcome_in_words


@bp.get("/cases/<case_id>/versions/<int:version>")
@member
def show(case_id: str, version: int) -> str:
    """Show a signed version as a page that prints well."""
    row = signature_or_404(case_id, version)
    content = readable(row.content)
    return render_template(
        "report/show.html",
        signature=row,
        content=content,
        intact=digest(row.content) == row.sha256,
        newest=newest_version(case_id),
        suggestion=suggestion_words,
        counting=pdf.counting_words,
        first=COUNT_MOST,
        map_words=pdf.MAP_WORDS if pdf.has_maps(content) else "",
        count=table_of(content["differential"]) if content["differential"] else None,
        model=model_of(content["differential"]) if content["differential"] else "",
        remarks=remarks_on(content),
        uses=pdf.intended_uses(content),
    )


@bp.get("/cases/<case_id>/versions/<int:version>/report.pdf")
@member
def download(case_id: str, version: int) -> Any:
    """Send a signed version as PDF; its name holds the case's number here, not its accession."""
    row = signature_or_404(case_id, version)
    if digest(row.content) != row.sha256:
        abort(500)  # the page says what is wrong; a damaged version does not leave as a document
    largest = max((image["width"] * image["height"] for image in row.content["images"]), default=0)
    with engine().slots.stored(largest):
        drawn = pdf.draw(row, newest_version(case_id))
    data = report_key.sign(drawn)
    lab_id, user_id = current_user.lab_id, current_user.id
    with writing() as session:
        ledger.record(session, "report.sent", lab=lab_id, actor=user_id, subject=case_id, version=version)
    return send_file(BytesIO(data), mimetype="application/pdf", download_name=f"report-{case_id[:8]}-v{version}.pdf")


def signature_or_404(case_id: str, version: int) -> Signature:
    """Return a signed version of a case of the person's own lab."""
    case = case_or_404(case_id)
    query = select(Signature).where(Signature.case_id == case.id, Signature.version == version)
    return db.session.scalar(query) or abort(404)


def newest_version(case_id: str) -> int:
    """Return the newest signed version of a case."""
    query = select(Signature.version).where(Signature.case_id == case_id).order_by(Signature.version.desc()).limit(1)
    return db.session.scalars(query).one()


def suggestion_words(reading: dict[str, Any]) -> str:
    """Say what a model suggested, with its name and version."""
    words = outcome_in_words(reading["outcome"], reading["label_name"] or "", reading["confidence"])
    return f"{words} ({reading['bundle']} {reading['version']})"
