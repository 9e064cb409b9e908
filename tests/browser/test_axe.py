"""axe-core on the pages that the reading room's story passes by: the way in, what was refused, what went wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Browser, Page, expect

from .conftest import Visit, enter, visiting
from .driving import PASSWORD, choose_password, sign_in
from .inspection import faults
from .test_room import add_person, invite, press
from .test_whole_way import add_drawing

pytestmark = pytest.mark.browser

WRONG = "not the password at all"
MEGABYTE = 2**20


def another(visit: Visit) -> Page:
    """Return a page of a browser that has been nowhere yet."""
    browser = visit.page.context.browser
    assert browser
    return visit.watch(browser.new_context(viewport={"width": 1280, "height": 820}).new_page())


def forgive(visit: Visit, *codes: int) -> None:
    """Take out what the browser says of answers that a test asked for."""
    visit.problems[:] = [one for one in visit.problems if not any(f"status of {code}" in one for code in codes)]


def test_the_way_in(visit: Visit) -> None:
    """Sign-in and a wrong password, the two pages of a new password, and every page of two-factor sign-in."""
    page, wrong = visit.page, {}
    account = f"{visit.server.url}/account/"
    page.goto(f"{visit.server.url}/sign-in")
    wrong |= faults(page, "sign-in")
    sign_in(page, visit.server.url, visit.address, WRONG)
    expect(page.get_by_text("The address or the password is not right.")).to_be_visible()
    wrong |= faults(page, "sign-in refused")
    sign_in(page, visit.server.url, visit.address, visit.one_time)
    wrong |= faults(page, "own password")
    choose_password(page, visit.one_time, "short")
    expect(page.locator(".field-error").first).to_be_visible()
    wrong |= faults(page, "own password refused")
    choose_password(page, visit.one_time)

    newcomer = another(visit)
    link = invite(visit, "new@lab.example", "New Person")
    wrong |= faults(page, "one-time link made")
    newcomer.goto(link)
    wrong |= faults(newcomer, "one-time link")
    newcomer.get_by_label("New password", exact=True).fill("short")
    newcomer.get_by_label("New password once more").fill("shorter")
    newcomer.get_by_role("button", name="Save the password").click()
    expect(newcomer.get_by_role("alert")).to_be_visible()
    wrong |= faults(newcomer, "one-time link refused")

    page.goto(f"{account}two-factor")
    wrong |= faults(page, "two-factor off")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    wrong |= faults(page, "two-factor square")
    phone = TOTP(key=page.locator(".secret").inner_text().replace(" ", ""))
    page.get_by_label("Type the code").fill("000")
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("alert")).to_be_visible()
    wrong |= faults(page, "two-factor wrong code")
    page.get_by_label("Type the code").fill(str(phone.generate().token))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("Your recovery codes")).to_be_visible()
    wrong |= faults(page, "recovery codes")
    page.goto(f"{account}two-factor")
    for part in page.locator(".step-part summary").all():
        part.click()
    wrong |= faults(page, "two-factor on")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, visit.server.url, visit.address, PASSWORD)
    expect(page.get_by_text("One more step: your code")).to_be_visible()
    wrong |= faults(page, "code")
    page.get_by_label("Code from your authenticator app").fill("123")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    wrong |= faults(page, "code refused")
    page.get_by_role("link", name="Use a recovery code").click()
    wrong |= faults(page, "recovery code")
    assert wrong == {}
    forgive(visit, 400, 403)


def test_what_goes_wrong(browser: Browser, tmp_path: Path) -> None:
    """Each error page as the server really sends it: a stale form, 403, 404, 405, 413, 429, 503, and at last 500."""
    settings = {"QUEUE": "0", "MAX_UPLOAD_BYTES": str(MEGABYTE), "SIGN_IN_LIMIT": "4 per hour"}
    with visiting(browser, tmp_path, **settings) as visit:
        page, wrong = enter(visit).page, {}
        url = visit.server.url

        def check(code: int, of: Page = page) -> None:
            expect(of.locator(".error-code")).to_have_text(str(code))
            wrong.update(faults(of, str(code)))

        colleague = add_person(visit, "eva@lab.example", "Eva Kern")
        colleague.goto(f"{url}/people/")
        check(403, colleague)
        page.goto(f"{url}/cases/nothing-of-ours")
        check(404)
        page.goto(f"{url}/models/leukolens-field/activate")
        check(405)
        page.goto(f"{url}/cases/new")
        page.evaluate("document.querySelector('main [name=csrf_token]').value = 'old'")
        page.evaluate("document.querySelector('main form').submit()")
        check(400)
        page.goto(f"{url}/cases/new")
        page.get_by_label("Notes").fill("x" * (MEGABYTE + 1000))
        page.evaluate("document.querySelector('main form').submit()")
        check(413)
        page.goto(f"{url}/cases/new")
        page.get_by_label("Accession").fill("E-1")
        page.get_by_role("button", name="Create the case").click()
        expect(page.get_by_role("heading", name="E-1")).to_be_visible()
        page.evaluate("document.getElementById('draw-leukemic').submit()")  # the queue has no place for it
        check(503)
        stranger = another(visit)
        for _number in range(5):
            sign_in(stranger, url, "nobody@lab.example", WRONG)
        check(429, stranger)
        with sqlite3.connect(tmp_path / "instance" / "leukolens.sqlite3") as database:
            database.execute("DROP TABLE bundle_activation")
        database.close()
        page.goto(f"{url}/models/")
        check(500)
        assert wrong == {}
        forgive(visit, 400, 403, 404, 405, 413, 429, 500, 503)
