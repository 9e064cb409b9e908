"""My account: who I am here; signing in and the password are Flask-Security's, in our templates."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.access import member
from app.auth import authenticator
from app.auth.blueprint import bp
from app.database import writing
from app.records import User


@bp.get("/")
@member
def show() -> str:
    """Show the person's own details."""
    return render_template("auth/show.html", two_factor=authenticator.is_on(current_user.id))


@bp.post("/preferences")
@member
def prefer() -> Any:
    """Keep how the person likes to work."""
    user_id = current_user.id
    with writing() as session:
        session.get_one(User, user_id).opens_next = "opens_next" in request.form
    flash(_("Saved."), "info")
    return redirect(url_for("auth.show"))
