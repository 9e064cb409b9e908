"""The audit ledger: what is recorded, that nobody changes it, and that a change is found."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from app import ledger
from app.database import db, writing
from app.records import AuditEvent, SmearImage
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, events, recorded


def verify(app: Flask, *options: str) -> tuple[int, str]:
    """Run the command and return its status and what it printed."""
    result = app.test_cli_runner().invoke(args=["audit", "verify", *options])
    return result.exit_code, result.output


def forge(app: Flask, *statements: str) -> None:
    """Change the ledger as somebody who owns the database file can: without the triggers."""
    with app.app_context(), writing() as session:
        for name in ("no_update", "no_delete", "in_order"):
            session.execute(text(f"DROP TRIGGER audit_event_{name}"))
        for statement in statements:
            session.execute(text(statement))


def test_what_is_done_is_recorded(app: Flask, field: bytes) -> None:
    """Signing in and out, a case, its image, the model: one event each, with who, what and which."""
    admin = Someone(app, "admin")
    case = admin.open_case("SECRET-77", notes="Jane Doe")
    image = admin.upload(case, field, "doe_0412.png").json["id"]
    admin.post(f"/cases/{case}/images/{image}/remove")
    admin.post(f"/models/{BUNDLE}/activate", {"reason": "the first", "password": PASSWORD})
    admin.post("/sign-out")
    assert recorded(app) == [
        "person.signed_in",
        "case.opened",
        "image.added",
        "image.removed",
        "model.activated",
        "person.signed_out",
    ]
    found = {event.action: event for event in events(app)}
    assert found["case.opened"].subject_id == case
    assert found["image.added"].subject_id == image
    assert found["image.added"].details["case"] == case
    assert found["image.added"].details["bundle"].startswith(BUNDLE)
    assert len({event.actor_id for event in found.values() if event.action not in ("person.added", "model.held")}) == 1


def test_nothing_of_the_patient_is_recorded(app: Flask, clinician: Someone, field: bytes) -> None:
    """Neither accession nor notes nor file name is in any event."""
    case = clinician.open_case("SECRET-77", notes="Jane Doe")
    clinician.upload(case, field, "doe_0412.png")
    with app.app_context():
        whole = str(db.session.execute(text("SELECT * FROM audit_event")).all()).lower()
    assert case in whole
    assert all(word not in whole for word in ("secret", "jane", "doe"))


def test_wrong_passwords_are_recorded_for_people_whom_we_know(app: Flask) -> None:
    """At sign-in and at an activation; what a stranger typed as an address is not kept."""
    Someone(app).sign_in("admin@lab.example", "wrong wrong wrong")
    Someone(app).sign_in("my password by mistake@lab.example", "wrong wrong wrong")
    assert recorded(app) == ["person.password_failed"]
    admin = Someone(app, "admin")
    admin.post(f"/models/{BUNDLE}/activate", {"reason": "x", "password": "wrong"})
    assert recorded(app)[1:] == ["person.signed_in", "person.password_failed"]
    data = {"password": PASSWORD, "new_password": PASSWORD + "2", "new_password_confirm": PASSWORD + "2"}
    admin.post("/account/password", data)
    assert recorded(app)[-1] == "person.password_changed"


def test_what_fails_is_not_recorded(app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Event and change are one transaction: no event without its case, no case without its event."""
    clinician.open_case("A-1")
    answer = clinician.post("/cases/new", {"accession": "a-1", "specimen": "PB"}, json=True)
    assert answer.status_code == 400
    assert recorded(app).count("case.opened") == 1
    monkeypatch.delitem(ledger.ACTIONS, "case.opened")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert clinician.post("/cases/new", {"accession": "A-2", "specimen": "PB"}, json=True).status_code == 500
    assert "A-2" not in clinician.get("/").text


def test_the_chain_is_whole_after_many_writers(app: Flask) -> None:
    """Eight threads record at once; no number is missing and no seal is wrong."""

    def work() -> None:
        for _ in range(5):
            with app.app_context(), writing() as session:
                ledger.record(session, "case.opened", lab=1, actor=None, subject="x")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded(app).count("case.opened") == 40
    status, printed = verify(app)
    assert status == 0
    assert f"{len(events(app))} events, unbroken." in printed


@pytest.mark.parametrize(
    "statement",
    [
        update(AuditEvent).values(action="case.opened"),
        delete(AuditEvent),
        pytest.param(text("REPLACE INTO audit_event SELECT * FROM audit_event WHERE id = 1"), marks=pytest.mark.sqlite),
        pytest.param(
            text(
                "INSERT OR REPLACE INTO audit_event SELECT 7, at, 1, 1, action, '', '{}', hash, hash FROM audit_event"
            ),
            marks=pytest.mark.sqlite,
        ),
    ],
    ids=["update", "delete", "replace", "insert elsewhere"],
)
def test_the_database_refuses_to_change_events(app: Flask, statement: object) -> None:
    """Not even our own code can."""
    with app.app_context():
        with pytest.raises(DatabaseError, match="audit_event rows are"), writing() as session:
            session.execute(statement)  # type: ignore[call-overload]
        assert db.session.scalar(select(AuditEvent.id).where(AuditEvent.id == 1)) == 1


@pytest.mark.parametrize(
    ("forgery", "told"),
    [
        ("UPDATE audit_event SET actor_id = 1 WHERE id = 3", "Event 3 was changed"),
        ("UPDATE audit_event SET details = '[]' WHERE id = 3", "Event 3 was changed"),
        ("UPDATE audit_event SET at = '2026-01-01 00:00:00.000000' WHERE id = 3", "Event 3 was changed"),
        ("UPDATE audit_event SET id = 99 WHERE id = 3", "Event 3 is missing"),
        ("DELETE FROM audit_event WHERE id = 3", "Event 4 does not follow the one before it"),
        ("DELETE FROM audit_event WHERE id < 3", "Event 1 to 2 is missing"),
    ],
)
@pytest.mark.sqlite
def test_a_changed_ledger_is_found(app: Flask, clinician: Someone, forgery: str, told: str) -> None:
    """The exit status is 1 and the event is named."""
    clinician.open_case("A-1")
    clinician.open_case("A-2")
    assert verify(app)[0] == 0
    forge(app, forgery)
    status, printed = verify(app)
    assert status == 1
    assert told in printed


@pytest.mark.sqlite
def test_a_shortened_ledger_is_found_by_its_seal(app: Flask, clinician: Someone) -> None:
    """Cutting the newest events off leaves a whole chain, but not the one whose seal was noted."""
    clinician.open_case("A-1")
    seal = verify(app)[1].split()[-1]
    clinician.open_case("A-2")
    assert verify(app, "--seal", seal)[0] == 0
    forge(app, f"DELETE FROM audit_event WHERE id > {len(events(app)) - 2}")
    assert verify(app)[0] == 0
    status, printed = verify(app, "--seal", seal)
    assert status == 1
    assert "not in the chain any more" in printed


def test_the_page_filters_and_turns(make_app: Callable[..., Flask]) -> None:
    """By action, person, thing and day; pages follow each other without gap or repeat."""
    app = make_app(PAGE_SIZE=5)
    admin, clinician = Someone(app, "admin"), Someone(app, "clinician")
    cases = [clinician.open_case(f"A-{number}") for number in range(7)]
    page = admin.get("/audit/?action=case.opened").text
    assert page.count("event-subject") == 5
    older = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = admin.get(older).text
    assert second.count("event-subject") == 2
    assert all((case in page) != (case in second) for case in cases)
    assert admin.get(f"/audit/?subject={cases[3]}").text.count("event-subject") == 1
    assert "No event matches" in admin.get("/audit/?since=2100-01-01").text
    assert "No event matches" in admin.get("/audit/?until=2000-01-01").text
    with app.app_context():
        actor = events(app)[-1].actor_id
    assert admin.get(f"/audit/?person={actor}&action=case.opened").text.count("event-subject") == 5
    for strange in ("action=dragon", "person=x", "before=x", "since=x", "until=9999-12-31", "before=" + "9" * 30):
        assert admin.get(f"/audit/?{strange}").status_code == 404, strange


def test_the_page_is_for_admins_and_their_own_lab(app: Flask) -> None:
    """Another lab's events are not there, whatever the filter."""
    stranger, clinician, admin = (Someone(app, name) for name in ("stranger", "clinician", "admin"))
    theirs = stranger.open_case("A-1")
    assert clinician.get("/audit/").status_code == 403
    assert theirs not in admin.get("/audit/").text
    assert "No event matches" in admin.get(f"/audit/?subject={theirs}").text


def test_every_reading_names_its_bundle_in_the_ledger(app: Flask, clinician: Someone, field: bytes) -> None:
    """What read an image can be told from the ledger alone."""
    image = clinician.upload(clinician.open_case(), field).json["id"]
    with app.app_context():
        stored = db.session.get_one(SmearImage, image)
        reading = stored.reading
    event = events(app)[-1]
    assert event.details["reading"] == reading.id
    assert event.details["bundle"] == f"{reading.bundle} {reading.version}"
