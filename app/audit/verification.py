"""Whether what was recorded is still so: the rows that events speak of, people's roles, and every stored file.

`app.ledger.broken` judges the chain by itself. This holds the rest of the database to it: an event carries the hash of
each row that it wrote, so that a row that is changed, removed or added past the application is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app import ledger
from app.image_store import UnreadableError, image_store
from app.ledger import canonical, fingerprint
from app.records import (
    Amendment,
    Annotation,
    BlindReview,
    BundleActivation,
    CellReading,
    FrozenPanel,
    HeldCard,
    Notification,
    PanelClosing,
    Reading,
    Record,
    Redrawing,
    Review,
    Signature,
    SmearImage,
    TermList,
    User,
)
from app.stored_fields import stored_columns

HELD: dict[str, type[Record]] = {
    record.__tablename__: record
    for record in (
        *(Amendment, Annotation, BlindReview, BundleActivation, CellReading, FrozenPanel, PanelClosing, Reading),
        *(Notification, Redrawing, Review, Signature, TermList),
    )
} | {SmearImage.__tablename__: SmearImage}
# Rows of these are written with an event, always; what an older event says of one is its id alone, under such a name.
NEVER_WITHOUT = {
    "signature": ("case.signed", "signature"),
    "amendment": ("case.amended", "amendment"),
    "review": ("image.reviewed", "review"),
    "annotation": ("cells.annotated", "annotations"),
    "notification": ("case.told", "notification"),
    "frozen_panel": ("panel.frozen", "panel"),
    "panel_closing": ("panel.closed", "closing"),
    "term_list": ("lab.terms", "terms"),
}
GO_WITH_THEIR_IMAGE = {"smear_image", "reading", "cell_reading"}


@dataclass
class Told:
    """What the events say there is: the hash of each row by its table and id, roles by person, what is gone."""

    rows: dict[tuple[str, str], tuple[str, int, str]] = field(default_factory=dict)  # hash, event, image
    named: set[tuple[str, str]] = field(default_factory=set)  # by events that older versions wrote
    signed: dict[str, tuple[str, int]] = field(default_factory=dict)  # hash of the content, event
    roles: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    cards: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def take(self, event: Row[Any]) -> None:
        """Take in one event, in order."""
        details: dict[str, Any] = event.details if isinstance(event.details, dict) else {}
        image = str(details.get("image", "")) or event.subject_id
        for entry in details.get("rows", ()):
            table, identifier, digest = str(entry).split(" ")
            self.rows[table, identifier] = (digest, event.id, image)
        for table, (action, name) in NEVER_WITHOUT.items():
            if event.action == action or (table == "annotation" and event.action == "cells.classed"):
                value = details.get(name, details.get("verdicts", details.get("verdict", ())))
                self.named |= {(table, str(row_id)) for row_id in ([value] if isinstance(value, str) else value)}
        if event.action == "case.signed" and "signature" in details:
            self.signed[str(details["signature"])] = (str(details.get("sha256", "")), event.id)
        elif event.action in ("person.added", "person.role_changed"):
            self.roles[event.subject_id] = (sorted(details.get("roles", ())), event.id)
        elif event.action == "person.disabled":
            self.disabled.add(event.subject_id)
        elif event.action == "person.enabled":
            self.disabled.discard(event.subject_id)
        elif event.action == "image.removed":
            self.removed.add(event.subject_id)
        elif event.action in ("model.held", "model.activated") and "card" in details:
            self.cards[event.subject_id, str(details["version"])] = (str(details["card"]), event.id)


def problems(session: Session, files: bool = True) -> Iterator[str]:
    """Yield a sentence for everything that is not as it was recorded; files: whether every stored file is read too."""
    recorded = Told()
    for event in ledger.all_events(session.connection()):
        recorded.take(event)
    yield from changed_rows(session, recorded)
    yield from unrecorded_rows(session, recorded)
    yield from changed_signatures(session, recorded)
    yield from changed_people(session, recorded)
    yield from changed_cards(session, recorded)
    if files:
        yield from damaged_files(session)


def changed_rows(session: Session, recorded: Told) -> Iterator[str]:
    """Compare each row with the hash in its event."""
    for (table, identifier), (digest, event, image) in recorded.rows.items():
        record = HELD.get(table)
        row = session.get(record, int(identifier) if table == "bundle_activation" else identifier) if record else None
        if row is None:
            if not (table in GO_WITH_THEIR_IMAGE and image in recorded.removed):
                yield f"The {words(table)} {identifier} of event {event} is gone."
        elif fingerprint(row) != digest:
            yield f"The {words(table)} {identifier} is not what event {event} recorded."
        session.expunge_all()  # or a lab of ten years would stay in memory


def unrecorded_rows(session: Session, recorded: Told) -> Iterator[str]:
    """Find rows that no event speaks of."""
    for table in NEVER_WITHOUT:
        record: Any = HELD[table]
        for identifier in session.scalars(select(record.id)):
            if (table, identifier) not in recorded.rows and (table, identifier) not in recorded.named:
                yield f"The {words(table)} {identifier} was written past the application: no event speaks of it."


def changed_signatures(session: Session, recorded: Told) -> Iterator[str]:
    """Compare what was signed with its hash, and that with its event; older events carry no other hash of it."""
    there = set()
    for row in session.scalars(select(Signature).execution_options(yield_per=100)):
        there.add(row.id)
        expected, event = recorded.signed.get(row.id, ("", 0))
        if hashlib.sha256(canonical(row.content)).hexdigest() != row.sha256 or (expected and expected != row.sha256):
            yield f"What was signed as version {row.version} of case {row.case_id} is not what event {event} recorded."
    for identifier, (_digest, event) in recorded.signed.items():
        if identifier not in there and ("signature", identifier) not in recorded.rows:
            yield f"The signature {identifier} of event {event} is gone."


def changed_people(session: Session, recorded: Told) -> Iterator[str]:
    """Compare roles and closed accounts; of people from before the ledger nothing is known."""
    people = {str(user.id): user for user in session.scalars(select(User))}
    for identifier, (roles, event) in recorded.roles.items():
        user = people.get(identifier)
        if user is None:
            yield f"Person {identifier} of event {event} is gone."
        elif sorted(role.name for role in user.roles) != roles:
            yield f"The roles of person {identifier} are not those that event {event} recorded."
        elif user.active == (identifier in recorded.disabled):
            yield f"Person {identifier} was enabled or disabled past the application."


def changed_cards(session: Session, recorded: Told) -> Iterator[str]:
    """Compare the cards that bundles are held to."""
    for row in session.scalars(select(HeldCard)):
        digest, event = recorded.cards.get((row.bundle, row.version), ("", 0))
        if digest != row.card_sha256:
            yield f"The card of {row.bundle} {row.version} is not the one that event {event} recorded."


def damaged_files(session: Session) -> Iterator[str]:
    """Read every file of the image store that a row points to."""
    for column in stored_columns():
        image = column.table.c.get("image_id", column.table.c.id)
        for image_id, digest in session.execute(select(image, column).where(column != "")):
            try:
                image_store().read_bytes(digest)
            except UnreadableError as error:
                yield f"A file of image {image_id}: {error}."


def words(table: str) -> str:
    """Return a table's name for people."""
    return table.replace("_", " ").replace("smear ", "")
