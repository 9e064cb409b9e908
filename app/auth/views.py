"""My account: who I am here, and the password; signing in is Flask-Security's, in our template."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_security import current_user, login_user

from app.access import member
from app.auth import authenticator, own_sessions, posts
from app.auth.blueprint import bp
from app.auth.passwords import change, password_is_right, password_problem
from app.database import writing
from app.records import User

PASSWORD_FIELDS = ("password", "new_password", "new_password_confirm")


@bp.get("/")
@member
def show() -> str:
    """Show the person's own details."""
    return render_template(
        "auth/show.html",
        two_factor=authenticator.is_on(current_user.id),
        sessions=own_sessions.own(current_user),
        post=posts.words_of(current_user),
    )


@bp.post("/sessions/end")
@member
def end_sessions() -> Any:
    """Sign the person out of one other browser, or of all others."""
    ended = own_sessions.end(current_user, request.form.get("session", ""))
    flash(
        ngettext("One browser was signed out.", "%(num)s browsers were signed out.", ended)
        if ended
        else _("No other browser is signed in."),
        "info",
    )
    return redirect(url_for("auth.show"))


@bp.post("/preferences")
@member
def prefer() -> Any:
    """Keep how the person likes to work."""
    user_id = current_user.id
    with writing() as session:
        session.get_one(User, user_id).opens_next = "opens_next" in request.form
    flash(_("Saved."), "info")
    return redirect(url_for("auth.show"))


@bp.get("/password")
@member
def change_password() -> str:
    """Ask for the present password and a new one."""
    return password_page()


@bp.post("/password")
@member
def save_password() -> Any:
    """Change the password: other browsers are signed out, and this one stays."""
    present, new, again = (request.form.get(name, "") for name in PASSWORD_FIELDS)
    if not password_is_right(present):
        return password_page(password=_("The password is not right.")), 403
    if new != again:
        return password_page(new_password_confirm=_("The two passwords are not the same.")), 400
    if new == present:
        return password_page(new_password=_("Choose another password than the present one.")), 400
    if problem := password_problem(new, current_user):
        return password_page(new_password=problem), 400
    login_user(change(current_user, new), remember=False, authn_via=["change"])
    flash(_("The password is changed."), "info")
    return redirect(url_for("worklist.show"))


def password_page(**problems: str) -> str:
    """Draw the form, with what is wrong with a field; nothing that was typed comes back."""
    return render_template("auth/change_password.html", problems=problems)
