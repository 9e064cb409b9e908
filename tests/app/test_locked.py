"""Nobody keeps others from writing: no request holds the write lock while it waits for something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app import database
from app.auth import sessions
from app.database import IMMEDIATE, db, own_transaction
from app.records import ServerSession
from tests.app.steps import PASSWORD, Someone
from tests.app.test_security import FILES, addresses

pytestmark = pytest.mark.faults

GIVEN = addresses  # the fixture, under a name that this module uses
SENTENCE = "Others are writing just now"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a writer wait for a twentieth of a second, and a session be written by every request."""
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 50)
    monkeypatch.setattr(sessions, "SEEN_SECONDS", -1)
    return


def forget_patience(app: Flask) -> None:
    """Close the connections that were opened with the usual patience."""
    with app.app_context():
        db.engine.dispose()


def open_every_route(app: Flask, addresses: dict[str, Any], someone: Someone) -> dict[str, tuple[int, str]]:
    """Return what every route answers, by endpoint and method."""
    found = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint == "security.logout"):
        values = {name: addresses[name] for name in rule.arguments}
        values |= {"filename": FILES[rule.endpoint]} if rule.endpoint in FILES else {}
        values |= {"name": "original"} if rule.endpoint == "reading.view" else {}
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **values)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            answer = someone.get(address) if method == "GET" else someone.post(address, {"reason": "none such"})
            found[f"{method} {rule.endpoint}"] = answer.status_code, answer.text if answer.status_code >= 500 else ""
    return found


@pytest.mark.parametrize("person", [None, "admin", "clinician"])
def test_no_request_waits_for_itself(
    app: Flask, addresses: dict[str, Any], impatient: None, person: str | None
) -> None:
    """Every route, of an anonymous browser too, whose session has to be saved: none finds the database locked."""
    forget_patience(app)
    answers = open_every_route(app, addresses, Someone(app, person))
    assert len(answers) > 70
    assert not {where: found for where, found in answers.items() if found[0] >= 500}


def test_an_anonymous_form_holds_no_lock(app: Flask, impatient: None) -> None:
    """The form of a page for signed-in people, sent by nobody with the token of the sign-in page."""
    nobody = Someone(app)
    token = nobody.token()
    with app.test_request_context():
        answer = nobody.client.post("/account/password", data={"csrf_token": token, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")
    assert Someone(app, "clinician").get("/").status_code == 200


def test_a_session_is_not_saved_within_a_transaction(app: Flask, impatient: None) -> None:
    """Whatever a view leaves open is over before the session is written."""

    def careless() -> str:
        db.session.rollback()
        db.session.connection(execution_options=IMMEDIATE)
        return "left open"

    app.add_url_rule("/careless", "careless", careless)
    clinician = Someone(app, "clinician")
    assert clinician.get("/careless").status_code == 200
    assert clinician.get("/").status_code == 200


def test_a_locked_database_is_told_in_a_sentence(app: Flask, addresses: dict[str, Any], impatient: None) -> None:
    """While somebody else writes for long, pages are read, and a step is refused with a sentence and a time."""
    forget_patience(app)
    admin, nobody = Someone(app, "admin"), Someone(app)
    admin_token = admin.token()
    admin.token = lambda: admin_token  # type: ignore[method-assign]
    token = nobody.token()
    with app.app_context():
        engine = db.engine
    with own_transaction(engine) as connection:
        connection.execute(update(ServerSession).values(data=ServerSession.data))
        answers = open_every_route(app, addresses, admin)
        data = {"email": "clinician@lab.example", "password": PASSWORD, "csrf_token": token}
        signing_in = nobody.client.post("/sign-in", data=data)
    failed = {where: found for where, found in answers.items() if found[0] >= 500}
    assert all(status == 503 and SENTENCE in text for status, text in failed.values()), failed
    assert {"POST lab.save", "POST cases.draw"} & set(failed)
    assert not {"GET cases.show", "GET worklist.show", "GET reading.read"} & set(failed)
    assert signing_in.status_code == 503
    assert SENTENCE in signing_in.text
    assert int(signing_in.headers["Retry-After"]) > 0
    assert Someone(app, "clinician").get("/").status_code == 200
