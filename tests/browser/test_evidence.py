"""Evidence by leukocyte in the browser, what stays from image to image, and a refused field without any answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_whole_way import add_suggested, pixels

pytestmark = pytest.mark.browser


def test_a_leukocyte_is_gone_to_and_the_view_stays(inside: Visit, tmp_path: Path) -> None:
    """The page opens on the original; a click shades and enlarges; the next image has the view, and the zoom chosen."""
    page = inside.page
    add_suggested(inside, tmp_path, 2)
    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-shown", "original")
    plain = pixels(page)
    first = page.locator("#counting a").first
    first.click()
    expect(stage).to_have_attribute("data-shown", "leukocytes")
    expect(first).to_have_attribute("aria-current", "true")
    expect(page.locator("#zoom")).not_to_have_text("100 %")
    assert pixels(page) != plain
    page.keyboard.press("0")
    page.get_by_role("button", name="+").click()
    page.get_by_label("Leukocytes").check()
    expect(page.locator("#zoom")).to_have_text("125 %")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", name="image 2 of 2")).to_be_visible()
    expect(stage).to_have_attribute("data-shown", "leukocytes")
    expect(page.locator("#zoom")).to_have_text("125 %")
    expect(page.get_by_label("Leukocytes")).to_be_checked()
    page.goto(page.url + "?view=mask")
    expect(stage).to_have_attribute("data-shown", "mask")


def test_the_map_stands_under_its_own_class_after_back_and_a_reload(inside: Visit, tmp_path: Path) -> None:
    """What is chosen is drawn and ticked alike, whatever the address asks for; the next image has class and opacity."""
    page = inside.page
    add_suggested(inside, tmp_path, 2)
    classes, ticked = page.locator("[name=label]"), page.locator("[name=label]:checked")
    page.goto(page.url + "?view=map&label=" + (classes.nth(1).get_attribute("value") or ""))
    expect(page.locator("#stage")).to_have_attribute("data-shown", "map")
    asked_for = pixels(page)
    classes.nth(2).check()
    page.locator("#opacity").fill("80")
    chosen, label = pixels(page), classes.nth(2).get_attribute("value") or ""
    assert chosen != asked_for

    def unchanged() -> None:
        expect(page.locator("#stage")).to_have_attribute("data-shown", "map")
        expect(ticked).to_have_value(label)
        expect(page.locator("#opacity")).to_have_value("80")
        expect(page.locator("#opacity-value")).to_have_text("80 %")
        assert pixels(page) == chosen

    page.reload()
    unchanged()
    page.locator(".crumb").first.click()
    page.locator(".tile-link").first.wait_for()
    page.go_back()
    unchanged()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", name="image 2 of 2")).to_be_visible()
    unchanged()  # the fields are equal


@pytest.mark.realdata
def test_a_field_of_another_laboratory_gets_no_answer_in_the_browser(inside: Visit, data: Path) -> None:
    """AML: the word, the reason and what to do; no label, number or map on the pages, nor in what draws them."""
    page = inside.page
    page.goto(f"{inside.server.url}/cases/new")
    page.get_by_label("Accession").fill("F-1")
    page.locator("#image").set_input_files(sorted((data / "leukemia_types" / "AML").iterdir())[0])
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row")).to_contain_text("Unfamiliar")
    expect(page.locator(".queue-step")).to_contain_text("Look at the cells")
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator(".chip-unfamiliar")).to_have_text("Unfamiliar")
    case = page.content()
    page.locator(".tile-link").click()
    page.locator("#canvas").wait_for()
    expect(page.locator(".suggestion-unfamiliar")).to_be_visible()
    reading = re.sub(r'<section class="review".*?</section>', "", page.content(), flags=re.S)
    page.goto(f"{inside.server.url}/?outcome=unfamiliar")
    expect(page.locator(".case-accession")).to_have_text(["F-1"])
    for text in (case, reading, page.content()):
        assert not re.search(r"Benign|Early|Pre-B|Pro-B|0\.99|probabilities", text)
