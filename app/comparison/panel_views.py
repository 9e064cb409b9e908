"""Freezing and closing panels, from the page that compares models on them."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import admin
from app.comparison import panels
from app.comparison.blueprint import bp
from app.comparison.views import comparison_page
from app.database import db
from app.records import FrozenPanel
from app.rules import RefusedError


@bp.post("/panels")
@admin
def freeze_panel() -> Any:
    """Freeze what is labelled in signed cases, or a third of it, under a name."""
    form = request.form
    try:
        panel = panels.freeze(form.get("name", ""), form.get("scope", ""), form.get("share", ""), current_user)
    except RefusedError as refused:
        return comparison_page(refused.text), 400
    flash(_("%(n)s pictures are frozen as %(name)s.", n=len(panel.items), name=panel.name), "info")
    return redirect(url_for("comparison.show", on=panel.id))


@bp.post("/panels/<panel_id>/close")
@admin
def close_panel(panel_id: str) -> Any:
    """Measure on a panel no more."""
    panel = db.session.get(FrozenPanel, panel_id)
    if panel is None or panel.lab_id != current_user.lab_id:
        abort(404)
    try:
        panels.close(panel, request.form.get("reason", ""), current_user)
    except RefusedError as refused:
        return comparison_page(refused.text), 400
    flash(_("%(name)s is closed. Its pictures may teach models again.", name=panel.name), "info")
    return redirect(url_for("comparison.show"))
