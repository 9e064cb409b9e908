"""My account: who I am here; signing in and the password are Flask-Security's, in our templates."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from ..database import writing
from ..records import User
from ..security import member

bp = Blueprint("account", __name__, url_prefix="/account")

from . import authenticator, two_factor  # noqa: E402 -- they hang their pages on bp


def init_app(app: Flask) -> None:
    """Ask for the second step of the sign-in, where a person has one."""
    two_factor.init_app(app)


@bp.get("/")
@member
def show() -> str:
    """Show the person's own details."""
    return render_template("account/show.html", two_factor=authenticator.is_on(current_user.id))


@bp.post("/preferences")
@member
def prefer() -> Any:
    """Keep how the person likes to work."""
    user_id = current_user.id
    with writing() as session:
        session.get_one(User, user_id).opens_next = "opens_next" in request.form
    flash(_("Saved."), "info")
    return redirect(url_for("account.show"))
