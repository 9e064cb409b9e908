"""My account: who I am here; signing in and the password are Flask-Security's, in our templates."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from ..database import writing
from ..records import User
from ..security import member

bp = Blueprint("account", __name__, url_prefix="/account")


@bp.get("/")
@member
def show() -> str:
    """Show the person's own details."""
    return render_template("account/show.html")


@bp.post("/preferences")
@member
def prefer() -> Any:
    """Keep how the person likes to work."""
    user_id = current_user.id
    with writing() as session:
        session.get_one(User, user_id).opens_next = "opens_next" in request.form
    flash(_("Saved."), "info")
    return redirect(url_for("account.show"))
