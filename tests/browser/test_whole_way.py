"""The whole way through a real server in a real browser."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from smear.imaging import synthetic
from smear.imaging.decode import decode, encode
from tests.browser.conftest import Visit
from tests.browser.driving import PASSWORD, choose_password, open_page, press, sign_in
from tests.data.pictures import suggested

pytestmark = pytest.mark.browser

PIXELS = """() => {
  const canvas = document.getElementById("canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) {
    sum = (sum * 31 + data[i] * 65536 + data[i + 1] * 256 + data[i + 2]) % 2147483647;
  }
  return sum;
}"""


def files(folder: Path) -> list[Path]:
    """Return a JPEG, a PNG and a TIFF of drawn fields, and a photograph of a real one where there are any."""
    # Of the PNG the model suggests a label, so that there is a map.
    first, third = (synthetic.field(seed, "leukemic", 448) for seed in (1, 3))
    made = []
    for name, rgb in {"first.jpg": first, "reviews.png": decode(suggested()).rgb, "third.tiff": third}.items():
        made.append(folder / name)
        Image.fromarray(rgb).save(made[-1])
    data = os.environ.get("LEUKOLENS_DATA")
    real = sorted(Path(data, "taleghani").rglob("*.jpg")) if data else []
    return made + real[:1]


def pixels(page: Page) -> int:
    """Return a checksum of what the canvas shows, once it shows the view that is chosen."""
    chosen = page.locator(".segments [aria-current]").get_attribute("data-view")
    page.locator(f"#stage[data-shown={chosen}]").wait_for()
    return int(page.evaluate(PIXELS))


def open_reading(page: Page, name: str) -> None:
    """Go from a case to the reading page of one of its images."""
    page.locator(".tile-link", has_text=name).click()
    page.locator("#canvas").wait_for()


def test_from_the_one_time_password_to_the_history(visit: Visit, tmp_path: Path) -> None:
    """Sign in, new password, new case, three formats, the reading page, a restart, and the search."""
    page, server = visit.page, visit.server
    sign_in(page, server.url, visit.address, visit.one_time)
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    choose_password(page, visit.one_time)
    expect(page.get_by_text("Your first case")).to_be_visible()

    page.get_by_role("link", name="Open the first case").click()
    page.get_by_label("Accession").fill("A-2026-0412")
    page.get_by_label("Notes").fill("pancytopenia")
    chosen = files(tmp_path)
    page.locator("#image").set_input_files(chosen)
    expect(page.locator(".queue-row")).to_have_count(len(chosen))
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(len(chosen))
    expect(page.locator(".queue-summary")).to_have_text(f"{len(chosen)} of {len(chosen)} read, 0 failed.")
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator(".tile")).to_have_count(len(chosen))
    assert [name.split()[-1] for name in page.locator(".tile-name").all_inner_texts()][:3] == [
        path.name for path in chosen[:3]
    ]

    for path in chosen[:3]:
        open_reading(page, path.name)
        expect(page.locator(".suggestion-words")).to_have_text(re.compile(r"\d\.\d\d|Unsure|Unfamiliar|Not gradable"))
        expect(page.locator(".intended")).to_be_visible()
        page.get_by_role("link", name="A-2026-0412").click()

    open_reading(page, "reviews.png")
    expect(page.locator(".probabilities li")).to_have_count(4)
    expect(page.locator("#opacity")).to_have_value("45")
    page.get_by_role("link", name="Map", exact=True).click()
    at_first = pixels(page)
    page.locator("#opacity").fill("90")
    stronger = pixels(page)
    assert stronger != at_first
    page.get_by_role("link", name="Original", exact=True).click()
    plain = pixels(page)
    assert plain not in (at_first, stronger)
    page.get_by_label("Leukocytes").check()
    assert pixels(page) != plain
    expect(page.locator("[data-job]")).to_have_count(0)  # a page that listens to a job complains of a server that stops

    server.stop()
    server.start()
    page.goto(f"{server.url}/?q=pancyto")
    expect(page.locator(".case-accession")).to_have_text(["A-2026-0412"])
    page.locator(".case-row").click()
    expect(page.locator(".tile")).to_have_count(len(chosen))


def add_suggested(visit: Visit, folder: Path, count: int = 1) -> None:
    """Open a case with equal fields that get a suggestion, and go to the first one's reading page, evidence and all."""
    page = visit.page
    paths = [folder / f"field-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(suggested() + bytes(number))  # bytes after the picture make it another file
    page.goto(f"{visit.server.url}/cases/new")
    page.get_by_label("Accession").fill("S-1")
    page.locator("#image").set_input_files(paths)
    page.get_by_role("button", name="Create the case").click()
    page.get_by_role("link", name="Open the case").click()
    page.locator(".tile-link").first.click()
    expect(page.locator("#counting a").first).to_be_visible()
    page.locator("#canvas").wait_for()


def test_views_classes_and_zoom_change_the_picture(inside: Visit, tmp_path: Path) -> None:
    """Every view and every class is another picture; keys do what buttons do."""
    page = inside.page
    add_suggested(inside, tmp_path)
    seen = set()
    count = page.locator(".segments a").count()
    while page.locator(".segments a").first.get_attribute("aria-current") is None:
        page.keyboard.press("v")
    for number in range(count):
        expect(page.locator(".segments a").nth(number)).to_have_attribute("aria-current", "true")
        seen.add(pixels(page))
        page.keyboard.press("v")
    assert len(seen) == count
    whole = pixels(page)
    page.keyboard.press("+")
    expect(page.locator("#zoom")).to_have_text("125 %")
    assert pixels(page) != whole
    page.keyboard.press("0")
    assert pixels(page) == whole
    page.keyboard.press("c")
    expect(page.locator(".segments a").last).to_have_attribute("aria-current", "true")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()


def add_drawing(visit: Visit, kind: str) -> None:
    """Open a case with a drawn field and go to its reading page."""
    page = visit.page
    page.goto(f"{visit.server.url}/cases/new")
    page.get_by_label("Accession").fill("D-1")
    page.get_by_role("button", name=kind.replace("_", " ")).click()
    page.get_by_role("button", name="Create the case").click()
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator(".tile .chip-drawing")).to_be_visible()
    page.locator(".tile-link").click()
    expect(page.locator(".head .chip-drawing")).to_be_visible()
    page.locator("#canvas").wait_for()  # the page's script shows it last, when keys and buttons work


def test_a_bad_file_fails_alone_and_can_be_removed(inside: Visit, tmp_path: Path) -> None:
    """The row says why; the good file beside it is read; a duplicate accession is told at its field."""
    page = inside.page
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(encode(synthetic.field(4, "sparse", 256), "PNG"))
    bad.write_bytes(b"no picture")
    page.goto(f"{inside.server.url}/cases/new")
    page.locator("#image").set_input_files([bad, good])
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator("#accession-hint")).to_have_text(re.compile("Write the accession"))
    page.get_by_label("Accession").fill("A-1")
    page.get_by_role("button", name="Create the case").click()
    failed = page.locator(".queue-row[data-state=failed]")
    expect(failed).to_contain_text("not an image")
    expect(failed.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(1)
    failed.get_by_role("button", name="Remove").click()
    expect(page.locator(".queue-row")).to_have_count(1)
    # The browser reports the refused request itself; nothing else may be wrong.
    assert all("422" in problem or "400" in problem for problem in inside.problems)
    inside.problems.clear()


def test_without_script_the_same_work_is_done(inside: Visit, tmp_path: Path) -> None:
    """Plain forms and links: a case with an image, its views and the map of a class."""
    path = tmp_path / "plain.png"
    path.write_bytes(suggested())
    state = inside.page.context.storage_state()
    browser = inside.page.context.browser
    assert browser
    page = open_page(browser, java_script_enabled=False, storage_state=state)
    page.goto(f"{inside.server.url}/cases/new")
    page.get_by_label("Accession").fill("N-1")
    page.locator("#image").set_input_files(path)
    page.get_by_role("button", name="Create the case").click()
    page.locator(".tile-link").click()
    page.get_by_role("link", name="Map", exact=True).click()
    assert "/overlay/" in (page.locator("#plain").get_attribute("src") or "")
    page.get_by_role("link", name="Mask").click()
    assert (page.locator("#plain").get_attribute("src") or "").endswith("/views/mask")
    page.context.close()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_page_is_wider_than_its_window(inside: Visit, width: int) -> None:
    """On a phone nothing has to be pushed sideways."""
    page = inside.page
    add_drawing(inside, "leukemic")
    reading = page.url
    case = reading.split("/images/")[0]
    page.set_viewport_size({"width": width, "height": 844})
    for address in (
        reading,
        case,
        *(inside.server.url + path for path in ("/", "/cases/new", "/models/", "/account/")),
    ):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_the_theme_is_remembered(inside: Visit) -> None:
    """The button changes light to dark, and the next page is dark from its first paint."""
    page = inside.page
    before = page.evaluate("document.documentElement.dataset.bsTheme")
    page.get_by_role("button", name="Light or dark").click()
    page.goto(f"{inside.server.url}/models/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") != before


def test_a_body_over_the_limit_gets_its_page(inside: Visit) -> None:
    """The server reads on, so that the browser sees the answer instead of a broken connection."""
    page = inside.page
    add_drawing(inside, "blank")
    status = page.evaluate(
        """async () => {
          const body = new FormData();
          body.append("image", new Blob([new Uint8Array(66 * 1048576)]), "large.png");
          const token = document.querySelector("meta[name=csrf-token]").content;
          const headers = { Accept: "application/json", "X-CSRFToken": token };
          const address = location.pathname.split("/images/")[0] + "/images";
          const answer = await fetch(address, { method: "POST", body, headers });
          return [answer.status, (await answer.json()).error];
        }"""
    )
    assert status[0] == 413
    assert "64 MB" in status[1]
    inside.problems.clear()


def test_signing_out_ends_it(inside: Visit) -> None:
    """After sign-out the back button shows no case."""
    page = inside.page
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, inside.server.url, inside.address, PASSWORD)
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()


def test_the_example_walk_from_an_empty_laboratory_to_a_signed_report(inside: Visit) -> None:
    """The guide names each step; following it, and nothing else, ends in the report."""
    page = inside.page
    page.get_by_role("button", name="Read an example").click()
    guide = page.locator(".example-guide")
    expect(guide).to_be_visible()
    expect(page.locator(".tile")).to_have_count(3)
    guide.get_by_role("link").first.click()
    for key, outcome in zip(("3", "u", "n"), ("suggested", "unfamiliar", "not_gradable"), strict=True):
        expect(page.locator(f".suggestion-{outcome}")).to_be_visible()
        expect(page.locator(".example-guide")).to_be_visible()
        press(page, key)
    expect(guide.locator(".done")).to_have_count(2)
    guide.get_by_role("link", name=re.compile("Sign the case")).click()
    # The unfamiliar one was left as uncertain, and a case is not signed so.
    expect(page.get_by_text("Not ready to be signed")).to_be_visible()
    page.get_by_role("link", name="Back to the case").click()
    page.locator(".tile-link").nth(1).click()
    press(page, "1")
    guide.get_by_role("link", name=re.compile("Sign the case")).click()
    page.locator("[name=diagnosis][value='label:Pre']").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign", exact=False).last.click()
    expect(page.get_by_text("Signed as version 1.")).to_be_visible()
    guide.get_by_role("link", name=re.compile("Open the report")).click()
    expect(page.get_by_role("heading", name="Blood smear report")).to_be_visible()
    expect(page.get_by_text("Not for use.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_wide_field_shows_its_parts(inside: Visit, width: int) -> None:
    """Dashed frames where it was read, with the leukocyte boxes; the page is no wider than its window."""
    page = inside.page
    page.set_viewport_size({"width": width, "height": 820})
    page.goto(f"{inside.server.url}/cases/new")
    page.get_by_label("Accession").fill("W-1")
    wide = encode(np.tile(decode(suggested()).rgb, (2, 2, 1)), "PNG")
    page.locator("#image").set_input_files({"name": "wide.png", "mimeType": "image/png", "buffer": wide})
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(1)
    page.get_by_role("link", name="Open the case").click()
    page.locator(".tile-link").click()
    page.locator("#stage[data-shown]").wait_for()
    expect(page.get_by_text("4 parts with whole leukocytes were read")).to_be_visible()
    violet = """() => {
      const canvas = document.getElementById("canvas");
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        count += Math.abs(data[i] - 91) < 12 && Math.abs(data[i + 1] - 63) < 12 && Math.abs(data[i + 2] - 166) < 12;
      }
      return count;
    }"""
    before = page.evaluate(violet)
    page.get_by_label("Leukocytes").check()
    assert page.evaluate(violet) > before + 50
    assert page.evaluate("document.documentElement.scrollWidth") <= width
