"""My account: who I am here; signing in and the password are Flask-Security's, in our templates."""

from __future__ import annotations

from flask import Blueprint, render_template

from ..security import member

bp = Blueprint("account", __name__, url_prefix="/account")


@bp.get("/")
@member
def show() -> str:
    """Show the person's own details."""
    return render_template("account/show.html")
