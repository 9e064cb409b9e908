"""Where a person is signed in: a line for each browser, so that one that is not theirs is seen and ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import current_app, session
from flask_babel import gettext as _
from sqlalchemy import delete, select

from app import ledger
from app.auth.sessions import BEGUN, BROWSER, SEEN, SIGNED_IN, DatabaseSessions
from app.database import db, writing
from app.records import ServerSession, User, now

# What browsers and systems call themselves, the telling ones first: Edge says Chrome too, and Chrome says Safari.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {name: name for name in ("iPhone", "iPad", "Android", "Windows")} | {"Mac OS": "macOS", "Linux": "Linux"}


@dataclass(frozen=True)
class OwnSession:
    """A browser that is signed in: since when, when it was last seen (to five minutes), and whether it is this one."""

    id: str
    browser: str
    begun: datetime | None
    seen: datetime | None
    here: bool


def browser_of(agent: str) -> str:
    """Return a browser and its system in words, as far as its User-Agent tells; "" where it tells nothing."""
    parts = [next((words for sign, words in table.items() if sign in agent), "") for table in (BROWSERS, SYSTEMS)]
    return _("%(browser)s on %(system)s", browser=parts[0], system=parts[1]) if all(parts) else parts[0] or parts[1]


def own(user: User) -> list[OwnSession]:
    """Return where a person is signed in, this browser first, then who was seen last."""
    sessions = [_own(row.id, row.data) for row in db.session.scalars(_of(user))]
    return sorted(
        sessions,
        key=lambda own_session: (not own_session.here, -(own_session.seen.timestamp() if own_session.seen else 0)),
    )


def end(user: User, session_id: str = "") -> int:
    """End one of a person's other sessions, or all of them where none is named, and return how many it were."""
    user_id, lab_id, query = user.id, user.lab_id, _of(user)
    with writing() as transaction:
        ids = [row.id for row in transaction.scalars(query) if row.id != _here() and session_id in ("", row.id)]
        transaction.execute(delete(ServerSession).where(ServerSession.id.in_(ids)))
        if ids:
            ledger.record(
                transaction, "person.sessions_ended", lab=lab_id, actor=user_id, subject=user_id, sessions=len(ids)
            )
    return len(ids)


def _of(user: User) -> Any:
    belongs = ServerSession.data[SIGNED_IN].as_string() == user.fs_uniquifier
    return select(ServerSession).where(belongs, ServerSession.expires_at > now())


def _own(store_id: str, data: dict[str, Any]) -> OwnSession:
    begun, last_seen = (datetime.fromtimestamp(data[key], UTC) if key in data else None for key in (BEGUN, SEEN))
    return OwnSession(store_id, browser_of(str(data.get(BROWSER, ""))), begun, last_seen, store_id == _here())


def _here() -> str:
    interface = current_app.session_interface
    return interface.row_of(session) if isinstance(interface, DatabaseSessions) else ""
