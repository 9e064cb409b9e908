"""Wrong passwords: counted where they are compared, by account and by address, and nobody is locked out for good."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.auth import tries
from app.auth.tries import FROM_ANYWHERE, FROM_HERE, OF_AN_ADDRESS
from app.database import db
from app.records import PasswordTries, now
from tests.app.steps import NEW, PASSWORD, Someone, choose, events, id_of, link_in, review_all, sign

CLINICIAN = "clinician@lab.example"


@pytest.fixture(autouse=True)
def pass_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock of the counts, and return what lets seconds pass."""
    begun, passed = now(), timedelta()

    def move(seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)

    monkeypatch.setattr(tries, "now", lambda: begun + passed)
    return move


def attempt(app: Flask, address: str, password: str, at: str = "10.0.0.1", json: bool = False) -> TestResponse:
    """Try to sign in from a network address, as a browser or as a script that wants JSON."""
    someone = Someone(app)
    data = {"email": address, "password": password, "csrf_token": someone.token()}
    headers = {"Accept": "application/json"} if json else {}
    return someone.client.post("/sign-in", data=data, headers=headers, environ_base={"REMOTE_ADDR": at})


@pytest.mark.parametrize("json", [False, True])
def test_guessing_waits_longer_and_longer(app: Flask, pass_by: Callable[[float], None], json: bool) -> None:
    """For a browser and for a script; while somebody waits, not even the right password is compared."""
    for _number in range(FROM_HERE.free):
        assert attempt(app, CLINICIAN, "wrong", json=json).status_code in (200, 400)
        pass_by(0.1)
    waits = []
    for _number in range(12):
        early = attempt(app, CLINICIAN, PASSWORD, json=json)
        assert early.status_code == 429
        waits.append(int(early.headers["Retry-After"]))
        pass_by(waits[-1] + 1)
        assert attempt(app, CLINICIAN, "wrong", json=json).status_code in (200, 400)
    assert waits == sorted(waits)
    assert waits[0] <= 4
    assert waits[-1] >= 890
    pass_by(FROM_HERE.longest.total_seconds() + 1)
    assert attempt(app, CLINICIAN, PASSWORD).status_code == 302
    assert attempt(app, CLINICIAN, "wrong").status_code == 200  # forgotten: the next ones are free again


def test_forty_guesses_get_five_answers(app: Flask) -> None:
    """Without a pause between them, answered as JSON, which used to count nothing."""
    codes = [attempt(app, CLINICIAN, f"guess {number}", json=True).status_code for number in range(40)]
    assert codes.count(429) == 40 - FROM_HERE.free


def test_a_password_in_json_is_not_even_compared(app: Flask) -> None:
    """Only forms are taken, everywhere."""
    someone = Someone(app)
    data, headers = {"email": CLINICIAN, "password": PASSWORD}, {"X-CSRFToken": someone.token()}
    answer = someone.client.post("/sign-in", json=data, headers=headers)
    assert answer.status_code == 415
    assert "takes forms" in answer.text
    assert someone.get("/").status_code == 302


def test_many_at_once_are_no_more_than_many_in_turn(app: Flask) -> None:
    """A try is counted before the password is compared."""
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda number: attempt(app, CLINICIAN, f"guess {number}").status_code, range(24)))
    assert codes.count(200) == FROM_HERE.free


def test_a_stranger_who_guesses_keeps_nobody_out(app: Flask) -> None:
    """Neither the person at another address, nor a colleague behind the same one, nor a signature."""
    for number in range(20):
        attempt(app, CLINICIAN, f"guess {number}", at="10.0.0.9")
    assert attempt(app, CLINICIAN, PASSWORD, at="10.0.0.9").status_code == 429
    assert attempt(app, CLINICIAN, PASSWORD, at="10.0.0.2").status_code == 302
    assert attempt(app, "second@lab.example", PASSWORD, at="10.0.0.9").status_code == 302


def test_wrong_sign_ins_at_an_address_stop_no_signature(app: Flask, field: bytes) -> None:
    """Ten of them used to stop a colleague from signing."""
    clinician = Someone(app, "clinician")
    case = clinician.open_case()
    clinician.upload(case, field)
    review_all(clinician, case)
    for number in range(10):
        attempt(app, CLINICIAN, f"guess {number}", at="127.0.0.1")
    assert sign(clinician, case).status_code == 302


def test_many_addresses_are_slowed_by_the_account(app: Flask, pass_by: Callable[[float], None]) -> None:
    """One guess from each of many addresses ends in waits too, of seconds."""
    codes = [
        attempt(app, CLINICIAN, "wrong", at=f"10.1.0.{number}").status_code for number in range(FROM_ANYWHERE.free + 4)
    ]
    assert codes.count(429) == 4
    pass_by(FROM_ANYWHERE.longest.total_seconds())
    assert attempt(app, CLINICIAN, PASSWORD, at="10.2.0.1").status_code == 302


def test_many_accounts_are_slowed_by_the_address(app: Flask) -> None:
    """Who asks for everybody in turn waits, whether the accounts are there or not; an IPv6 network is one address."""
    codes = [
        attempt(app, f"nobody{number}@lab.example", "wrong", at=f"2001:db8::{number:x}").status_code
        for number in range(OF_AN_ADDRESS.free + 3)
    ]
    assert codes.count(429) == 3


def test_nobody_and_somebody_wait_alike(app: Flask) -> None:
    """The counts tell no more than the page who has an account."""
    answers = {}
    for address in (CLINICIAN, "nobody@lab.example"):
        answers[address] = [attempt(app, address.upper(), "wrong").status_code for _number in range(8)]
    assert answers[CLINICIAN] == answers["nobody@lab.example"]
    assert 429 in answers[CLINICIAN]


def test_another_server_on_the_database_counts_on(make_app: Callable[..., Flask]) -> None:
    """Limits live in no process."""
    for _number in range(FROM_HERE.free):
        attempt(make_app(), CLINICIAN, "wrong")
    assert attempt(make_app(), CLINICIAN, PASSWORD).status_code == 429


def test_the_present_password_cannot_be_guessed_at_an_open_screen(app: Flask) -> None:
    """Neither where it is changed nor where the second factor is set up; the count is the person's own."""
    clinician = Someone(app, "clinician")
    data = {"password": "wrong", "new_password": NEW, "new_password_confirm": NEW}
    codes = [clinician.post("/account/password", data).status_code for _number in range(4)]
    codes += [clinician.post("/account/two-factor", {"password": "wrong"}).status_code for _number in range(4)]
    assert codes == [403] * 5 + [429] * 3


def test_the_ledger_and_the_table_name_nobody(app: Flask) -> None:
    """Wrong passwords of unknown people are recorded without the name, and waits once each."""
    for _number in range(12):
        attempt(app, "nobody@lab.example", "wrong")
    attempt(app, CLINICIAN, "wrong")
    found = [(event.action, event.actor_id) for event in events(app) if event.action != "person.added"]
    assert [action for action, _actor in found] == ["person.password_failed"] * 5 + [
        "person.throttled",
        "person.password_failed",
    ]
    assert [actor is None for _action, actor in found] == [True] * 6 + [False]
    with app.app_context():
        kept = str([(row.key, row.wrong) for row in db.session.scalars(select(PasswordTries))])
    assert "nobody" not in kept
    assert "10.0.0.1" not in kept
    assert "wrong password" in Someone(app, "admin").get("/audit/").text


@pytest.mark.parametrize("password", ["x" * 129, "x" * 4097, "x" * 200_000, "\a\ufffe\U0001f9ec"])
def test_a_strange_password_is_a_wrong_one(app: Flask, password: str) -> None:
    """Longer than the library takes or of strange signs; none of them can be chosen either."""
    assert attempt(app, CLINICIAN, password).status_code == 200
    assert Someone(app, "clinician").post("/account/two-factor", {"password": password}).status_code == 403
    chosen = {"password": PASSWORD, "new_password": password, "new_password_confirm": password}
    assert Someone(app, "clinician").post("/account/password", chosen).status_code == 400


@pytest.mark.parametrize("way", ["link", "account"])
def test_a_password_is_the_same_from_every_keyboard(app: Flask, way: str) -> None:
    """Letters with marks come composed or decomposed; it was chosen one way and is typed the other."""
    chosen = unicodedata.normalize("NFC", "größere Blümchen Ⅳ")
    clinician = Someone(app, "clinician")
    if way == "link":
        page = Someone(app, "admin").post(f"/people/{id_of(app, 'clinician')}/link").text
        assert choose(app, link_in(page), chosen)[0] == 302
    else:
        data = {"password": PASSWORD, "new_password": chosen, "new_password_confirm": chosen}
        assert clinician.post("/account/password", data).status_code == 302
    for form in ("NFC", "NFD", "NFKC"):
        someone = Someone(app)
        typed = unicodedata.normalize(form, chosen)
        assert someone.sign_in(CLINICIAN, typed).status_code == 302, form
        assert someone.post("/account/two-factor", {"password": typed}).status_code == 302, form


def test_flask_security_brings_the_pages_that_are_wanted_and_no_more(app: Flask) -> None:
    """A page of it that asks for a password would count nothing."""
    found = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("security.")}
    assert found == {"security.login", "security.logout"}
