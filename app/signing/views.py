"""The pages of signing and amending, and of every version that was signed."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import case_or_404, clinician
from app.auth.passwords import password_is_right
from app.database import db
from app.differential.content import model_of, remarks, second_readings, table_of
from app.records import Case
from app.rules import RefusedError, WaitError
from app.signing import diagnosis, signature
from app.signing.blueprint import bp
from app.signing.material import images_of, material
from app.signing.obstacles import obstacles
from app.signing.signature import ChangedMeanwhileError
from app.terms import term_lists
from app.terms.term_lists import DIAGNOSIS, SENTENCE


@bp.get("/cases/<case_id>/sign")
@clinician
def sign(case_id: str) -> str:
    """Show what would be signed, or what has to be done before."""
    return sign_page(case_or_404(case_id))


@bp.post("/cases/<case_id>/sign")
@clinician
def put_signature(case_id: str) -> Any:
    """Sign a case with the person's own diagnosis and password."""
    case = case_or_404(case_id)
    images = images_of(db.session, case_id)
    if unmet := obstacles(case, images):
        return sign_page(case, " ".join(obstacle.text for obstacle in unmet)), 409
    try:
        code, other = (request.form.get(name, "") for name in ("diagnosis", "other"))
        chosen = diagnosis.parse(code, other, term_lists.typed(request.form, "remark"), images, case.lab_id)
    except RefusedError as refused:
        return sign_page(case, refused.text), 400
    try:
        if not password_is_right(request.form.get("password", "")):
            return sign_page(case_or_404(case_id), _("The password is not right. Nothing was signed.")), 403
        row = signature.sign(case, chosen, request.form.get("seen", ""), current_user)
    except WaitError as early:
        return sign_page(case_or_404(case_id), early.text), 429, {"Retry-After": str(early.seconds)}
    except RefusedError as refused:
        return sign_page(case_or_404(case_id), refused.text), 409
    except ChangedMeanwhileError:
        changed = _("The case changed while this page was open. Nothing was signed: look at it again below.")
        return sign_page(case_or_404(case_id), changed), 409
    flash(_("Signed as version %(n)s.", n=row.version), "info")
    return redirect(url_for("cases.show", case_id=case_id))


def sign_page(case: Case, problem: str = "") -> str:
    """Draw the page, with what was typed; nothing is chosen that the person did not choose."""
    images = images_of(db.session, case.id)
    signed = material(case, images)
    counted = signed["differential"]
    return render_template(
        "signing/sign.html",
        case=case,
        count=table_of(counted) if counted else None,
        model=model_of(counted) if counted else "",
        remarks=[*(remarks(counted) if counted else []), *second_readings(signed)],
        images=images,
        obstacles=obstacles(case, images),
        options=diagnosis.options(images, term_lists.labels(case.lab_id, DIAGNOSIS)),
        sentences=term_lists.terms(case.lab_id, SENTENCE),
        seen=signature.digest(signed),
        typed={name: request.form.get(name, "") for name in ("diagnosis", "other")},
        remark=term_lists.typed(request.form, "remark"),
        problem=problem,
    )


@bp.post("/cases/<case_id>/amend")
@clinician
def amend(case_id: str) -> Any:
    """Open a signed case again, for a reason."""
    try:
        row = signature.amend(case_or_404(case_id), request.form.get("reason", "").strip(), current_user)
        flash(_("Version %(n)s is open. The version before stays readable.", n=row.version), "info")
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("cases.show", case_id=case_id))
