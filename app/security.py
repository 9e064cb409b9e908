"""Signing in, roles, form tokens, rate limits and the headers that every answer carries."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import email_validator
from flask import Flask, Response, current_app, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_security import FSQLALiteUserDatastore, Security, current_user, logout_user
from flask_wtf.csrf import CSRFProtect

from app.auth import authenticator, breached, sessions
from app.auth.passwords import PASSWORD_LENGTH, SignInForm
from app.database import db
from app.records import Role, User
from app.template_filters import wants_json

csrf = CSRFProtect()

# What a person with a one-time password may reach before choosing their own.
BEFORE_PASSWORD_CHANGE = {"auth.change_password", "auth.save_password", "security.logout", "static", "bootstrap.static"}
# And before setting up what their lab asks for.
BEFORE_SECOND_FACTOR = BEFORE_PASSWORD_CHANGE | {
    "auth.two_factor",
    "auth.begin_two_factor",
    "auth.confirm_two_factor",
}
# What a browser may keep: the program's own files; and pictures, of which it asks each time whether it still may show
# them, and gets the answer of whoever is signed in then. Everything else leaves no copy, whatever a view says.
KEPT = {"static", "bootstrap.static"}
ASKED_FOR_EACH_TIME = {
    "reading.thumbnail",
    "reading.pixels",
    "reading.view",
    "reading.overlay",
    "cells.crops",
    "cells.evidence",
}
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",  # data: Bootstrap's own form icons; blob: previews of files being sent
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HTTPS_ONLY = f"max-age={365 * 24 * 3600}"  # said over HTTPS alone; browsers then ask for nothing else
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(self)",
}


NEVER = timedelta(-1)  # Flask-Security asks for the password again nowhere: our own views do, where it is due
# What a password's hash costs: the library's own choice. Tests, which hash hundreds, make it next to nothing.
HASHING: dict[str, int] = {}


def init_app(app: Flask) -> None:
    """Set up who may do what; SettingError where the list of breached passwords is none."""
    if stolen := app.config["BREACHED_PASSWORDS"]:
        breached.check(Path(stolen))
    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 -- the name of a method, not a password
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS=HASHING,
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH={"argon2"},  # argon2 salts by itself; a lost key must not lock all out
        SECURITY_PASSWORD_LENGTH_MIN=PASSWORD_LENGTH,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_FRESHNESS=NEVER,
        SECURITY_STATIC_FOLDER=None,
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_POST_LOGOUT_VIEW="/sign-in",
        SECURITY_LOGIN_USER_TEMPLATE="auth/sign_in.html",
        SECURITY_LOGOUT_CSRF=True,
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_MSG_GENERIC_AUTHN_FAILED=("The address or the password is not right.", "error"),
        SECURITY_MSG_UNAUTHENTICATED=("Please sign in to see this page.", "info"),
        SECURITY_MSG_INVALID_PASSWORD=("The password is not right.", "error"),
        SECURITY_MSG_LOGIN=("Please sign in to see this page.", "info"),
        # A browser takes a name with this prefix from this host by HTTPS only: no other of the domain can plant it.
        SESSION_COOKIE_NAME="__Host-leukolens" if app.config["SECURE_COOKIES"] else "leukolens",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.config["SECURE_COOKIES"],
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as the session that holds it
    )
    allow_internal_addresses()
    csrf.init_app(app)
    Security(app, FSQLALiteUserDatastore(db, User, Role), login_form=SignInForm)
    app.before_request(end_long_sessions)
    app.before_request(insist_on_own_password)
    app.before_request(insist_on_second_factor)
    app.after_request(add_headers)


def allow_internal_addresses() -> None:
    """Accept the .local domains of hospital networks as sign-in addresses; no mail is ever sent to them."""
    reserved = email_validator.SPECIAL_USE_DOMAIN_NAMES
    if "local" in reserved:
        reserved.remove("local")


def insist_on_own_password() -> Any:
    """Send a person with a one-time password to the page where they choose their own."""
    if not current_user.is_authenticated:
        return None
    if current_user.must_change_password and request.endpoint not in BEFORE_PASSWORD_CHANGE:
        return redirect(url_for("auth.change_password"))
    return None


def insist_on_second_factor() -> Any:
    """Send a person whose lab asks for two-factor sign-in to the page where they set it up."""
    if not current_user.is_authenticated or request.endpoint in BEFORE_SECOND_FACTOR:
        return None
    if not authenticator.is_asked(current_user) or authenticator.is_on(current_user.id):
        return None
    if wants_json():
        return jsonify(error=_("Your laboratory asks for two-factor sign-in. Set it up in My account first.")), 403
    return redirect(url_for("auth.two_factor"))


def end_long_sessions() -> None:
    """Sign somebody out whose session began too long ago, however busy it was since."""
    if current_user.is_authenticated and sessions.is_too_old(current_app.config["SESSION_MOST_HOURS"]):
        logout_user()


def add_headers(response: Response) -> Response:
    """Forbid foreign scripts and frames everywhere, and copies of whatever is not on the lists above."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HTTPS_ONLY)
    if request.endpoint in ASKED_FOR_EACH_TIME and response.status_code in (200, 304):
        response.headers["Cache-Control"] = "private, no-cache"
    elif request.endpoint not in KEPT or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
        del response.headers["Expires"]
    return response
