"""People: added, disabled, given other roles and new passwords by an admin; and never a lab without an admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db, writing
from app.records import PasswordLink, now
from tests.app.steps import NEW, PASSWORD, Someone, choose, id_of, link_in, recorded


@pytest.fixture
def admin(app: Flask) -> Someone:
    """Return a signed-in admin."""
    return Someone(app, "admin")


def test_a_person_is_added_by_a_link_that_works_once(app: Flask, admin: Someone) -> None:
    """Shown once, stored as a hash, used once; then the person signs in."""
    answer = admin.post("/people/", {"email": "Eva@Lab.Example", "name": "Eva Kern", "post": "clinician"})
    link = link_in(answer.text)
    assert link not in admin.get("/people/").text
    with app.app_context():
        assert link.split("/")[-1] not in db.session.scalars(select(PasswordLink.id)).one()
    assert "eva@lab.example" in Someone(app).get(link).text
    assert choose(app, link, "short")[0] == 400
    assert "at least 12 characters" in choose(app, link, "short")[1]
    assert "not the same" in choose(app, link, NEW, "other")[1]
    assert choose(app, link)[0] == 302
    status, page = choose(app, link)
    assert status == 404
    assert "does not work any more" in page
    eva = Someone(app)
    assert eva.sign_in("eva@lab.example", NEW).status_code == 302
    assert "Eva Kern" in eva.get("/").text
    assert recorded(app)[-4:] == ["person.signed_in", "person.link_made", "person.password_changed", "person.signed_in"]


@pytest.mark.parametrize(
    ("email", "status", "told"),
    [
        ("nobody", 400, "not an e-mail address"),
        ("clinician@lab.example", 400, "already"),
        ("CLINICIAN@lab.example", 400, "already"),
        ("stranger@lab.example", 400, "already"),
        ("", 400, "not an e-mail address"),
    ],
)
def test_a_wrong_address_is_told(admin: Someone, email: str, status: int, told: str) -> None:
    """A sentence, and what was typed is still there."""
    answer = admin.post("/people/", {"email": email, "name": "Eva Kern", "post": "clinician"})
    assert answer.status_code == status
    assert told in answer.text
    assert 'value="Eva Kern"' in answer.text


def test_disabling_ends_the_session_at_once(app: Flask, admin: Someone, clinician: Someone) -> None:
    """The open browser is out at its next request, and the password opens nothing; enabling lets the person in."""
    assert clinician.get("/").status_code == 200
    number = id_of(app, "clinician")
    admin.post(f"/people/{number}/active", {"active": "no"})
    assert clinician.get("/").status_code == 302
    assert clinician.sign_in("clinician@lab.example", PASSWORD).status_code == 200
    assert admin.post(f"/people/{number}/link").status_code == 409
    admin.post(f"/people/{number}/active", {"active": "yes"})
    assert clinician.get("/").status_code == 302
    assert clinician.sign_in("clinician@lab.example", PASSWORD).status_code == 302
    assert recorded(app).count("person.disabled") == recorded(app).count("person.enabled") == 1


def test_a_reset_ends_password_and_sessions(app: Flask, admin: Someone, clinician: Someone) -> None:
    """The old password is worthless at once; a newer link replaces the older."""
    number = id_of(app, "clinician")
    first = link_in(admin.post(f"/people/{number}/link").text)
    assert clinician.get("/").status_code == 302
    assert clinician.sign_in("clinician@lab.example", PASSWORD).status_code == 200
    second = link_in(admin.post(f"/people/{number}/link").text)
    assert choose(app, first)[0] == 404
    assert choose(app, second)[0] == 302
    assert clinician.sign_in("clinician@lab.example", NEW).status_code == 302


def test_a_link_expires(app: Flask, admin: Someone) -> None:
    """Past its hours a link leads nowhere, and a disabled person's link neither."""
    number = id_of(app, "clinician")
    link = link_in(admin.post(f"/people/{number}/link").text)
    with app.app_context(), writing() as session:
        session.scalars(select(PasswordLink)).one().expires_at = now() - timedelta(seconds=1)
    assert choose(app, link)[0] == 404
    link = link_in(admin.post(f"/people/{number}/link").text)
    admin.post(f"/people/{number}/active", {"active": "no"})
    assert Someone(app).get(link).status_code == 404


def test_roles_change_from_the_next_request_on(app: Flask, admin: Someone, clinician: Someone) -> None:
    """A clinician becomes an admin and goes back, without signing in again."""
    number = id_of(app, "clinician")
    admin.post(f"/people/{number}/role", {"post": "admin"})
    assert clinician.get("/audit/").status_code == 200
    assert "<dd>Admin and clinician</dd>" in clinician.get("/account/").text
    admin.post(f"/people/{number}/role", {"post": "office"})
    assert clinician.get(f"/cases/{clinician.open_case()}/sign").status_code == 403
    admin.post(f"/people/{number}/role", {"post": "clinician"})
    assert clinician.get("/audit/").status_code == 403
    assert admin.post(f"/people/{number}/role", {"post": "emperor"}).status_code == 404


def test_the_last_admin_stays(app: Flask, admin: Someone, clinician: Someone) -> None:
    """Neither demoted nor disabled, by nobody; with a second active admin it works."""
    own, other = id_of(app, "admin"), id_of(app, "clinician")
    admin.post(f"/people/{own}/role", {"post": "clinician"})
    assert "last active admin" in admin.get("/people/").text
    admin.post(f"/people/{own}/active", {"active": "no"})
    assert "cannot disable yourself" in admin.get("/people/").text
    admin.post(f"/people/{other}/role", {"post": "admin"})
    admin.post(f"/people/{other}/active", {"active": "no"})
    admin.post(f"/people/{own}/role", {"post": "clinician"})
    assert "last active admin" in admin.get("/people/").text  # a disabled admin does not count
    admin.post(f"/people/{other}/active", {"active": "yes"})
    assert admin.post(f"/people/{own}/role", {"post": "clinician"}).location == "/"
    assert admin.get("/people/").status_code == 403
    clinician.sign_in("clinician@lab.example", PASSWORD)
    clinician.post(f"/people/{other}/role", {"post": "clinician"})
    assert "last active admin" in clinician.get("/people/").text


def test_another_labs_people_are_not_found(app: Flask, admin: Someone) -> None:
    """404 for each change, and not on the page."""
    number = id_of(app, "stranger")
    for what in ("role", "active", "link"):
        assert admin.post(f"/people/{number}/{what}", {"post": "admin", "active": "no"}).status_code == 404
    assert "stranger@lab.example" not in admin.get("/people/").text


def test_the_command_line_makes_a_link(make_app: Callable[..., Flask]) -> None:
    """For the last admin who lost the password."""
    app = make_app()
    runner = app.test_cli_runner()
    printed = runner.invoke(args=["user", "link", "admin@lab.example"]).output
    assert choose(app, printed.split()[0])[0] == 302
    assert Someone(app).sign_in("admin@lab.example", NEW).status_code == 302
    assert "nobody with the address" in runner.invoke(args=["user", "link", "x@lab.example"]).output
