"""What people do in many tests, in a line each, and what is looked at afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import undefer
from werkzeug.test import TestResponse

from app.database import db, writing
from app.inference.waiting import EngineBusyError
from app.records import UNFINISHED, AuditEvent, Job, Reading, Role, User, now

PASSWORD = "a quiet violet morning"
NEW = "another quiet violet morning"


class Someone:
    """A browser without script: it keeps cookies and sends the form token that the page gave it."""

    def __init__(self, app: Flask, name: str | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        if name:
            answer = self.sign_in(f"{name}@lab.example", PASSWORD)
            assert answer.status_code == 302, answer.text

    def token(self) -> str:
        """Return the form token of this browser's session."""
        page = self.client.get("/account/", follow_redirects=True).text
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found
        return found[1]

    def sign_in(self, address: str, password: str) -> TestResponse:
        """Sign in through the form."""
        return self.post("/sign-in", {"email": address, "password": password})

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, buffered=True, **kwargs)

    def post(self, path: str, data: dict[str, Any] | None = None, json: bool = False) -> TestResponse:
        """Send a form, as the page's script does it where `json` is set."""
        headers = {"X-CSRFToken": self.token()} | ({"Accept": "application/json"} if json else {})
        return self.client.post(
            path, data=data or {}, headers=headers, content_type="multipart/form-data", buffered=True
        )

    def open_case(self, accession: str = "A-1", **fields: str) -> str:
        """Open a case and return its identifier."""
        data = {"accession": accession, "specimen": "PB", "stain": "", "notes": "", "confirmed": "yes"} | fields
        answer = self.post("/cases/new", data, json=True)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def upload(self, case: str, data: bytes, name: str = "field.png") -> TestResponse:
        """Send one file as the page's script does."""
        return self.post(f"/cases/{case}/images", {"image": (BytesIO(data), name)}, json=True)


def events(app: Flask) -> list[AuditEvent]:
    """Return every event in order."""
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)))


def reading_of(app: Flask, image_id: str) -> Reading:
    """Return the first reading of an image."""
    with app.app_context():
        query = select(Reading).where(Reading.image_id == image_id).options(undefer(Reading.result))
        return db.session.scalars(query).one()


def change(app: Flask, image_id: str, outcome: str, label: str | None) -> None:
    """Make a reading say something else, as if it had just come, to see how the page puts it."""
    with app.app_context(), writing() as session:
        reading = session.scalars(select(Reading).where(Reading.image_id == image_id)).one()
        reading.outcome, reading.label = outcome, label
        result: dict[str, Any] = dict(reading.result)
        codes = {"unsure": ["low_confidence"], "unfamiliar": ["unfamiliar", "low_confidence"]}.get(outcome, [])
        reasons = [{"code": code, "text": f"As an older version worded {code}, with 0.94."} for code in codes]
        probabilities = {item.id: 0.02 for item in reading.labels} | {reading.labels[2].id: 0.94}
        grid = [[0.0, 0.5], [0.5, 1.0]]
        result["maps"] = [grid for _ in reading.labels]
        result["suggestion"] = {
            **result["suggestion"],
            "outcome": outcome,
            "label": label,
            "reasons": reasons,
            "probabilities": probabilities,
            "confidence": 0.94,
            "novelty": 0.1,
        }
        reading.result, suggested = result, outcome == "suggested"
        reading.confidence, reading.probabilities = (0.94, probabilities) if suggested else (None, {})


def take_role(app: Flask, person: str, role: str = "clinician") -> None:
    """Take a role away from somebody."""
    with app.app_context(), writing() as session:
        user = session.scalars(select(User).where(User.email == f"{person}@lab.example")).one()
        user.roles.remove(session.scalars(select(Role).where(Role.name == role)).one())


def review_all(someone: Someone, case: str, choice: str = "not_gradable") -> None:
    """Review every image of a case the same way."""
    for image in sorted(set(re.findall(rf'/cases/{case}/images/(\w+)"', someone.get(f"/cases/{case}").text))):
        page = someone.get(f"/cases/{case}/images/{image}").text
        seen = re.search(r'name="seen" value="(\d+)"', page)
        assert seen
        data = {"choice": choice, "seen": seen[1], "comment": "as shown"}
        assert someone.post(f"/cases/{case}/images/{image}/reviews", data).status_code == 302


def sign(someone: Someone, case: str, **fields: str) -> TestResponse:
    """Open the page and sign with what is given."""
    page = someone.get(f"/cases/{case}/sign").text
    seen = re.search(r'name="seen" value="(\w+)"', page)
    data = {"diagnosis": "insufficient", "password": PASSWORD, "seen": seen[1] if seen else ""}
    return someone.post(f"/cases/{case}/sign", data | fields)


def recorded(app: Flask) -> list[str]:
    """Return what people did since the test began, in order; they were added before, and models read by themselves."""
    return [event.action for event in events(app) if event.action not in ("person.added", "model.held")]


def id_of(app: Flask, person: str) -> int:
    """Return the number of a person."""
    with app.app_context():
        return db.session.scalars(select(User.id).where(User.email == f"{person}@lab.example")).one()


def link_in(page: str) -> str:
    """Return the path of the one-time link on a page."""
    found = re.search(r'value="http://localhost(/password-link/[^"]+)"', page)
    assert found, page
    return found[1]


def choose(app: Flask, link: str, password: str = NEW, again: str | None = None) -> tuple[int, str]:
    """Choose a password with a link, in a browser of its own."""
    someone = Someone(app)
    answer = someone.post(link, {"password": password, "again": password if again is None else again})
    return answer.status_code, answer.text


def work_done(app: Flask) -> None:
    """Wait until no job is left: a loaded machine takes its time."""
    until = time.monotonic() + 120
    unfinished = select(Job.id).where(Job.state.in_(UNFINISHED)).limit(1)
    while time.monotonic() < until:
        with app.app_context():
            if db.session.scalar(unfinished) is None:
                return
        app.extensions["jobs"].wait(0.2)
    raise AssertionError("a job did not end")


def later_job(app: Flask, kind: str, state: str) -> None:
    """Add a job of a kind in the first lab, newer than all before it, in a state that nobody brings it out of."""
    with app.app_context(), writing() as session:
        user = session.scalars(select(User).where(User.email == "admin@lab.example")).one()
        session.add(Job(lab_id=user.lab_id, kind=kind, state=state, made_by_id=user.id, alive_at=now()))


def busy_at_first(monkeypatch: pytest.MonkeyPatch, app: Flask, *names: str) -> list[str]:
    """Let methods of the engine be too busy at the first two calls of each; return the list of what was refused."""
    monkeypatch.setattr("app.inference.jobs.BUSY_SECONDS", 0.01)
    refused: list[str] = []
    engine = app.extensions["engine"]

    def busy_twice(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            if refused.count(name) < 2:
                refused.append(name)
                raise EngineBusyError("Many images are being read just now.")
            return method(*args, **kwargs)

        return called

    for name in names:
        monkeypatch.setattr(engine, name, busy_twice(name, getattr(engine, name)))
    return refused


def just_before_it_writes(monkeypatch: pytest.MonkeyPatch, module: str, act: Callable[[], Any]) -> None:
    """Let somebody act between what the next request has looked at and its first transaction that a module begins."""

    def writing_later() -> Any:
        monkeypatch.setattr(f"{module}.writing", writing)
        with ThreadPoolExecutor(1) as others:  # a request within a request would be the same person's
            others.submit(act).result()
        return writing()

    monkeypatch.setattr(f"{module}.writing", writing_later)
