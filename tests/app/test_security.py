"""Who gets in, who may do what, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db, writing
from app.records import Job, Reading, ServerSession, User, now
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, change, review_all, sign

PERSONS = ("anonymous", "clinician", "second", "stranger", "admin", "chief")
ANYONE = dict.fromkeys(PERSONS, 200)


def members(status: int) -> dict[str, int]:
    """Return the row of a page for whoever is signed in."""
    return dict.fromkeys(PERSONS, status) | {"anonymous": 302}


def own(status: int) -> dict[str, int]:
    """Return the row of a thing of the clinician's lab: for another lab there is no such thing."""
    return members(status) | {"stranger": 404, "chief": 404}


def admins(status: int, chief: int | None = None) -> dict[str, int]:
    """Return the row of a page for admins; `chief` is the other lab's admin."""
    return members(403) | {"admin": status, "chief": status if chief is None else chief}


# endpoint: the status for each kind of person; every route of the application has a row
ROUTES: dict[str, dict[str, int]] = {
    "static": ANYONE,
    "bootstrap.static": ANYONE,
    "security.login": dict.fromkeys(PERSONS, 302) | {"anonymous": 200},
    "security.logout": dict.fromkeys(PERSONS, 302),
    "health.live": ANYONE,
    "health.ready": ANYONE,
    "worklist.show": members(200),
    "worklist.as_csv": members(200),
    "worklist.as_json": members(200),
    "worklist.save_filter": members(302),
    "worklist.remove_filter": members(404),
    "auth.show": members(200),
    "auth.prefer": members(302),
    "auth.change_password": members(200),
    "auth.save_password": members(403),
    "auth.ask_code": dict.fromkeys(PERSONS, 302),
    "auth.give_code": dict.fromkeys(PERSONS, 302),
    "auth.end_sessions": members(302),
    "auth.two_factor": members(200),
    "auth.begin_two_factor": members(403),
    "auth.confirm_two_factor": members(400),
    "auth.renew_codes": members(403),
    "auth.switch_off_two_factor": members(403),
    "lab.show": admins(200),
    "lab.save": admins(302),
    "lab.save_counting": admins(400),
    "lab.show_terms": admins(200),
    "lab.save_terms": admins(409),
    "members.index": admins(200),
    "members.add": admins(400),
    "members.reset": admins(200, 404),
    "members.appoint": admins(404),
    "members.set_active": admins(302, 404),
    "members.choose": dict.fromkeys(PERSONS, 404),
    "members.chosen": dict.fromkeys(PERSONS, 404),
    "audit.show": admins(200),
    "audit.show_viewings": admins(200),
    "examples.begin": members(302),
    "cases.new": members(200),
    "cases.create": members(400),
    "cases.show": own(200),
    "cases.edit": own(200),
    "cases.save_details": own(400),
    "cases.upload": own(302),
    "cases.draw": own(400),
    "reading.read": own(200),
    "reading.second_opinion": own(302),
    "reading.review": own(400),
    "signing.sign": own(200),
    "signing.put_signature": own(409),
    "signing.amend": own(302),
    "cases.remove": own(400),
    "reading.thumbnail": own(200),
    "reading.pixels": own(200),
    "reading.view": own(200),
    "reading.overlay": own(200),
    "cells.show": own(200),
    "cells.name_cells": own(400),
    "cells.outline": own(302),
    "cells.redraw": own(302),
    "cells.draw": own(200),
    "cells.as_csv": own(200),
    "cells.as_json": own(200),
    "cells.tell": own(409),
    "cases.read_case": own(302),
    "cases.job_progress": own(200),
    "cases.job_events": own(200),
    "cases.cancel_job": own(302),
    "reading.ask_maps": own(404),
    "reading.ask_evidence": own(404),
    "moved_0": dict.fromkeys(PERSONS, 308),
    "moved_1": dict.fromkeys(PERSONS, 308),
    "moved_2": dict.fromkeys(PERSONS, 308),
    "cells.read": own(302),
    "cells.crops": own(200),
    "cells.cell": own(200),
    "cells.evidence": own(404),
    "reviews.ask": own(302),
    "reviews.withdraw": own(302),
    "reviews.begin": own(404),
    "reviews.read": own(404),
    "reviews.give": own(404),
    "reviews.show_agreement": members(200),
    "report.show": own(200),
    "report.download": own(200),
    "monitoring.show": admins(200),
    "monitoring.as_csv": admins(200),
    "teaching.show": admins(200),
    "teaching.pick": admins(400),
    "teaching.adapt": admins(400),
    "teaching.label_next": members(302),
    "teaching.give_label": members(404),
    "teaching.change_record": admins(404),
    "comparison.side_by_side": members(200),
    "comparison.show": admins(200),
    "comparison.read": admins(400),
    "comparison.begin_trial": admins(400),
    "comparison.end_trial": admins(302),
    "comparison.freeze_panel": admins(400),
    "comparison.close_panel": admins(404),
    "reviewed.show": admins(200),
    "reviewed.export": admins(302),
    "reviewed.archive": admins(404),
    "registry.index": members(200),
    "registry.show": members(200),
    "registry.report": members(404),
    "registry.activate": admins(400),
}
FILES = {"static": "theme.js", "bootstrap.static": "css/bootstrap.min.css"}


@pytest.fixture
def addresses(app: Flask, field: bytes, blank: bytes) -> dict[str, Any]:
    """Return the values that fill the routes' variables: things of the clinician's lab.

    The case was signed and amended, so that it has a version to read and is open.
    """
    clinician = Someone(app, "clinician")
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    clinician.post(f"/cases/{case}/amend", {"reason": "to look again"})
    assert clinician.get(f"/cases/{case}/cells").status_code == 200
    # An image that nobody has reviewed keeps the case from being signed by a row of the table.
    assert clinician.upload(case, blank).status_code == 201
    with app.app_context():
        reading = db.session.scalars(select(Reading).where(Reading.image_id == image)).one()
        leaver = db.session.scalars(select(User).where(User.email == "clinician@lab.example")).one()
        reading_id, label, leaver_id = reading.id, reading.labels[0].id, leaver.id
        job = finished_job(case, leaver)
    change(app, image, "suggested", label)  # so that it has maps
    return {
        "case_id": case,
        "image_id": image,
        "reading_id": reading_id,
        "label": label,
        "name": BUNDLE,
        "version": 1,
        "user_id": leaver_id,
        "filter_id": 999,
        "number": 1,
        "cell_reading_id": "nothing",
        "token": "nothing",
        "file": "nothing.png",
        "filename": "theme.js",
        "job_id": job,
        "panel_id": "nothing",
        "kind": "diagnosis",
        "rest": image,
    }


def finished_job(case_id: str, user: User) -> str:
    """Add a job that is done, of which every route can tell."""
    with writing() as session:
        row = Job(lab_id=user.lab_id, case_id=case_id, kind="cells", state="done", made_by_id=user.id)
        session.add(row)
        session.flush()
        return row.id


def test_every_route_has_a_row(app: Flask) -> None:
    """A new route cannot be forgotten in the table above, and a row names everybody."""
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ROUTES)
    assert all(tuple(sorted(row)) == tuple(sorted(PERSONS)) for row in ROUTES.values())


@pytest.mark.parametrize("person", PERSONS)
def test_who_may_do_what(app: Flask, addresses: dict[str, Any], person: str) -> None:
    """The table of routes holds for everyone; another lab's things are not found rather than forbidden."""
    found = {}
    someone = Someone(app, None if person == "anonymous" else person)
    # Signing out ends the browser's session, so it comes last.
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint == "security.logout"):
        values = {name: addresses[name] for name in rule.arguments}
        if rule.endpoint in FILES:
            values["filename"] = FILES[rule.endpoint]
        if rule.endpoint == "reading.view":
            values["name"] = "original"
        data = {"reason": "no such reason"} if rule.endpoint == "cases.remove" else {"active": "yes"}
        path = app.url_map.bind("localhost").build(rule.endpoint, values)
        reads = "GET" in (rule.methods or set())
        found[rule.endpoint] = (someone.get(path) if reads else someone.post(path, data)).status_code
    assert found == {endpoint: row[person] for endpoint, row in ROUTES.items()}


def test_no_form_works_without_its_token(app: Flask, addresses: dict[str, Any]) -> None:
    """Every POST without a token is refused with a page that says what to do, and with JSON to a script."""
    admin = Someone(app, "admin")
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or set()):
            continue
        path = app.url_map.bind("localhost").build(
            rule.endpoint, {name: addresses[name] for name in rule.arguments}, method="POST"
        )
        page = admin.client.post(path)
        assert page.status_code == 400, rule.endpoint
        assert "open for too long" in page.text
        script = admin.client.post(path, headers={"Accept": "application/json"})
        assert script.status_code == 400
        assert "open for too long" in script.json["error"]


def test_a_copied_cookie_dies_at_sign_out(app: Flask, clinician: Someone) -> None:
    """Who copied the cookie before is out as well."""
    cookie = clinician.client.get_cookie("leukolens")
    assert cookie
    thief = app.test_client()
    thief.set_cookie("leukolens", cookie.value)
    assert thief.get("/").status_code == 200
    assert clinician.post("/sign-out").status_code == 302
    assert thief.get("/").status_code == 302
    assert clinician.get("/").status_code == 302


def test_signing_in_changes_the_key(app: Flask) -> None:
    """A key that someone planted in the browser before is worthless afterwards."""
    someone = Someone(app)
    someone.get("/sign-in")
    planted = someone.client.get_cookie("leukolens")
    assert planted
    someone.sign_in("clinician@lab.example", PASSWORD)
    fresh = someone.client.get_cookie("leukolens")
    assert fresh
    assert fresh.value != planted.value
    thief = app.test_client()
    thief.set_cookie("leukolens", planted.value)
    assert thief.get("/").status_code == 302


def test_the_key_is_not_in_the_database(app: Flask, clinician: Someone) -> None:
    """Reading the table lets nobody in."""
    cookie = clinician.client.get_cookie("leukolens")
    assert cookie
    with app.app_context():
        rows = db.session.scalars(select(ServerSession.id)).all()
    assert rows
    assert cookie.value not in rows


def test_an_idle_session_ends(app: Flask, clinician: Someone) -> None:
    """Past its hours a session opens nothing, and the next sign-in removes it."""
    with app.app_context(), writing() as session:
        for row in session.scalars(select(ServerSession)):
            row.expires_at = now()
    assert clinician.get("/").status_code == 302
    clinician.sign_in("clinician@lab.example", PASSWORD)
    with app.app_context():
        assert len(db.session.scalars(select(ServerSession.id)).all()) == 1


def test_reading_pages_writes_no_session(app: Flask, clinician: Someone) -> None:
    """A person who only looks does not make the database write at every page."""
    clinician.get("/")
    with app.app_context():
        before = db.session.scalars(select(ServerSession.expires_at)).all()
    for path in ("/", "/cases/new", "/models/", "/account/"):
        clinician.get(path)
    with app.app_context():
        assert db.session.scalars(select(ServerSession.expires_at)).all() == before


def test_a_wrong_password_and_an_unknown_person_look_the_same(app: Flask) -> None:
    """The page does not tell who has an account."""
    pages = []
    for address in ("clinician@lab.example", "nobody@lab.example"):
        answer = Someone(app).sign_in(address, "wrong wrong wrong")
        page = re.sub(r'(value|content)="[^"]*"', "", answer.text)
        pages.append((answer.status_code, page))
    assert pages[0] == pages[1]
    assert "The address or the password is not right." in pages[0][1]


def test_an_account_that_is_closed_does_not_open(app: Flask) -> None:
    """A person who left cannot sign in."""
    with app.app_context(), writing() as session:
        session.scalars(select(User).where(User.email == "clinician@lab.example")).one().active = False
    assert Someone(app).sign_in("clinician@lab.example", PASSWORD).status_code == 200


def test_a_one_time_password_opens_only_the_page_that_replaces_it(app: Flask) -> None:
    """Until then every page leads there; afterwards the old one is worthless and other browsers are out."""
    runner = app.test_cli_runner()
    result = runner.invoke(args=["user", "add", "new@hospital.local", "--lab", "Our laboratory"])
    assert result.exit_code == 0, result.output
    one_time = re.search(r"One-time password: (\S+)", result.output)
    assert one_time
    person, elsewhere = Someone(app), Someone(app)
    person.sign_in("new@hospital.local", one_time[1])
    elsewhere.sign_in("new@hospital.local", one_time[1])
    for path in ("/", "/cases/new", "/models/"):
        assert person.get(path).location == "/account/password"
    data = {"password": one_time[1], "new_password": "short", "new_password_confirm": "short"}
    assert "at least 12 characters" in person.post("/account/password", data).text
    data |= {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    assert person.post("/account/password", data).location == "/"
    assert person.get("/").status_code == 200
    assert elsewhere.get("/").location.startswith("/sign-in")
    assert Someone(app).sign_in("new@hospital.local", one_time[1]).status_code == 200


def test_passwords_are_argon2(app: Flask) -> None:
    """The hash is argon2id and nobody's password is anywhere else."""
    with app.app_context():
        hashes = db.session.scalars(select(User.password)).all()
    assert all(value.startswith("$argon2id$") for value in hashes)


@pytest.mark.parametrize("path", ["/sign-in", "/nothing", "/static/theme.js", "/health"])
def test_every_answer_forbids_foreign_code(app: Flask, path: str) -> None:
    """Scripts and styles come from here only, and no page is framed."""
    headers = Someone(app).get(path).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_are_not_kept_and_have_nothing_inline(clinician: Someone) -> None:
    """The back button shows no case after sign-out; no style or script stands in a page."""
    clinician.open_case()
    for path in ("/", "/cases/new", "/models/", "/account/"):
        page = clinician.get(path)
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<style|<script(?![^>]* src=)| style=| on\w+=", page.text)


@pytest.mark.parametrize("person", ["anonymous", "admin", "clinician"])
def test_nothing_is_kept_but_what_is_on_the_list(app: Flask, addresses: dict[str, Any], person: str) -> None:
    """Every route says no-store, whatever its view says, but for the program's files and pictures asked for anew."""
    someone, kept = Someone(app, None if person == "anonymous" else person), set()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint == "security.logout"):
        values = {name: addresses[name] for name in rule.arguments}
        values |= {"filename": FILES[rule.endpoint]} if rule.endpoint in FILES else {}
        values |= {"name": "original"} if rule.endpoint == "reading.view" else {}
        path = app.url_map.bind("localhost").build(rule.endpoint, values)
        for method in {"GET", "POST"} & (rule.methods or set()):
            answer = someone.get(path) if method == "GET" else someone.post(path)
            if answer.headers.getlist("Cache-Control") == ["no-store"]:
                assert "Expires" not in answer.headers, rule.endpoint
            else:
                assert answer.status_code == 200, rule.endpoint
                kept.add((rule.endpoint, answer.headers["Cache-Control"].replace("public", "private")))
    pictures = {"reading.thumbnail", "reading.pixels", "reading.view", "reading.overlay", "cells.crops"}
    programs = {("bootstrap.static", "private, max-age=604800"), ("static", "private, no-cache")}
    assert kept - programs == ({(name, "private, no-cache") for name in pictures} if person != "anonymous" else set())


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_is_out_of_reach_of_scripts(make_app: Callable[..., Flask], secure: bool) -> None:
    """HttpOnly and SameSite always; where the site is served by HTTPS also Secure, and no other host can plant one."""
    someone = Someone(make_app(SECURE_COOKIES=secure))
    cookie = someone.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) == secure
    assert cookie.startswith("__Host-leukolens=" if secure else "leukolens=")
    assert ("Path=/;" in f"{cookie};", "Domain" in cookie) == (True, False)  # or a browser refuses that name


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_signing_in_leads_nowhere_else(app: Flask, target: str) -> None:
    """A link cannot use the sign-in page to send people away."""
    someone = Someone(app)
    data = {"email": "clinician@lab.example", "password": PASSWORD}
    answer = someone.post(f"/sign-in?next={target}", data)
    assert urlsplit(answer.location or "").netloc in ("", "localhost")
    assert not (answer.location or "").startswith(("//", "/\\"))


def test_another_lab_sees_nothing(app: Flask, addresses: dict[str, Any]) -> None:
    """Not in the worklist, not in a search."""
    stranger = Someone(app, "stranger")
    assert addresses["case_id"] not in stranger.get("/").text
    assert addresses["case_id"] not in stranger.get("/?q=A-1").text


def test_the_log_has_no_patient_data(
    app: Flask, clinician: Someone, field: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a failure writes neither accession nor notes nor file name to the log, nor shows them."""
    caplog.set_level("DEBUG")
    case = clinician.open_case("SECRET-77", notes="Jane Doe")
    clinician.upload(case, field, "doe_0412.png")
    clinician.get("/?q=Jane+Doe")
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("app.cases.intake.count", fail)
    answer = clinician.upload(case, field + b" ", "doe_0413.png")
    assert answer.status_code in (500, 422)
    for word in ("SECRET-77", "Jane", "doe_0412"):
        assert word not in caplog.text
        assert word not in answer.text


def test_the_key_file_is_for_the_owner_only(prepared: Path) -> None:
    """Nobody else on the machine can read it."""
    assert (prepared / "secret_key").stat().st_mode & 0o777 == 0o600
