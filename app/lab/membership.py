"""Who belongs to a lab and what they may do; a lab never loses its last admin."""

from __future__ import annotations

import secrets

from email_validator import EmailNotValidError, validate_email
from flask import abort
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.auth.passwords import hashed
from app.auth.posts import POSTS
from app.database import db, writing
from app.lab import password_links
from app.records import Role, User, random_id
from app.rules import RefusedError

NAME_LENGTH = 120


def people_of(lab_id: int) -> list[User]:
    """Return everyone who is or was in a lab."""
    return list(db.session.scalars(select(User).where(User.lab_id == lab_id).order_by(User.active.desc(), User.email)))


def add(email: str, name: str, post: str, actor: User) -> tuple[User, str]:
    """Add a person to the admin's lab and return the one-time link that lets them choose a password."""
    lab_id, actor_id = actor.lab_id, actor.id
    try:
        address = validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise RefusedError(_("This is not an e-mail address.")) from None
    if len(name) > NAME_LENGTH:
        raise RefusedError(_("A name has at most %(n)s characters.", n=NAME_LENGTH))
    with writing() as session:
        if session.scalar(select(User.id).where(User.email == address)) is not None:
            raise RefusedError(_("Somebody has an account with this address already."))
        user = User(
            lab_id=lab_id,
            email=address,
            name=name.strip(),
            password=hashed(secrets.token_urlsafe(password_links.TOKEN_BYTES)),
            fs_uniquifier=random_id(),
            roles=roles_of(session, post),
        )
        session.add(user)
        session.flush()
        ledger.record(session, "person.added", lab=lab_id, actor=actor_id, subject=user.id, roles=POSTS[post][1])
        token = password_links.make(session, user, actor_id)
    return user, token


def roles_of(session: Session, post: str) -> list[Role]:
    """Return the roles of a post; 404 where there is no such post."""
    if post not in POSTS:
        abort(404)
    return list(session.scalars(select(Role).where(Role.name.in_(POSTS[post][1]))))


def appoint(user_id: int, post: str, actor: User) -> None:
    """Change what a person may do, from their next request on."""
    lab_id, actor_id = actor.lab_id, actor.id
    with writing() as session:
        user = person_or_404(session, user_id, lab_id)
        if user.is_admin and "admin" not in POSTS.get(post, ("", []))[1]:
            refuse_last_admin(session, user)
        user.roles = roles_of(session, post)
        ledger.record(session, "person.role_changed", lab=lab_id, actor=actor_id, subject=user_id, roles=POSTS[post][1])


def set_active(user_id: int, active: bool, actor: User) -> None:
    """Disable a person, which ends their sessions at once, or let them in again."""
    lab_id, actor_id = actor.lab_id, actor.id
    with writing() as session:
        user = person_or_404(session, user_id, lab_id)
        if not active and user_id == actor_id:
            raise RefusedError(_("You cannot disable yourself. Another admin of your lab can."))
        if not active and user.is_admin:
            refuse_last_admin(session, user)
        user.active = active
        user.fs_uniquifier = random_id()
        action = "person.enabled" if active else "person.disabled"
        ledger.record(session, action, lab=lab_id, actor=actor_id, subject=user_id)


def reset(user_id: int, actor: User) -> tuple[User, str]:
    """Return a one-time link for a person who lost the password; the old one stops working at once."""
    lab_id, actor_id = actor.lab_id, actor.id
    if user_id == actor_id:
        raise RefusedError(_("Change your own password under My account."))
    with writing() as session:
        user = person_or_404(session, user_id, lab_id)
        if not user.active:
            raise RefusedError(_("This person is disabled. Enable the account first."))
        return user, password_links.make(session, user, actor_id)


def person_or_404(session: Session, user_id: int, lab_id: int) -> User:
    """Return a person of the admin's own lab."""
    query = select(User).where(User.id == user_id, User.lab_id == lab_id)
    return session.scalar(query.execution_options(populate_existing=True)) or abort(404)


def refuse_last_admin(session: Session, user: User) -> None:
    """Keep one person in the lab who can look after it."""
    query = select(User).where(User.lab_id == user.lab_id, User.active, User.id != user.id)
    if not any(colleague.is_admin for colleague in session.scalars(query)):
        raise RefusedError(_("This is the last active admin of the lab. Make somebody else an admin first."))
