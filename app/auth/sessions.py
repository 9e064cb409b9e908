"""Server-side sessions in our own table: the cookie is a random key, and dies with its row at sign-out."""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import timedelta
from typing import Any

from flask import Flask, Response, g, request, session
from flask_login import user_logged_in, user_logged_out
from flask_security import user_authenticated
from flask_session.base import ServerSideSession, ServerSideSessionInterface
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import OperationalError

from app import ledger
from app.database import db, is_busy, is_full, own_transaction
from app.records import ServerSession, User, now

log = logging.getLogger("leukolens.sessions")

SEEN_SECONDS = 300  # the row's end is moved at most this often, so that reading a page writes nothing
SEEN = "_seen"
BEGUN = "_begun"  # when the person signed in
BROWSER = "_browser"  # what the browser called itself then
BROWSER_LENGTH = 256
SIGNED_IN = "_user_id"  # what Flask-Login keeps in a session of somebody who is
ANONYMOUS = timedelta(hours=1)  # for which the session of nobody is kept: it holds a form's token and no more


class DatabaseSessions(ServerSideSessionInterface):
    """Keeps sessions as JSON rows; Flask-Session's own table would fall back to pickle."""

    ttl = None  # expired rows go at the next sign-in, so Flask-Session's clean-up is not wanted

    def _get_store_id(self, sid: str) -> str:
        """Return the row's key: a hash, so that reading the table does not let anyone sign in."""
        return hashlib.sha256(sid.encode()).hexdigest()

    def row_of(self, session: ServerSideSession) -> str:
        """Return the key of a session's row."""
        return self._get_store_id(session.sid)

    def _retrieve_session_data(self, store_id: str) -> dict[str, Any] | None:
        """Return the session's data while it has not expired."""
        query = select(ServerSession.data).where(ServerSession.id == store_id, ServerSession.expires_at > now())
        with db.engine.connect() as connection:
            return connection.scalar(query)

    def _delete_session(self, store_id: str) -> None:
        """End a session."""
        with own_transaction(db.engine) as connection:
            connection.execute(delete(ServerSession).where(ServerSession.id == store_id))

    def _upsert_session(self, session_lifetime: timedelta, session: ServerSideSession, store_id: str) -> None:
        """Write the session and move its end."""
        lifetime = session_lifetime if SIGNED_IN in session else min(session_lifetime, ANONYMOUS)
        values = {"data": dict(session) | {SEEN: int(time.time())}, "expires_at": now() + lifetime}
        begins = SEEN not in session or g.pop("session_renewed", False)
        with own_transaction(db.engine) as connection:
            changed = connection.execute(update(ServerSession).where(ServerSession.id == store_id).values(values))
            if not changed.rowcount and begins:  # one that was ended meanwhile stays so
                connection.execute(insert(ServerSession).values(id=store_id, **values))
            for event in g.pop("session_events", []):
                ledger.record(connection, **event)

    def regenerate(self, session: ServerSideSession) -> None:
        """Change the session's key; the old row goes when the request is over and holds no lock any more."""
        g.setdefault("ended_sessions", []).append(self.row_of(session))
        session.sid = self._generate_sid(self.sid_length)
        session.modified = g.session_renewed = True

    def save_session(self, app: Flask, session: ServerSideSession, response: Response) -> None:
        """Write the session, and remove those that ended and those that expired.

        Where others write for too long, what changes who is signed in fails with the request; a note for the next page
        or a later end of the session is done without, for what the request did is done and must not be called undone.
        """
        if g.get("session_failed"):
            return  # the page that says so comes by here too
        # What the request left open is over: it would hold the lock for which the session waits.
        db.session.rollback()
        weighty = session.new or "ended_sessions" in g or "session_events" in g
        try:
            super().save_session(app, session, response)
            self.remove_ended()
        except OperationalError as error:
            g.session_failed = True
            if weighty or not (is_busy(error) or is_full(error)):
                raise
            log.warning("a session was not saved: %s", "others were writing" if is_busy(error) else "the disk is full")

    def remove_ended(self) -> None:
        """Remove the sessions that this request ended, and with them those that expired."""
        if ended := g.pop("ended_sessions", None):
            gone = or_(ServerSession.id.in_(ended), ServerSession.expires_at <= now())
            with own_transaction(db.engine) as connection:
                connection.execute(delete(ServerSession).where(gone))

    def should_set_storage(self, app: Flask, session: ServerSideSession) -> bool:  # noqa: ARG002
        """Write when something changed, and now and then to keep a working person signed in."""
        result: bool = session.modified or dict.get(session, SEEN, 0) < time.time() - SEEN_SECONDS
        return result


def init_app(app: Flask) -> None:
    """Keep the application's sessions in its database."""
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=app.config["SESSION_HOURS"])
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    interface = DatabaseSessions(app, permanent=False, serialization_format="json")
    app.session_interface = interface
    user_logged_in.connect(renew, app)
    user_logged_out.connect(renew, app)
    user_authenticated.connect(signed_in, app)
    user_logged_out.connect(signed_out, app)


def is_too_old(hours: int) -> bool:
    """Return whether the session began more than so many hours ago; of one from an older version nothing is known."""
    return bool(session.get(BEGUN, time.time()) < time.time() - hours * 3600)


def renew(app: Flask, **_: Any) -> None:
    """Give the browser a new key.

    At sign-in, so that a key planted before is worthless; at sign-out, so that a copied one opens nothing any more.
    """
    interface = app.session_interface
    if isinstance(interface, DatabaseSessions):
        interface.regenerate(session)


def signed_in(_app: Flask, user: User, authn_via: list[str], **_: Any) -> None:
    """Have the sign-in recorded in the transaction that writes the session; a changed password is no sign-in."""
    session[BEGUN] = int(time.time())
    session[BROWSER] = request.user_agent.string[:BROWSER_LENGTH]
    if "change" not in authn_via:
        note("person.signed_in", user, by=sorted(authn_via))


def signed_out(_app: Flask, user: User | None = None, **_: Any) -> None:
    """Have the sign-out recorded in the transaction that writes the session."""
    if user is not None:
        note("person.signed_out", user)


def note(action: str, user: User, **details: Any) -> None:
    """Keep an event until the session is written."""
    event = {"action": action, "lab": user.lab_id, "actor": user.id, "subject": user.id, **details}
    g.setdefault("session_events", []).append(event)
