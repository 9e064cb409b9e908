"""The ids of the ledger in words, looked up for the page that shows them and kept nowhere beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app.accession import key
from app.database import db
from app.records import AuditEvent, Case, FrozenPanel, SmearImage, User, places_of

ID_LENGTH = 32  # of a case or an image; people and labs have short numbers, models names
LONG_ID = re.compile(rf"([0-9a-f]{{{ID_LENGTH}}})(?:\.(\d+))?")  # behind the point the number of a cell
SHOWN_OF_ID = 8  # characters of an id without words, enough to tell one from another
ON_PEOPLE = "person."  # begins the name of an action whose subject is a person
CHECKS = "rows"  # what `audit verify` compares the records with; nobody reads it


@dataclass(frozen=True)
class Named:
    """What an id stands for: the words, and the page of it, where it is still there."""

    words: str
    address: str = ""


@dataclass(frozen=True)
class Detail:
    """One detail of an event: what it is of, in words, and as the event holds it where that says more."""

    name: str
    words: str
    held: str


def ids_in(events: Iterable[AuditEvent]) -> list[str]:
    """Return the ids that the events are about or speak of."""
    values = [value for event in events for value in (event.subject_id, *_flat(event.details.values()))]
    return [match[1] if (match := LONG_ID.fullmatch(value)) else value for value in values if isinstance(value, str)]


def details(event: AuditEvent, names: dict[str, Named]) -> list[Detail]:
    """Return an event's details in words; `names`: what `named` says of its ids."""
    lines = []
    for name, value in sorted(event.details.items()):
        each = [str(text) for text in _flat([value])]
        if name == CHECKS or value is None or not any(each):
            continue
        words = (_choice(text) if name == "choice" else _in_words(text, names) for text in each)
        lines.append(Detail(name.replace("_", " "), ", ".join(words), ", ".join(each)))
    return lines


def _flat(values: Iterable[Any]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _choice(value: str) -> str:
    """Return what was chosen of a cell or an image, such as `excluded:smudged`, as people write."""
    return value.replace(":", ": ").replace("_", " ")


def _in_words(value: str, names: dict[str, Named]) -> str:
    match = LONG_ID.fullmatch(value)
    if match is None:
        return value
    words = names[match[1]].words if match[1] in names else f"{match[1][:SHOWN_OF_ID]}…"
    return _("%(what)s, cell %(number)s", what=words, number=match[2]) if match[2] else words


def named(ids: Iterable[str], lab_id: int) -> dict[str, Named]:
    """Return the words of those ids that are a case, an image or a panel of the lab."""
    long = {identifier for identifier in ids if len(identifier) == ID_LENGTH}
    cases = select(Case.id, Case.accession).where(Case.lab_id == lab_id, Case.id.in_(long))
    names = {
        row.id: Named(_("case %(name)s", name=row.accession), url_for("cases.show", case_id=row.id))
        for row in db.session.execute(cases)
    }
    images = (
        select(SmearImage.id, SmearImage.case_id, Case.accession)
        .join(SmearImage.case)
        .where(Case.lab_id == lab_id, SmearImage.id.in_(long))
    )
    own_images = db.session.execute(images).all()
    places = places_of(db.session, (row.id for row in own_images))
    for row in own_images:
        words = _("image %(place)s of case %(name)s", place=places[row.id], name=row.accession)
        names[row.id] = Named(words, url_for("reading.read", case_id=row.case_id, image_id=row.id))
    frozen = select(FrozenPanel.id, FrozenPanel.name).where(FrozenPanel.lab_id == lab_id, FrozenPanel.id.in_(long))
    for panel_id, name in db.session.execute(frozen):
        names[panel_id] = Named(_("panel %(name)s", name=name), url_for("comparison.show", on=panel_id))
    return names


def subjects(events: Sequence[AuditEvent], names: dict[str, Named], lab_id: int) -> dict[int, Named]:
    """Return what each event is on, in words, by the event's number; `names`: what `named` says of ids.

    People have short numbers, as labs have: only an event whose action speaks of a person is on one.
    """
    of_people = {event.id: int(event.subject_id) for event in events if of_person(event)}
    query = select(User).where(User.lab_id == lab_id, User.id.in_(of_people.values()))
    people = {user.id: Named(user.shown_name) for user in db.session.scalars(query)}
    on_people = {event_id: people[number] for event_id, number in of_people.items() if number in people}
    on_things = {
        event.id: names[event.subject_id] for event in events if event.id not in of_people and event.subject_id in names
    }
    return on_people | on_things


def of_person(event: AuditEvent) -> bool:
    """Return whether an event is on a person whom its subject numbers."""
    return event.action.startswith(ON_PEOPLE) and event.subject_id.isdecimal()


def things_called(text: str, lab_id: int) -> list[str]:
    """Return the ids that somebody means who types an id or an accession: the case's and those of its images."""
    case_id = db.session.scalar(select(Case.id).where(Case.lab_id == lab_id, Case.accession_key == key(text)))
    if case_id is None:
        return [text]
    return [text, case_id, *db.session.scalars(select(SmearImage.id).where(SmearImage.case_id == case_id))]
