"""axe-core on what the reading room's story passes by: the way in, what went wrong, and pages in the middle of work."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visit, enter, serving, visiting
from tests.browser.driving import PASSWORD, choose_password, press, sign_in
from tests.browser.inspection import faults
from tests.browser.test_room import ALONE, add_person, invite
from tests.browser.test_whole_way import add_drawing

pytestmark = pytest.mark.browser

WRONG = "not the password at all"
MEGABYTE = 2**20


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
    expect(page.get_by_label("One-time password")).to_be_visible()
    wrong |= faults(page, "own password")
    choose_password(page, visit.one_time, "short")
    expect(page.locator(".field-error").first).to_be_visible()
    wrong |= faults(page, "own password refused")
    choose_password(page, visit.one_time)

    newcomer = visit.another()
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
    expect(page.locator(".secret")).to_be_visible()
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
    expect(page.get_by_label("Recovery code")).to_be_visible()
    wrong |= faults(page, "recovery code")
    assert wrong == {}
    forgive(visit, 400, 403)


def test_what_goes_wrong(browser: Browser, tmp_path: Path) -> None:
    """Each error page as the server really sends it: a stale form, 403, 404, 405, 413, 429, 503, and at last 500."""
    settings = {"QUEUE": "0", "MAX_UPLOAD_BYTES": str(MEGABYTE)}
    with serving(tmp_path, **settings) as server, visiting(browser, server) as visit:
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
        stranger = visit.another()
        for _number in range(30):  # on a slow machine the first waits are over before the next try comes
            sign_in(stranger, url, "nobody@lab.example", WRONG)
            stranger.wait_for_load_state()
            if stranger.locator(".error-code").count():
                break
        check(429, stranger)
        with sqlite3.connect(tmp_path / "instance" / "leukolens.sqlite3") as database:
            database.execute("DROP TABLE bundle_activation")
        database.close()
        page.goto(f"{url}/models/")
        check(500)
        assert wrong == {}
        forgive(visit, 400, 403, 404, 405, 413, 429, 500, 503)


def test_pages_in_the_middle_of_work(inside: Visit) -> None:
    """Side by side, somebody was quicker, refused and half done: a review, the details, a signature, cells, blind."""
    page, wrong = inside.page, {}
    eva = add_person(inside, "eva@lab.example", "Eva Kern")
    add_drawing(inside, "leukemic")
    reading, case = page.url, page.url.split("/images/")[0]
    page.keyboard.press("d")
    expect(page.locator("#stage-original")).to_be_visible()
    wrong |= faults(page, "side by side")
    page.keyboard.press("d")
    page.keyboard.press("?")
    wrong |= faults(page, "keys")
    page.keyboard.press("?")
    page.keyboard.press("o")
    expect(page.get_by_role("alert")).to_contain_text("Write in the comment")
    wrong |= faults(page, "review refused")

    page.goto(reading)
    eva.goto(reading)
    press(eva, "2")
    press(page, "1")
    expect(page.get_by_text("Somebody reviewed this image while your page was open.")).to_be_visible()
    wrong |= faults(page, "reviewed meanwhile")

    for one in (page, eva):
        one.goto(f"{case}/details")
    wrong |= faults(page, "details")
    eva.get_by_label("Notes").fill("the marrow came")
    eva.get_by_label("Bone marrow").check()
    eva.get_by_role("button", name="Save the details").click()
    expect(eva.get_by_text("The details were corrected.")).to_be_visible()
    page.get_by_label("Notes").fill("seen with Mrs Doe")
    page.get_by_label("Received").fill("2999-01-01")
    page.get_by_role("button", name="Save the details").click()
    expect(page.get_by_text("A specimen cannot have been received on that day.")).to_be_visible()
    wrong |= faults(page, "details refused")
    page.get_by_label("Notes").fill("x" * 300)
    page.get_by_label("Received").fill("2026-01-02")
    page.get_by_role("button", name="Save the details").click()
    expect(page.get_by_text("Eva Kern corrected these details")).to_be_visible()
    wrong |= faults(page, "details corrected meanwhile")

    page.goto(f"{case}/cells")
    page.locator(".cell input").first.check()
    page.keyboard.press("x")
    expect(page.locator(".exclude-reasons")).to_be_visible()
    wrong |= faults(page, "cells to be excluded")
    page.goto(inside.server.url + str(page.locator(".cell-number").first.get_attribute("href")))
    wrong |= faults(page, "cell")

    eva.goto(case)
    for words in ("Ask for a blind second reading", "Use microscope camera"):
        eva.get_by_text(words).click()
    wrong |= faults(eva, "case with everything open")
    eva.get_by_label("By", exact=True).select_option(index=0)
    eva.get_by_role("button", name="Ask", exact=True).click()
    page.goto(case)
    expect(page.get_by_text("You read this case blind")).to_be_visible()
    page.locator("#canvas").wait_for()
    wrong |= faults(page, "blind second reading")
    page.keyboard.press("o")
    expect(page.get_by_role("alert")).to_be_visible()
    wrong |= faults(page, "blind second reading refused")
    page.get_by_placeholder("Comment").fill("hairy cells")
    page.get_by_role("button", name="Something else").click()
    expect(page.get_by_text("agrees on 0 of 1 image")).to_be_visible()

    eva.goto(f"{case}/sign")
    eva.get_by_label("Benign").check()
    eva.get_by_label("Your password").fill(WRONG)
    eva.get_by_role("button", name="Sign as").click()
    expect(eva.get_by_role("alert")).to_be_visible()
    wrong |= faults(eva, "signature refused")
    eva.get_by_label("Your password").fill(ALONE)
    eva.get_by_role("button", name="Sign as").click()
    eva.get_by_text("Amend …").click()
    eva.get_by_text("Second reading by").click()
    wrong |= faults(eva, "signed, about to be amended")
    eva.goto(f"{case}/details")
    expect(eva.get_by_text("Amend it first")).to_be_visible()
    wrong |= faults(eva, "details of a signed case")
    assert wrong == {}
    forgive(inside, 400, 403, 409)
