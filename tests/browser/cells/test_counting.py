"""Counting as in a laboratory: real fields from upload to the signed report, two hundred cells by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.browser.conftest import Visit, enter, serving, visiting
from tests.browser.driving import PASSWORD, press
from tests.browser.inspection import faults

pytestmark = [pytest.mark.browser, pytest.mark.realdata]

FIELDS = 60
COUNTED = 200
KEYS_MS = 80


@pytest.fixture
def lab(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Return the page of an admin whose lab has its cells typed at upload."""
    with (
        serving(tmp_path, DEFAULT_CELL_BUNDLE="leukolens-differential") as server,
        visiting(browser, server) as visit,
    ):
        yield enter(visit)


def press_until(page: Page, key: str, selector: str, most: int = 80) -> None:
    """Press a key until what has the focus is what is looked for."""
    for _ in range(most):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} was not reached")


def upload(page: Page, url: str, files: list[Path]) -> None:
    """Open a case with these fields."""
    page.goto(f"{url}/cases/new")
    page.get_by_label("Accession").fill("AML-200")
    page.locator("#image").set_input_files(files)
    page.get_by_role("button", name="Create the case").click()
    page.get_by_role("link", name="Open the case").click(timeout=300_000)
    expect(page.locator(".tile")).to_have_count(len(files), timeout=300_000)


def test_two_hundred_cells_by_keyboard_alone(lab: Visit, data: Path) -> None:
    """Keys at 80 ms: all of them arrive, one is split, one excluded, one added; the report has the count."""
    page, url, wrong = lab.page, lab.server.url, {}
    page.goto(f"{url}/lab/")
    page.get_by_label("A differential count has").select_option(str(COUNTED))
    page.locator("#rule-blasts").fill("20")
    page.get_by_label("Blasts: critical").check()
    wrong |= faults(page, "lab")
    page.locator(".counting-form").get_by_role("button", name="Save").click()
    upload(page, url, sorted((data / "leukemia_types" / "AML").glob("*.jpg"))[:FIELDS])
    case = page.url
    first = page.locator(".tile-link").first.get_attribute("href")
    page.goto(f"{url}{first}")
    expect(page.locator("#types")).to_contain_text(re.compile(r"\d+ leukocytes?: "))
    wrong |= faults(page, "reading with types")

    page.goto(f"{case}/cells?order=field")
    expect(page.locator("#undo")).to_be_visible()
    expect(page.locator("#groups .cell").first).to_be_visible()
    page.locator(".skip").focus()
    press_until(page, "Tab", ".cell input")
    typed = "1q16t9y1" * COUNTED
    for key in typed[: COUNTED * 8 // 7 + 2]:  # every eighth is a platelet, which counts for no leukocyte
        page.keyboard.press(key)
        page.wait_for_timeout(KEYS_MS)
    expect(page.locator("#saving")).to_have_text("")
    words = page.locator("#progress").inner_text()
    counted = int(words.split()[0])
    assert counted >= COUNTED
    for key in ("x", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#saving")).to_have_text("")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    expect(page.locator("#history")).to_contain_text("outlined anew")
    expect(page.locator("#undo")).to_be_visible()  # the script of the page that came
    page.keyboard.press("1")
    page.keyboard.press("n")
    expect(page.locator("#field")).to_be_focused()
    wrong |= faults(page, "draw")
    page.locator("#field").focus()  # axe has looked around
    for _ in range(20):
        with page.expect_navigation(wait_until="domcontentloaded"):
            page.keyboard.press("Enter")
        if not page.locator("#drawing").count():
            break
        page.keyboard.press("Shift+ArrowUp")
    else:
        raise AssertionError("no place for a cell was found")

    page.goto(case)
    expect(page.locator("#attention-title")).to_contain_text("Critical count")
    page.get_by_label("Who was told").fill("Dr. Weber, ward 3")
    page.keyboard.press("Enter")
    expect(page.locator(".attention")).to_contain_text("Told: Dr. Weber, ward 3")
    wrong |= faults(page, "case with a count")
    page.keyboard.press("r")
    for _ in range(FIELDS):
        expect(page.get_by_role("heading", level=1)).to_contain_text("image")
        before = page.url
        press(page, "n")
        if page.url == before:
            break
    page.goto(f"{case}/sign")
    wrong |= faults(page, "sign with a count")
    page.get_by_label("Another diagnosis").check()
    page.get_by_label("The other diagnosis").fill("Acute myeloid leukemia")
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Signed as version 1.")).to_be_visible()
    page.goto(f"{case}/versions/1")
    wrong |= faults(page, "report with a count")
    answer = page.request.get(f"{case}/versions/1/report.pdf")
    text = " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(BytesIO(answer.body())).pages).split())
    for wanted in ("Differential count", "Blast", "Clopper", "Told: Dr. Weber, ward 3", "leukolens-differential"):
        assert wanted in text, wanted
    assert wrong == {}
    lab.problems[:] = [one for one in lab.problems if "status of 400" not in one]
