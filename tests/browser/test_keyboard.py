"""The way of a case without a mouse, and without script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.browser.conftest import Visit
from tests.browser.driving import PASSWORD, open_page, press, turn
from tests.browser.test_whole_way import add_drawing
from tests.data.pictures import suggested

pytestmark = pytest.mark.browser

MOST_STOPS = 90
FOCUSED = """() => {
  const one = document.activeElement;
  const words = [...(one.labels || [])].map((label) => label.innerText).join(" ");
  const own = one.matches("a, button, summary") ? one.innerText : "";  // a region's text is not its name
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    name: [words, one.getAttribute("aria-label"), own, one.id].filter(Boolean).join(" ").trim(),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    seen: box.width > 0 && box.height > 0,
  };
}"""


def files(folder: Path) -> list[Path]:
    """Return three drawn fields as files, of which the first gets a suggestion."""
    made = [folder / f"field-{seed}.png" for seed in range(3)]
    made[0].write_bytes(suggested())
    for seed, path in enumerate(made[1:], 1):
        path.write_bytes(encode(synthetic.field(seed, "leukemic", 256), "PNG"))
    return made


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus; every stop on the way shows that it has it."""
    for _number in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if not focused["name"]:
            continue  # the end of the page: the browser's own bar is next
        assert focused["ring"], f"no ring around {focused['name']}"
        assert focused["seen"], f"nothing to see of {focused['name']}"
        if name in focused["name"]:
            return
    raise AssertionError(f"{name} is not reached by Tab on {page.url}")


def enter(page: Page, name: str) -> None:
    """Go to a link or a button and press it."""
    tab_to(page, name)
    turn(page, "Enter")


def type_in(page: Page, name: str, text: str) -> None:
    """Go to a field and type."""
    tab_to(page, name)
    page.keyboard.type(text)


def test_a_case_from_sign_in_to_report_without_a_mouse(visit: Visit, tmp_path: Path) -> None:
    """Tab, Enter, Space and the keys of the pages: sign in, upload by the picker, review, sign, report, sign out."""
    page = visit.page
    page.goto(visit.server.url)
    page.keyboard.type(visit.address)  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(visit.one_time)
    turn(page, "Enter")
    type_in(page, "One-time password", visit.one_time)
    type_in(page, "New password", PASSWORD)
    type_in(page, "New password once more", PASSWORD)
    turn(page, "Enter")

    page.keyboard.press("Tab")
    assert "Skip to the content" in page.evaluate(FOCUSED)["name"]
    enter(page, "New case")
    page.keyboard.type("K-1")  # the accession has the focus
    with page.expect_file_chooser() as chooser:
        tab_to(page, "Drop images here")
        page.keyboard.press("Enter")
    chooser.value.set_files(files(tmp_path))
    expect(page.locator(".queue-row")).to_have_count(3)
    tab_to(page, "Create the case")
    page.keyboard.press("Enter")
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(3)
    expect(page.get_by_role("link", name="Open the case")).to_be_focused()
    turn(page, "Enter")
    case = page.url

    turn(page, "r")
    for key in ("1", "3", "n"):
        press(page, key)
    expect(page.get_by_text("Every image of this case is reviewed.")).to_be_visible()
    assert page.url == case

    turn(page, "s")
    tab_to(page, "Benign")  # the first of the diagnoses: arrows go on from there
    assert page.locator("[name=diagnosis]:checked").count() == 0
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[name=diagnosis][value='label:Pre']")).to_be_checked()
    type_in(page, "Remark", "by keys alone")
    type_in(page, "Your password", PASSWORD)
    turn(page, "Enter")
    expect(page.get_by_text("Signed as version 1.")).to_be_visible()
    enter(page, "Report")
    expect(page.get_by_text("by keys alone")).to_be_visible()
    enter(page, "Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_sentence_is_chosen_by_arrows(inside: Visit) -> None:
    """Arrows go from one sentence to the next; Enter puts the chosen one in, and so do the button and a pointer."""
    page = inside.page
    page.goto(f"{inside.server.url}/lab/terms")
    page.locator("#sentence textarea").fill("Please repeat.\nPlease send EDTA blood.")
    page.locator("#sentence button").click()
    add_drawing(inside, "leukemic")
    sentences, comment = page.locator("#comment-sentence"), page.locator("#comment")
    sentences.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(sentences).to_be_focused()
    expect(comment).to_have_value("")
    page.keyboard.press("Enter")
    expect(comment).to_have_value("Please send EDTA blood.")
    expect(comment).to_be_focused()
    sentences.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(comment).to_have_value("Please send EDTA blood.\nPlease repeat.")
    comment.fill("")
    sentences.dispatch_event("pointerdown")
    sentences.select_option("Please repeat.")
    expect(comment).to_have_value("Please repeat.")


def test_a_key_that_is_held_reviews_one_image(inside: Visit, tmp_path: Path) -> None:
    """The page of the next image hears the held key too, and takes nothing down; released and pressed again it does."""
    page = inside.page
    page.goto(f"{inside.server.url}/cases/new")
    page.get_by_label("Accession").fill("K-3")
    page.locator("#image").set_input_files(files(tmp_path))
    page.get_by_role("button", name="Create the case").click()
    page.get_by_role("link", name="Open the case").click()
    page.get_by_role("link", name="Review the next image").click()
    page.locator("#stage[data-shown]").wait_for()
    page.keyboard.down("n")
    for _number in range(5):  # as a keyboard repeats it
        expect(page.get_by_role("heading", name="image 2 of 3")).to_be_visible()
        page.locator("#stage[data-shown]").wait_for()
        page.keyboard.down("n")
        page.wait_for_timeout(100)
    page.keyboard.up("n")
    press(page, "n")
    expect(page.get_by_role("heading", name="image 3 of 3")).to_be_visible()


def test_the_picture_is_moved_by_keys(inside: Visit) -> None:
    """Zoom and pan, the views, the boxes and the classes; the arrows turn the pages only when nothing is enlarged."""
    page = inside.page
    page.goto(f"{inside.server.url}/cases/new")
    page.keyboard.type("K-2")
    tab_to(page, "Leukemic")
    page.keyboard.press("Enter")
    tab_to(page, "Create the case")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Open the case")).to_be_focused()
    turn(page, "Enter")
    turn(page, "r")
    page.locator("#canvas").wait_for()
    tab_to(page, "stage")
    for _number in range(4):
        page.keyboard.press("+")
    expect(page.locator("#zoom")).to_have_text("244 %")
    before = page.locator("#stage").get_attribute("data-at")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#stage")).not_to_have_attribute("data-at", before or "")
    page.keyboard.press("0")
    expect(page.locator("#zoom")).to_have_text("100 %")
    tab_to(page, "Mask")
    page.keyboard.press("Enter")
    expect(page.locator("#stage")).to_have_attribute("data-shown", "mask")
    tab_to(page, "Leukocytes")
    page.keyboard.press("Space")
    expect(page.locator("#boxes")).to_be_checked()


def test_a_case_from_sign_in_to_report_without_script(visit: Visit, tmp_path: Path) -> None:
    """Forms and links alone: sign in, upload, the views, review with a comment, sign, report."""
    browser = visit.page.context.browser
    assert browser
    page = open_page(browser, java_script_enabled=False)
    page.goto(f"{visit.server.url}/sign-in")
    page.get_by_label("E-mail address").fill(visit.address)
    page.get_by_label("Password").fill(visit.one_time)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("One-time password").fill(visit.one_time)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password once more").fill(PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    page.get_by_role("link", name="New case").first.click()
    page.get_by_label("Accession").fill("N-2")
    page.locator("#image").set_input_files(files(tmp_path)[:2])
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".tile")).to_have_count(2)
    # What needs script is not offered without it.
    for hidden in ("[data-camera]", "[data-open]"):
        expect(page.locator(hidden)).to_be_hidden()
    page.get_by_role("link", name="Review the next image").click()
    expect(page.locator(".needs-script").first).to_be_hidden()
    for view, part in (("Mask", "/views/mask"), ("Map", "/overlay/"), ("Original", "/views/original")):
        page.get_by_role("link", name=view, exact=True).click()
        assert part in (page.locator("#plain").get_attribute("src") or "")
        page.wait_for_load_state()
        assert page.locator("#plain").evaluate("one => one.naturalWidth") > 0
    page.get_by_label("Comment").fill("seen without script")
    page.get_by_role("button", name="Not gradable").click()
    page.get_by_role("button", name="Something else").click()
    expect(page.get_by_text("Write in the comment what you see")).to_be_visible()
    page.get_by_label("Comment").fill("hairy cell")
    page.get_by_role("button", name="Something else").click()
    expect(page.get_by_text("Every image of this case is reviewed.")).to_be_visible()
    page.get_by_role("link", name="Sign …").click()
    page.get_by_label("Material not sufficient").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign as").click()
    expect(page.get_by_text("Signed as version 1.")).to_be_visible()
    page.get_by_role("link", name="Report").first.click()
    expect(page.get_by_text("seen without script")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.context.close()
