"""One-time links: shown once, stored as a hash, gone when used, replaced or too old."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import ledger
from app.auth import authenticator
from app.auth.passwords import hashed
from app.database import db, writing
from app.records import PasswordLink, User, now, random_id

TOKEN_BYTES = 32


def make(session: Session, user: User, actor: int | None) -> str:
    """Return the secret part of a new link; password, second step and sessions before are worthless from now on."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(delete(PasswordLink).where(PasswordLink.user_id == user.id))
    hours = current_app.config["LINK_HOURS"]
    session.add(PasswordLink(id=key(token), user_id=user.id, expires_at=now() + timedelta(hours=hours)))
    user.password = hashed(secrets.token_urlsafe(TOKEN_BYTES))
    user.fs_uniquifier = random_id()
    authenticator.remove(session, user, actor, "link")
    ledger.record(session, "person.link_made", lab=user.lab_id, actor=actor, subject=user.id, hours=hours)
    return token


def key(token: str) -> str:
    """Return under what a link is stored: reading the table lets nobody in."""
    return hashlib.sha256(token.encode()).hexdigest()


def person_of(token: str) -> User | None:
    """Return whose link this is while it may be used."""
    link = db.session.scalar(select(PasswordLink).where(PasswordLink.id == key(token), PasswordLink.expires_at > now()))
    return link.user if link and link.user.active else None


def use(token: str, password: str) -> bool:
    """Set the password that a person chose, once; False where the link was used or replaced meanwhile."""
    password_hash = hashed(password)
    with writing() as session:
        user = person_of(token)
        if user is None:
            return False
        session.execute(delete(PasswordLink).where(PasswordLink.id == key(token)))
        user.password, user.must_change_password, user.fs_uniquifier = password_hash, False, random_id()
        ledger.record(session, "person.password_changed", lab=user.lab_id, actor=user.id, subject=user.id, by="link")
    return True
