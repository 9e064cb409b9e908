"""The audit ledger: events in one chain, each sealed with an HMAC-SHA-256 over the event and the seal before it.

Whoever changes or removes an event breaks every seal after it, which `audit verify` finds; and without the key, which
is not in the database, nobody can seal the chain anew. Cutting the newest events off leaves a shorter chain that is
whole in itself: have the newest seal kept elsewhere, by `audit seal`. Events of versions before the key have a plain
SHA-256; once one is sealed with the key, all after it have to be.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Row, insert, inspect, select
from sqlalchemy.orm import Session

from app.records import AuditEvent, Record, now

FIRST = "0" * 64  # what stands before the first event
BATCH = 1000
# Columns that are no part of a row's hash: an image's place in its case.
MAY_CHANGE = {"smear_image": ("position",)}
# What is recorded, in the words of the audit page.
ACTIONS = {
    "person.signed_in": _l("signed in"),
    "person.signed_out": _l("signed out"),
    "person.password_failed": _l("wrong password"),
    "person.throttled": _l("password tried too soon after wrong ones"),
    "person.password_changed": _l("changed the own password"),
    "person.sessions_ended": _l("ended own sessions elsewhere"),
    "person.added": _l("person added"),
    "person.role_changed": _l("role changed"),
    "person.disabled": _l("person disabled"),
    "person.enabled": _l("person enabled"),
    "person.link_made": _l("one-time link made"),
    "person.factor_on": _l("two-factor sign-in switched on"),
    "person.factor_off": _l("two-factor sign-in switched off"),
    "person.code_failed": _l("wrong code"),
    "person.recovery_codes_made": _l("recovery codes made"),
    "person.recovery_code_used": _l("recovery code used"),
    "case.opened": _l("case opened"),
    "case.corrected": _l("case details corrected"),
    "image.added": _l("image added and read"),
    "image.removed": _l("image removed"),
    "reading.added": _l("second opinion read"),
    "image.reviewed": _l("image reviewed"),
    "cells.read": _l("single cells read"),
    "cells.annotated": _l("single cells named"),
    "cells.exported": _l("single cells downloaded"),
    "cells.redrawn": _l("outlines of cells corrected"),
    "case.attention": _l("review rules of the lab judged"),
    "case.told": _l("somebody told of a critical count"),
    "case.signed": _l("case signed"),
    "case.amended": _l("signed case opened again"),
    "report.sent": _l("report sent as PDF"),
    "worklist.exported": _l("worklist downloaded"),
    "blind.asked": _l("blind second reading asked for"),
    "blind.withdrawn": _l("blind second reading withdrawn"),
    "blind.reviewed": _l("image read blind"),
    "labels.exported": _l("labels exported"),
    "lab.changed": _l("lab settings changed"),
    "lab.terms": _l("terms of the lab changed"),
    "ledger.keyed": _l("ledger sealed with a key from here on"),
    "model.activated": _l("model activated"),
    "model.adapted": _l("model adapted to the lab's labels"),
    "shadow.begun": _l("candidate began to read along"),
    "shadow.ended": _l("candidate stopped reading along"),
    "panel.frozen": _l("panel of labelled pictures frozen"),
    "panel.closed": _l("frozen panel closed"),
    "model.held": _l("model read for the first time"),
    "model.refused": _l("model could not be activated"),
    "access.refused": _l("was refused a page"),
}
# What somebody may do whom nobody knows: an event of these without an actor is not the command line's.
BY_NOBODY = ("person.password_failed", "person.throttled")
# What older versions recorded under another name: an event is never rewritten.
EARLIER_ACTIONS = {
    "second.asked": ACTIONS["blind.asked"],
    "second.withdrawn": ACTIONS["blind.withdrawn"],
    "second.verdict": ACTIONS["blind.reviewed"],
    "cells.classed": ACTIONS["cells.annotated"],
}

Columns = AuditEvent.__table__.c


def canonical(value: Any) -> bytes:
    """Write JSON data in the one way that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def identity(row: Record) -> str:
    """Return a row's id, as an event names it."""
    return str(inspect(type(row)).primary_key_from_instance(row)[0])


def fingerprint(row: Record) -> str:
    """Return the hash of a row as the database has it, for the event that speaks of it; the row has to be flushed.

    Left out is what may change later without anybody's doing, and what is empty: a column that a later version adds,
    empty in every row of before, changes no hash.
    """
    names = [column.key for column in inspect(type(row)).column_attrs]
    values = {name: getattr(row, name) for name in names if name not in MAY_CHANGE.get(row.__tablename__, ())}
    plain = {
        name: value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
        for name, value in values.items()
        if value
    }
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def key() -> bytes | None:
    """Return the key that seals, or None before `init` made it."""
    text = current_app.config["AUDIT_KEY"]
    return text.encode() if text else None


def seal(previous: str, event: dict[str, Any], secret: bytes | None) -> str:
    """Return the seal of an event on top of the one before; a plain hash where there is no key."""
    at: datetime = event["at"]
    plain = {
        "number": event["id"],
        "at": at.isoformat(timespec="microseconds"),
        "lab": event["lab_id"],
        "actor": event["actor_id"],
        "action": event["action"],
        "subject": event["subject_id"],
        "details": event["details"],
    }
    sealed = previous.encode() + canonical(plain)
    return hmac.new(secret, sealed, hashlib.sha256).hexdigest() if secret else hashlib.sha256(sealed).hexdigest()


def record(
    transaction: Session | Connection,
    action: str,
    *,
    lab: int | None,
    actor: int | None,
    subject: str | int = "",
    rows: Iterable[Record] = (),
    **details: str | int | bool | list[str] | None,
) -> None:
    """Write down what is being done, in the transaction that does it: both happen or neither.

    rows: what the event writes and nobody may change afterwards; it carries their hashes. Details are ids, versions and
    counts. Never an accession, a note or a file name.
    """
    if action not in ACTIONS:
        raise KeyError(action)
    connection = transaction.connection() if isinstance(transaction, Session) else transaction
    newest = connection.execute(select(Columns.id, Columns.hash).order_by(Columns.id.desc()).limit(1)).first()
    previous = newest.hash if newest else FIRST
    hashes = [f"{row.__tablename__} {identity(row)} {fingerprint(row)}" for row in rows]
    event = {
        "id": newest.id + 1 if newest else 1,
        "at": now(),
        "lab_id": lab,
        "actor_id": actor,
        "action": action,
        "subject_id": str(subject),
        "details": details | ({"rows": hashes} if hashes else {}),
    }
    event |= {"previous_hash": previous, "hash": seal(previous, event, key())}
    connection.execute(insert(AuditEvent), event)


def broken(connection: Connection) -> Iterator[tuple[int, str]]:
    """Yield the number of each event that is not what it was or not where it was, with a sentence."""
    previous, expected, secret, keyed = FIRST, 1, key(), False
    for row in all_events(connection):
        if row.id != expected:
            gone = str(expected) if row.id == expected + 1 else f"{expected} to {row.id - 1}"
            yield expected, f"Event {gone} is missing."
        if row.previous_hash != previous:
            yield row.id, f"Event {row.id} does not follow the one before it."
        if secret and seal(row.previous_hash, row._asdict(), secret) == row.hash:
            keyed = True
        elif keyed or seal(row.previous_hash, row._asdict(), None) != row.hash:
            yield row.id, f"Event {row.id} was changed after it was written."
        previous, expected = row.hash, row.id + 1
    if secret and expected > 1 and not keyed:
        yield 0, "No event is sealed with this server's audit key: the key is another one, or the chain was made anew."


def all_events(connection: Connection, after: int = 0) -> Iterator[Row[Any]]:
    """Read the chain from its beginning, or what comes after an event, a batch at a time."""
    while batch := connection.execute(
        select(AuditEvent.__table__).where(Columns.id > after).order_by(Columns.id).limit(BATCH)
    ).all():
        yield from batch
        after = batch[-1].id


def newest_seal(connection: Connection) -> tuple[int, str]:
    """Return the number and the hash of the newest event: note it elsewhere, and nobody can shorten the chain."""
    row = connection.execute(select(Columns.id, Columns.hash).order_by(Columns.id.desc()).limit(1)).first()
    return (row.id, row.hash) if row else (0, FIRST)


def has_seal(connection: Connection, wanted: str) -> bool:
    """Say whether an event with this hash is in the chain."""
    return connection.execute(select(Columns.id).where(Columns.hash == wanted)).first() is not None
