"""The pages of two-factor sign-in: setting it up, the code that is asked for after the password, switching it off."""

from __future__ import annotations

import time
from typing import Any

from cryptography.fernet import InvalidToken
from flask import Flask, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_security import current_user, login_user
from flask_security.tf_plugin import TfPlugin
from sqlalchemy import select

from app.access import member
from app.auth import authenticator
from app.auth.blueprint import bp
from app.auth.passwords import password_is_right
from app.auth.sessions import renew
from app.database import db
from app.records import Authenticator, User
from app.rules import RefusedError

PENDING = "second_step"  # in the session of a browser that gave the right password and owes a code
PENDING_SECONDS = 600
FEW_CODES = 3


class SecondStep(TfPlugin):
    """Where Flask-Security asks whether a right password is enough."""

    def tf_enter(  # type: ignore[override]  # a user of ours, where any would do for Flask-Security
        self,
        user: User,
        remember_me: bool | None,  # noqa: ARG002 -- there is no such cookie here
        primary_authn_via: str,  # noqa: ARG002 -- the password is the only way in
        next_loc: str | None,
    ) -> Any:
        """Return nothing for who has no second step, and the way to the page of the code for who has one."""
        if not authenticator.is_on(user.id):
            return None
        renew(current_app)  # a key planted in this browser must not lead to what follows
        wanted = next_loc if next_loc and "next" in request.args else ""
        session[PENDING] = {"who": user.fs_uniquifier, "until": time.time() + PENDING_SECONDS, "next": wanted}
        return redirect(url_for("auth.ask_code"))


def init_app(app: Flask) -> None:
    """Put the second step behind the password."""
    app.extensions["security"].two_factor_plugins = SecondStep()


def pending() -> User | None:
    """Return who gave the right password in this browser and owes the code.

    A new password, a one-time link or a disabled account changes the person's key, and with it ends this.
    """
    owed = session.get(PENDING)
    if not owed or owed["until"] < time.time():
        session.pop(PENDING, None)
        return None
    return db.session.scalar(select(User).where(User.fs_uniquifier == owed["who"], User.active))


@bp.get("/code")
def ask_code() -> Any:
    """Ask for the code, after the right password."""
    if current_user.is_authenticated:
        return redirect(url_for("worklist.show"))
    return code_page() if pending() else start_again()


def start_again(problem: str = "") -> Any:
    """Send somebody back to the password."""
    session.pop(PENDING, None)
    flash(problem or _("Sign in with your password first."), "error" if problem else "info")
    return redirect(url_for("security.login"))


def code_page(problem: str = "") -> str:
    """Draw the page, for a code of the app or for a recovery code."""
    return render_template("auth/code.html", problem=problem, recovery="recovery" in request.args)


@bp.post("/code")
def give_code() -> Any:
    """Let the person in when the code is right."""
    user = pending()
    if current_user.is_authenticated:
        return redirect(url_for("worklist.show"))
    if user is None:
        return start_again(_("That took too long, or the account was changed meanwhile. Sign in again."))
    user_id = user.id
    answer = authenticator.check(user, request.form.get("code", ""))
    if answer.wait:
        return code_page(answer.problem), 429, {"Retry-After": str(answer.wait)}
    if not answer.by:
        return (code_page(answer.problem), 403) if authenticator.is_on(user_id) else start_again(answer.problem)
    wanted = session.pop(PENDING)["next"]
    login_user(db.session.get_one(User, user_id), remember=False, authn_via=["password", answer.by])
    if answer.by == "recovery code":
        left = len((authenticator.of(user_id) or Authenticator(recovery=[])).recovery)
        words = ngettext(
            "You used a recovery code; %(num)s is left. My account makes new ones.",
            "You used a recovery code; %(num)s are left. My account makes new ones.",
            left,
        )
        flash(words, "info")
    return redirect(wanted or url_for("worklist.show"))


@bp.get("/two-factor")
@member
def two_factor() -> str:
    """Show whether two-factor sign-in is on, or how to set it up."""
    return two_factor_page()


def two_factor_page(problem: str = "", codes: list[str] | None = None) -> str:
    """Draw the page: off, waiting for the first code, on, or with recovery codes that no page shows again."""
    row = authenticator.of(current_user.id)
    waiting = authenticator.begun(current_user.id)
    square = key = ""
    if waiting:
        try:
            square = authenticator.square(waiting, current_user)
            key = authenticator.shared(waiting).pretty_key(sep=" ")
        except InvalidToken:
            waiting = None  # begun under another secret key: begin again
    return render_template(
        "auth/two_factor.html",
        row=row if row and row.confirmed_at else None,
        waiting=waiting,
        square=square,
        key=key,
        codes=codes,
        few=FEW_CODES,
        asked=authenticator.is_asked(current_user),
        problem=problem,
    )


def refused_password() -> Any:
    """Say that the password asked for again is wrong."""
    return two_factor_page(_("The password is not right. Nothing was changed.")), 403


@bp.post("/two-factor")
@member
def begin_two_factor() -> Any:
    """Make the secret, for who gives the password: nobody locks a colleague out at an open screen."""
    if not password_is_right(request.form.get("password", "")):
        return refused_password()
    try:
        authenticator.begin(current_user)
    except RefusedError as refused:
        flash(refused.text, "error")
    return redirect(url_for("auth.two_factor"))


@bp.post("/two-factor/confirm")
@member
def confirm_two_factor() -> Any:
    """Switch it on with the app's first code, and show the recovery codes."""
    try:
        codes = authenticator.confirm(current_user, request.form.get("code", ""))
    except RefusedError as refused:
        return two_factor_page(refused.text), 400
    return two_factor_page(codes=codes), 201


@bp.post("/two-factor/codes")
@member
def renew_codes() -> Any:
    """Show new recovery codes."""
    if not password_is_right(request.form.get("password", "")):
        return refused_password()
    try:
        return two_factor_page(codes=authenticator.renew_codes(current_user)), 201
    except RefusedError as refused:
        return two_factor_page(refused.text), 409


@bp.post("/two-factor/off")
@member
def switch_off_two_factor() -> Any:
    """Do without it."""
    if not password_is_right(request.form.get("password", "")):
        return refused_password()
    if authenticator.is_asked(current_user):
        return two_factor_page(_("Your laboratory asks for two-factor sign-in. An admin can change that.")), 409
    authenticator.switch_off(current_user)
    flash(_("Two-factor sign-in is off."), "info")
    return redirect(url_for("auth.two_factor"))
