"""Passwords: which do, the form that asks for one, and the steps that ask for one again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_security import current_user, hash_password
from flask_security.forms import Form, LoginForm
from zxcvbn import zxcvbn

from app import ledger
from app.auth import breached, tries
from app.database import writing
from app.records import User, random_id

PASSWORD_LENGTH = 12
STRONG = 3  # of 4, as zxcvbn counts: ten billion guesses and more
JUDGED = 72  # characters that are looked at: what is longer is strong by its length, or by nothing
TAKEN = ("leukolens", "leukemia", "leukaemia", "laboratory", "hospital", "password")
LONGEST_PASSWORD = 128  # characters, as Flask-Security has it; a longer one is nobody's and is not hashed


class SignInForm(LoginForm):
    """Flask-Security's form without 'remember me', whose cookie would outlive signing out; every try is counted."""

    remember = None

    def validate(self, **kwargs: Any) -> bool:
        """Compare the password; WaitError where it is tried too early after wrong ones."""
        if not Form.validate(self, **kwargs):
            return False
        if len(normal(self.password.data)) > LONGEST_PASSWORD:
            self.password.data = ""
        self.ifield = self.email
        datastore = current_app.extensions["security"].datastore
        person: User | None = datastore.find_user(case_insensitive=True, email=self.email.data)
        self.user = person
        trying = tries.signing_in(person, self.email.data)
        trying.begin()
        right: bool = super().validate(**kwargs)
        (trying.was_right if right else trying.was_wrong)()
        return right


def normal(password: str) -> str:
    """Return a password in the one form in which it is hashed and compared, whatever keyboard wrote its letters."""
    return str(current_app.extensions["security"].password_util.normalize(password))


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return str(hash_password(normal(password)))


def password_problem(password: str, user: User) -> str | None:
    """Say why a password does not do, or nothing."""
    if len(normal(password)) > LONGEST_PASSWORD:
        return _("A password has at most %(n)s characters.", n=LONGEST_PASSWORD)
    problems, _normal = current_app.extensions["security"].password_util.validate(password, False, user=user)
    if problems:
        return str(problems[0])
    own = [user.name, user.lab.name, user.email, *re.split(r"\W+", user.email)]
    guessed = zxcvbn(normal(password)[:JUDGED], user_inputs=[*TAKEN, *own])
    if guessed["score"] < STRONG:
        return _("This password is easily guessed. Take a few words that do not belong together.")
    stolen = current_app.config["BREACHED_PASSWORDS"]
    try:
        leaked = bool(stolen) and breached.is_breached(normal(password), Path(stolen))
    except OSError:
        return _(
            "The list of stolen passwords cannot be read on the server. Tell who looks after it; nothing was changed."
        )
    if leaked:
        return _("This password was stolen elsewhere and is on lists that are tried first. Take another one.")
    return None


def change(user: User, password: str) -> User:
    """Give a person the password that they chose, which ends their sessions everywhere; return the person as now kept.

    The duty to choose one's own is lifted with it.
    """
    user_id, password_hash = user.id, hashed(password)
    with writing() as session:
        row = session.get_one(User, user_id)
        row.password, row.must_change_password, row.fs_uniquifier = password_hash, False, random_id()
        ledger.record(session, "person.password_changed", lab=row.lab_id, actor=user_id, subject=user_id)
    return row


def password_is_right(password: str) -> bool:
    """Return whether the password that a weighty step asks for again is right; WaitError where it comes too early."""
    trying = tries.giving_it_again(current_user)
    trying.begin()
    typed = normal(password)
    right = len(typed) <= LONGEST_PASSWORD and bool(current_user.verify_and_update_password(typed))
    (trying.was_right if right else trying.was_wrong)()
    return right
