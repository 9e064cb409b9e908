"""The request for another bundle's opinion of a whole case."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import case_or_404, member
from app.cases import opinions
from app.cases.blueprint import bp
from app.inference.loaded_bundles import BundleUnusableError
from app.rules import RefusedError


@bp.post("/cases/<case_id>/readings")
@member
def read_case(case_id: str) -> Any:
    """Let another bundle read every image of a case, as a job."""
    case = case_or_404(case_id)
    name = request.form.get("bundle", "")
    if name not in opinions.offered(case_id):
        flash(_("Choose a model that has not read all images of this case yet."), "error")
        return redirect(url_for("cases.show", case_id=case_id))
    try:
        opinions.read_case(case, name, current_user)
    except (RefusedError, BundleUnusableError) as refused:
        flash(refused.text, "error")
    return redirect(url_for("cases.show", case_id=case_id))
