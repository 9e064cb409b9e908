"""Two-factor sign-in: set up, asked for, never taken twice, limited, lost and removed; and legible nowhere."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask
from passlib.totp import TOTP
from sqlalchemy import select

from app.auth import authenticator
from app.database import db, writing
from app.records import Authenticator, ServerSession, now
from tests.app.steps import PASSWORD, Someone, choose, events, id_of, link_in, recorded, sign

ADDRESS = "clinician@lab.example"


class Phone:
    """An authenticator app that has the secret of a page, and a clock."""

    def __init__(self, page: str) -> None:
        found = re.search(r'<code class="secret">([^<]+)</code>', page)
        assert found, page
        self.key = found[1].replace(" ", "")
        self.totp = TOTP(key=self.key)

    def code(self, at: datetime | None = None) -> str:
        """Return what the app shows at a moment."""
        return str(self.totp.generate(at or authenticator.now()).token)


class Clock:
    """The time as the authenticators see it."""

    def __init__(self) -> None:
        self.at = now()

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        """Let time go on."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that only the test moves."""
    clock = Clock()
    monkeypatch.setattr(authenticator, "now", clock)
    return clock


def begin(someone: Someone) -> Phone:
    """Ask for the secret and give it to a phone."""
    assert someone.post("/account/two-factor", {"password": PASSWORD}).status_code == 302
    return Phone(someone.get("/account/two-factor").text)


def codes_in(page: str) -> list[str]:
    """Return the recovery codes of a page."""
    return re.findall(r"<li><code>([^<]+)</code></li>", page)


def switch_on(someone: Someone, clock: Clock) -> tuple[Phone, list[str]]:
    """Set up two-factor sign-in, and let the code of that moment pass."""
    phone = begin(someone)
    answer = someone.post("/account/two-factor/confirm", {"code": phone.code()})
    assert answer.status_code == 201, answer.text
    clock.pass_by(60)
    return phone, codes_in(answer.text)


def password_only(app: Flask, path: str = "/sign-in") -> Someone:
    """Return a browser that gave the right password and owes the code."""
    someone = Someone(app)
    answer = someone.post(path, {"email": ADDRESS, "password": PASSWORD})
    assert answer.location == "/account/code"
    return someone


def give(someone: Someone, code: str) -> Any:
    """Send a code."""
    return someone.post("/account/code", {"code": code})


def test_the_code_is_asked_for_after_the_password(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Until the code is right nothing opens; then the session is a new one, and the ledger says by what."""
    phone, _codes = switch_on(clinician, clock)
    someone = password_only(app)
    assert "Code from your authenticator app" in someone.get("/account/code").text
    for path in ("/", "/cases/new", "/account/", "/account/two-factor"):
        assert someone.get(path).location.startswith("/sign-in")
    before = someone.client.get_cookie("leukolens")
    spaced = phone.code()[:3] + " " + phone.code()[3:]
    assert give(someone, spaced).location == "/"
    after = someone.client.get_cookie("leukolens")
    assert before
    assert after
    assert before.value != after.value
    assert someone.get("/").status_code == 200
    event = events(app)[-1]
    assert (event.action, event.details["by"]) == ("person.signed_in", ["code", "password"])


def test_the_key_changes_with_the_password_too(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Who planted a cookie before the password was given cannot type the code into it."""
    switch_on(clinician, clock)
    someone = Someone(app)
    someone.get("/sign-in")
    planted = someone.client.get_cookie("leukolens")
    assert planted
    someone.sign_in(ADDRESS, PASSWORD)
    thief = app.test_client()
    thief.set_cookie("leukolens", planted.value)
    assert thief.get("/account/code").location == "/sign-in"


def test_the_way_on_is_kept(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Who followed a link arrives there after the code, and nowhere outside."""
    phone, _codes = switch_on(clinician, clock)
    assert give(password_only(app, "/sign-in?next=/models/"), phone.code()).location == "/models/"
    data = {"email": ADDRESS, "password": PASSWORD}
    assert Someone(app).post("/sign-in?next=https://else.example/", data).location is None


def test_no_code_is_taken_twice(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Not by the same person, not by who looked over the shoulder, and not an older one after a newer."""
    phone = begin(clinician)
    first = phone.code()
    assert clinician.post("/account/two-factor/confirm", {"code": first}).status_code == 201
    answer = give(password_only(app), first)
    assert answer.status_code == 403
    assert "used already" in answer.text
    clock.pass_by(60)
    code, older = phone.code(), phone.code(clock.at - timedelta(seconds=30))
    assert give(password_only(app), code).status_code == 302
    assert give(password_only(app), code).status_code == 403
    assert give(password_only(app), older).status_code == 403


@pytest.mark.parametrize(("off_by", "taken"), [(-90, False), (-30, True), (30, True), (90, False)])
def test_a_clock_may_be_off_by_one_step(app: Flask, clinician: Someone, clock: Clock, off_by: int, taken: bool) -> None:
    """Half a minute early or late is let in; more is not."""
    phone, _codes = switch_on(clinician, clock)
    clock.pass_by(300)
    answer = give(password_only(app), phone.code(clock.at + timedelta(seconds=off_by)))
    assert (answer.status_code == 302) is taken


@pytest.mark.parametrize(
    "code", ["", "000000", "12345", "abcdef", "x" * 5000, "１２３４５６", "-1", "aaaa-bbbb-cccc-dddd"]
)
def test_a_wrong_code_is_told_and_recorded(app: Flask, clinician: Someone, clock: Clock, code: str) -> None:
    """A sentence and another try; the ledger has the event and not the code."""
    phone, _codes = switch_on(clinician, clock)
    if code == phone.code():
        clock.pass_by(60)
    someone = password_only(app)
    answer = give(someone, code)
    assert answer.status_code == 403
    assert "This code is not right" in answer.text
    assert events(app)[-1].action == "person.code_failed"
    assert events(app)[-1].details == {}
    assert give(someone, phone.code()).status_code == 302


def test_guessing_is_slowed_down_whatever_the_address(app: Flask, clinician: Someone, clock: Clock) -> None:
    """After five wrong codes the right one has to wait too, longer each time; a right one starts anew."""
    phone, _codes = switch_on(clinician, clock)
    someone = password_only(app)
    for _number in range(4):
        assert give(someone, "000000").status_code == 403
    assert give(someone, "000000").status_code == 429
    answer = give(password_only(app), phone.code())
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert "Wait 1 min" in answer.text
    clock.pass_by(61)
    assert give(someone, "000000").headers["Retry-After"] == "120"
    clock.pass_by(121)
    assert give(password_only(app), phone.code()).status_code == 302
    clock.pass_by(60)
    assert give(password_only(app), "000000").status_code == 403


def test_the_longest_wait_is_an_hour(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Nobody is locked out for good by a stranger who knows the password."""
    switch_on(clinician, clock)
    with app.app_context(), writing() as session:
        session.scalars(select(Authenticator)).one().wrong = 10_000
    assert give(password_only(app), "000000").headers["Retry-After"] == "3600"


def test_recovery_codes_work_once_each(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Shown once, kept as hashes; capitals and hyphens do not matter; the page says how many are left."""
    _phone, codes = switch_on(clinician, clock)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
    page = clinician.get("/account/two-factor").text
    assert "10 recovery codes are left" in page
    assert not any(code in page for code in codes)
    with app.app_context():
        kept = str(db.session.scalars(select(Authenticator)).one().recovery)
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    someone = password_only(app)
    assert give(someone, codes[3].replace("-", "").upper()).status_code == 302
    assert "9 are left" in someone.get("/").text
    assert give(password_only(app), codes[3]).status_code == 403
    assert "person.recovery_code_used" in recorded(app)
    answer = clinician.post("/account/two-factor/codes", {"password": PASSWORD})
    assert answer.status_code == 201
    assert give(password_only(app), codes[4]).status_code == 403
    assert give(password_only(app), codes_in(answer.text)[0]).status_code == 302


def test_setting_up_takes_the_password_and_a_code(app: Flask, clinician: Someone, clock: Clock) -> None:
    """At an open screen nobody sets it up for somebody else; without the first right code nothing is on."""
    assert clinician.post("/account/two-factor", {"password": "wrong"}).status_code == 403
    assert "person.password_failed" in recorded(app)
    assert clinician.post("/account/two-factor/confirm", {"code": "000000"}).status_code == 400
    phone = begin(clinician)
    assert Someone(app).sign_in(ADDRESS, PASSWORD).location == "/"
    answer = clinician.post("/account/two-factor/confirm", {"code": "000000" if phone.code() != "000000" else "1"})
    assert answer.status_code == 400
    assert "not right" in answer.text
    assert phone.key[:4] in answer.text  # the same secret is still there to be confirmed
    clock.pass_by(16 * 60)
    assert "took too long" in clinician.post("/account/two-factor/confirm", {"code": phone.code()}).text
    assert begin(clinician).key != phone.key
    assert "person.factor_on" not in recorded(app)


def test_it_is_set_up_once(app: Flask, clinician: Someone, clock: Clock) -> None:
    """A second try, or a form that is sent again, changes nothing."""
    phone, _codes = switch_on(clinician, clock)
    assert clinician.post("/account/two-factor", {"password": PASSWORD}).status_code == 302
    assert "on already" in clinician.get("/account/two-factor").text
    assert "on already" in clinician.post("/account/two-factor/confirm", {"code": phone.code()}).text
    assert phone.key[:4] not in clinician.get("/account/two-factor").text
    assert give(password_only(app), phone.code()).status_code == 302


def test_switching_off_takes_the_password(app: Flask, clinician: Someone, clock: Clock) -> None:
    """Then the password alone opens the account; who waited for the code starts again."""
    phone, _codes = switch_on(clinician, clock)
    waiting = password_only(app)
    assert clinician.post("/account/two-factor/off", {"password": "wrong"}).status_code == 403
    assert clinician.post("/account/two-factor/codes", {"password": "wrong"}).status_code == 403
    assert clinician.post("/account/two-factor/off", {"password": PASSWORD}).status_code == 302
    assert recorded(app)[-1] == "person.factor_off"
    assert give(waiting, phone.code()).location == "/sign-in"
    assert "switched off meanwhile" in waiting.get("/sign-in").text
    assert Someone(app).sign_in(ADDRESS, PASSWORD).location == "/"
    assert clinician.post("/account/two-factor/codes", {"password": PASSWORD}).status_code == 409
    assert clinician.post("/account/two-factor/off", {"password": PASSWORD}).status_code == 302


def test_an_admins_link_removes_it(app: Flask, clinician: Someone, clock: Clock) -> None:
    """For who lost the phone and the codes: the event says so, and whoever owes a code is out."""
    phone, _codes = switch_on(clinician, clock)
    waiting = password_only(app)
    admin = Someone(app, "admin")
    assert "and a code" in admin.get("/people/").text
    link = link_in(admin.post(f"/people/{id_of(app, 'clinician')}/link").text)
    assert "and a code" not in admin.get("/people/").text
    assert [(event.action, event.details.get("by")) for event in events(app)[-2:]] == [
        ("person.factor_off", "link"),
        ("person.link_made", None),
    ]
    assert give(waiting, phone.code()).location == "/sign-in"
    new = "another quiet violet morning"
    assert choose(app, link, new)[0] == 302
    assert Someone(app).sign_in(ADDRESS, new).location == "/"


def test_what_was_owed_ends(app: Flask, clinician: Someone, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disabled account, too long a wait, or no password at all: back to the password, and no code is judged."""
    phone, _codes = switch_on(clinician, clock)
    waiting, late = password_only(app), password_only(app)
    admin, number = Someone(app, "admin"), id_of(app, "clinician")
    admin.post(f"/people/{number}/active", {"active": "no"})
    assert give(waiting, phone.code()).location == "/sign-in"
    admin.post(f"/people/{number}/active", {"active": "yes"})
    late = password_only(app)
    monkeypatch.setattr("app.auth.two_factor.PENDING_SECONDS", -1)
    assert password_only(app).get("/account/code").location == "/sign-in"
    assert give(late, phone.code()).status_code == 302
    assert give(Someone(app), phone.code()).location == "/sign-in"


def test_signing_asks_for_the_password_alone(clinician: Someone, reviewed_case: str, clock: Clock) -> None:
    """As before."""
    switch_on(clinician, clock)
    assert sign(clinician, reviewed_case, password="wrong").status_code == 403
    assert sign(clinician, reviewed_case).status_code == 302


def test_the_square_holds_the_secret(clinician: Someone, clock: Clock) -> None:
    """What a phone reads from the QR code is the address with the secret that stands below it."""
    phone = begin(clinician)
    page = clinician.get("/account/two-factor").text
    found = re.search(r'<svg viewBox="0 0 (\d+) \d+" class="qr">.*?stroke="#000" d="([^"]+)"', page)
    assert found
    picture = np.full((int(found[1]),) * 2, 255, np.uint8)
    x = y = 0.0
    for letter, numbers in re.findall(r"([Mmh])([-\d. ]+)", found[2]):
        values = [float(value) for value in numbers.split()]
        if letter == "h":
            picture[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
        else:
            x, y = (x + values[0], y + values[1]) if letter == "m" else (values[0], values[1])
    big = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    # OpenCV's older QRCodeDetector misses about one in sixteen of these codes, whatever secret they hold.
    read = cv2.QRCodeDetectorAruco().detectAndDecode(big)[0]
    assert read.startswith(f"otpauth://totp/LeukoLens:{ADDRESS}?secret={phone.key}")
    assert "issuer=LeukoLens" in read


def test_nothing_of_it_is_legible(
    app: Flask, clinician: Someone, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither secret nor codes in the records, the sessions, the ledger, the log or an address."""
    caplog.set_level("DEBUG")
    phone, codes = switch_on(clinician, clock)
    code = phone.code()
    give(password_only(app), code)
    with app.app_context():
        row = db.session.scalars(select(Authenticator)).one()
        kept = row.secret + str(row.recovery)
        kept += str([one.data for one in db.session.scalars(select(ServerSession))])
    kept += str([(event.details, event.subject_id) for event in events(app)]) + caplog.text
    for word in (phone.key, code, *codes, *(one.replace("-", "") for one in codes)):
        assert word not in kept


def test_another_secret_key_leaves_the_recovery_codes(
    make_app: Callable[..., Flask], clinician: Someone, clock: Clock
) -> None:
    """Where the server's key was replaced, the app's codes cannot be checked, and the page says what helps."""
    phone, codes = switch_on(clinician, clock)
    begun_before = Someone(make_app(), "second")
    begin(begun_before)
    other = make_app(SECRET_KEY="another key")
    answer = give(password_only(other), phone.code())
    assert answer.status_code == 403
    assert "key was replaced" in html.unescape(answer.text)
    assert give(password_only(other), codes[0]).status_code == 302
    assert "Set up two-factor" in Someone(other, "second").get("/account/two-factor").text


def test_the_pages_have_nothing_inline(clinician: Someone, clock: Clock) -> None:
    """The square is drawn without style or script, so that the headers may forbid both; and nothing is kept."""
    begin(clinician)
    page = clinician.get("/account/two-factor")
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|<script(?![^>]* src=)| style=| on\w+=", page.text)


@pytest.mark.parametrize(
    ("asked", "admins", "clinicians"), [("", 200, 200), ("admins", 302, 200), ("everybody", 302, 302)]
)
def test_a_lab_makes_it_a_duty(app: Flask, asked: str, admins: int, clinicians: int) -> None:
    """Who is asked and has none comes to no other page, by a program neither; another lab's people are not asked."""
    admin, clinician, stranger = (Someone(app, name) for name in ("admin", "clinician", "stranger"))
    case = clinician.open_case()
    answer = admin.post("/lab/", {"accession_pattern": "", "microscope": "", "second_factor": asked})
    assert answer.status_code == 302
    assert events(app)[-1].details["second_factor"] == asked
    assert [one.get("/").status_code for one in (admin, clinician, stranger)] == [admins, clinicians, 200]
    refused = clinician.get(f"/cases/{case}", headers={"Accept": "application/json"})
    assert refused.status_code == (403 if clinicians == 302 else 200)
    if admins == 302:
        assert admin.get("/lab/").location == "/account/two-factor"
        assert "Your laboratory asks for two-factor sign-in" in admin.get("/account/two-factor").text
        assert admin.post("/sign-out").status_code == 302


def test_who_set_it_up_goes_on_and_cannot_switch_it_off(app: Flask, clock: Clock) -> None:
    """The page says why; when the lab no longer asks, it can be switched off again."""
    admin, clinician = Someone(app, "admin"), Someone(app, "clinician")
    switch_on(clinician, clock)
    admin.post("/lab/", {"accession_pattern": "", "second_factor": "everybody"})
    assert clinician.get("/").status_code == 200
    assert "it cannot be switched off" in clinician.get("/account/two-factor").text
    kept = clinician.post("/account/two-factor/off", {"password": PASSWORD})
    assert (kept.status_code, "Your laboratory asks" in kept.text) == (409, True)
    switch_on(admin, clock)
    admin.post("/lab/", {"accession_pattern": "", "second_factor": ""})
    assert clinician.post("/account/two-factor/off", {"password": PASSWORD}).status_code == 302


def test_another_word_for_it_is_refused(app: Flask) -> None:
    """Nothing is changed."""
    admin = Someone(app, "admin")
    refused = admin.post("/lab/", {"accession_pattern": "", "second_factor": "me"})
    assert (refused.status_code, "Choose who is asked" in refused.text) == (400, True)
    assert "lab.changed" not in recorded(app)
