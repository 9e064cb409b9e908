"""Passwords: which do, who tried a wrong one, and the steps that ask for one again."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, current_app, request
from flask_security import current_user

from app import ledger
from app.database import db, writing
from app.records import User

PASSWORD_LENGTH = 12


TRIES_A_PASSWORD = {
    "security.login",
    "security.change_password",
    "registry.activate",
    "signing.put_signature",
    "auth.give_code",
    "auth.begin_two_factor",
    "auth.renew_codes",
    "auth.switch_off_two_factor",
}


def tries_a_password() -> bool:
    """Say whether this request could be someone guessing."""
    return request.method == "POST" and request.endpoint in TRIES_A_PASSWORD


def password_was_wrong(response: Response) -> bool:
    """Count failures only: a whole lab may share one address, and everyone signs in at eight."""
    return response.status_code in (200, 403)


def password_problem(password: str, user: User) -> str | None:
    """Say why a password does not do, or nothing."""
    problems, _normal = current_app.extensions["security"].password_util.validate(password, False, user=user)
    return str(problems[0]) if problems else None


def own_password_chosen(_app: Flask, user: User, **_: Any) -> None:
    """Lift the duty once the password is the person's own; Flask-Security commits."""
    user.must_change_password = False
    ledger.record(db.session, "person.password_changed", lab=user.lab_id, actor=user.id, subject=user.id)


def password_failed(_app: Flask, user: User, **_: Any) -> None:
    """Record a wrong password for somebody whom we know; what an unknown person typed is kept nowhere."""
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        ledger.record(session, "person.password_failed", lab=lab_id, actor=user_id, subject=user_id)


def password_is_right(password: str) -> bool:
    """Check the password that a weighty step asks for again; a wrong one is recorded."""
    if current_user.verify_and_update_password(password):
        return True
    password_failed(current_app, current_user)
    return False
