"""Passwords: which do, who tried a wrong one, and the steps that ask for one again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from flask_security import current_user, hash_password

from app import ledger
from app.database import writing
from app.records import User, random_id

PASSWORD_LENGTH = 12


SIGN_IN = "security.login"  # Flask-Security's view, which asks for a password too
ASKS = "asks_for_a_password"  # the mark on a view
View = TypeVar("View", bound=Callable[..., Any])


def asks_for_a_password(view: View) -> View:
    """Mark a view in which somebody could guess: wrong answers count towards the limit on tries.

    It cannot be forgotten: `password_is_right` refuses to work in a view without the mark.
    """
    setattr(view, ASKS, True)
    return view


def tries_a_password() -> bool:
    """Return whether this request could be someone guessing."""
    if request.method != "POST" or request.endpoint is None:
        return False
    return request.endpoint == SIGN_IN or hasattr(current_app.view_functions[request.endpoint], ASKS)


def password_was_wrong(response: Response) -> bool:
    """Count failures only: a whole lab may share one address, and everyone signs in at eight."""
    return response.status_code in (200, 403)


def password_problem(password: str, user: User) -> str | None:
    """Say why a password does not do, or nothing."""
    problems, _normal = current_app.extensions["security"].password_util.validate(password, False, user=user)
    return str(problems[0]) if problems else None


def change(user: User, password: str) -> User:
    """Give a person the password that they chose, which ends their sessions everywhere; return the person as now kept.

    The duty to choose one's own is lifted with it.
    """
    user_id, hashed = user.id, hash_password(password)
    with writing() as session:
        row = session.get_one(User, user_id)
        row.password, row.must_change_password, row.fs_uniquifier = hashed, False, random_id()
        ledger.record(session, "person.password_changed", lab=row.lab_id, actor=user_id, subject=user_id)
    return row


def password_failed(_app: Flask, user: User, **_: Any) -> None:
    """Record a wrong password for somebody whom we know; what an unknown person typed is kept nowhere."""
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        ledger.record(session, "person.password_failed", lab=lab_id, actor=user_id, subject=user_id)


def password_is_right(password: str) -> bool:
    """Return whether the password that a weighty step asks for again is right; a wrong one is recorded."""
    if not tries_a_password():
        raise RuntimeError(f"{request.endpoint} asks for a password without @asks_for_a_password")
    if current_user.verify_and_update_password(password):
        return True
    password_failed(current_app, current_user)
    return False
