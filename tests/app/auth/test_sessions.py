"""Sessions end, however busy they are; nobody's sessions are short; and what stands behind a proxy is believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask, url_for
from sqlalchemy import select

from app.auth import sessions
from app.database import db
from app.records import ServerSession, now
from tests.app.steps import NEW, PASSWORD, Someone, id_of, link_in, review_all, sign


def test_a_session_ends_however_busy_it_is(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day after the sign-in; signing in again begins a new day."""
    clinician = Someone(app, "clinician")
    at = time.time()
    monkeypatch.setattr(sessions.time, "time", lambda: at + 24 * 3600 - 60)
    assert clinician.get("/").status_code == 200
    monkeypatch.setattr(sessions.time, "time", lambda: at + 24 * 3600 + 60)
    ended = clinician.get("/")
    assert ended.status_code == 302
    assert ended.location.startswith("/sign-in")
    assert clinician.sign_in("clinician@lab.example", PASSWORD).status_code == 302
    assert clinician.get("/").status_code == 200


def test_the_session_of_nobody_is_kept_for_an_hour(app: Flask) -> None:
    """A page that anybody opens leaves no row for half a day; a person's session has its time."""
    Someone(app).get("/sign-in")
    with app.app_context():
        ends = db.session.scalars(select(ServerSession.expires_at)).one()
    assert ends < now() + timedelta(minutes=61)
    Someone(app, "clinician")
    with app.app_context():
        assert max(db.session.scalars(select(ServerSession.expires_at))) > now() + timedelta(hours=11)


def test_https_is_insisted_on_once_it_is_there(make_app: Callable[..., Flask]) -> None:
    """Said over HTTPS alone, as the proxy tells."""
    client = make_app(TRUSTED_PROXIES=1).test_client()
    assert "Strict-Transport-Security" not in client.get("/sign-in").headers
    secure = client.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_links_lead_back_through_the_proxy(make_app: Callable[..., Flask]) -> None:
    """With its host, its port and the prefix under which it serves us; without a proxy nothing of it is believed."""
    told = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "lab.example:8443",
        "X-Forwarded-Port": "8443",
        "X-Forwarded-Prefix": "/blood",
    }
    for hops, wanted in ((1, "https://lab.example:8443/blood/"), (0, "http://localhost/")):
        app = make_app(TRUSTED_PROXIES=hops)
        app.add_url_rule("/where", "where", lambda: url_for("worklist.show", _external=True))
        assert app.test_client().get("/where", headers=told).text == wanted


@pytest.mark.parametrize(
    "password", ["password1234", "aaaaaaaaaaaa", "clinician@lab.example", "qwertyuiop12", "leukolens2026"]
)
def test_a_password_that_is_easily_guessed_is_refused(app: Flask, password: str) -> None:
    """Where it is changed, and where a link lets somebody choose it; long words are not slow to be judged."""
    clinician = Someone(app, "clinician")
    data = {"password": PASSWORD, "new_password": password, "new_password_confirm": password}
    refused = clinician.post("/account/password", data)
    assert refused.status_code == 400
    assert "easily guessed" in refused.text
    link = link_in(Someone(app, "admin").post(f"/people/{id_of(app, 'clinician')}/link").text)
    assert "easily guessed" in Someone(app).post(link, {"password": password, "again": password}).text
    begun, long = time.perf_counter(), " ".join(f"{NEW}{number}" for number in range(4))
    assert Someone(app).post(link, {"password": long, "again": long}).status_code == 302
    assert time.perf_counter() - begun < 5


def test_the_end_of_a_line_is_one_character(app: Flask, field: bytes) -> None:
    """As it is kept, and not the two that a browser sends."""
    clinician = Someone(app, "clinician")
    case = clinician.open_case("A-1", notes="x\r\n" * 1000)
    image = clinician.upload(case, field).json
    review = {"choice": "other", "comment": "x\r\n" * 999 + "xy", "seen": "0"}
    assert clinician.post(f"{image['url']}/reviews", review).status_code == 302
    review_all(clinician, case)
    assert sign(clinician, case, remark="x\r\n" * 2500).status_code == 302
