"""Draws the main pages, wide and narrow, light and dark, with drawn fields only.

Run as `python -m tests.screenshots FOLDER`; with `--documented` those that the documentation shows are written
into docs/screenshots as well, where they look different from what is there (tests/screenshots/documented.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.conftest import Visit, enter
from tests.browser.driving import PASSWORD, Server, chromium, open_page, sign_in
from tests.browser.inspection import THEMES
from tests.browser.test_room import ALONE, add_person, press
from tests.data.pictures import suggested
from tests.screenshots.documented import document

WIDTHS = {1280: 820, 390: 844}
PAGES = (
    ("worklist", "/"),
    ("models", "/models/"),
    ("people", "/people/"),
    ("lab", "/lab/"),
    ("audit", "/audit/"),
    ("agreement", "/agreement"),
    ("account", "/account/"),
    ("two-factor", "/account/two-factor"),
    ("error", "/cases/of-another-lab"),
)
COLLEAGUE = "eva@lab.example"
# The one drawing that gets a suggestion: nearly all others are refused as unfamiliar.
SUGGESTED: FilePayload = {"name": "drawing.jpg", "mimeType": "image/jpeg", "buffer": suggested()}
CASES = (
    ("A-2026-0408", "Second opinion asked for", ("leukemic", "sparse"), []),
    ("A-2026-0409", "Control after induction", ("sparse", "sparse"), []),
    ("A-2026-0411", "Thick smear, please repeat", ("erythrocytes_only", "blank"), []),
    (
        "A-2026-0412",
        "Pancytopenia, blasts in the peripheral blood",
        ("leukemic", "sparse", *["leukemic"] * 4, "blank"),
        [SUGGESTED],
    ),
)


def fill(page: Page, url: str) -> str:
    """Enter the cases through the pages and return the address of the last one."""
    for accession, notes, kinds, files in CASES:
        page.goto(f"{url}/cases/new")
        page.get_by_label("Accession").fill(accession)
        page.get_by_label("Notes").fill(notes)
        for kind in kinds:
            page.get_by_role("button", name=kind.replace("_", " ")).click()
        page.locator("#image").set_input_files(files)
        page.get_by_role("button", name="Create the case").click()
        page.get_by_role("link", name="Open the case").click()
    return page.url


def name_some_cells(page: Page, case: str) -> None:
    """Name some cells of the last case by hand, and exclude one."""
    page.goto(f"{case}/cells")
    for key, count in (("1", 5), ("w", 3)):  # blast, lymphocyte
        for _ in range(count):
            unnamed = page.locator(".cell:not(.cell-named)")
            before = unnamed.count()
            unnamed.first.locator("input").check()
            page.keyboard.press(key)
            expect(unnamed).to_have_count(before - 1)
    page.locator(".cell:not(.cell-named) input").first.check()
    page.keyboard.press("x")
    page.get_by_role("button", name="smudged or torn").click()
    expect(page.locator(".cell-excluded")).to_have_count(1)


def sign_one(page: Page, url: str) -> str:
    """Review and sign the smallest case, and return its address."""
    page.goto(f"{url}/?q=0409")
    page.locator(".case-row").click()
    case = page.url
    page.get_by_role("link", name="Review the next image").click()
    for _ in range(2):
        press(page, "1")
    page.goto(f"{case}/sign")
    page.get_by_label("Benign").check()
    page.get_by_label("Remark").fill("No blasts in two fields; control in four weeks.")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign as").click()
    page.get_by_text("Signed as version 1.").wait_for()
    return case


def ask_for_a_blind_reading(page: Page, url: str) -> str:
    """Review a case, ask a colleague to read it blind, and return its address."""
    page.goto(f"{url}/?q=0408")
    page.locator(".case-row").click()
    case = page.url
    page.get_by_role("link", name="Review the next image").click()
    for key in ("3", "1"):
        press(page, key)
    page.get_by_text("Ask for a blind second reading").click()
    page.get_by_role("button", name="Ask", exact=True).click()
    return case


class Camera:
    """A signed-in page in one width and theme, and where its pictures go."""

    def __init__(self, browser: Browser, url: str, width: int, theme: str, folder: Path) -> None:
        size = {"width": width, "height": WIDTHS[width]}
        self.page, self.url = open_page(browser, viewport=size, color_scheme=theme), url
        self.narrow = width < 700
        self.names = str(folder / f"{{name}}-{width}-{theme}.png")

    def take(self, name: str, whole: bool = False) -> None:
        """Keep what the window shows, or the whole page."""
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self.names.format(name=name), full_page=whole)

    def visit(self, name: str, path: str, whole: bool = False) -> None:
        """Open a page and keep it."""
        self.page.goto(path if path.startswith("http") else self.url + path)
        self.take(name, whole)


def shoot(camera: Camera, address: str, case: str, signed: str, blind: str) -> None:
    """Take every page in one width and theme."""
    page, url = camera.page, camera.url
    camera.visit("sign-in", "/sign-in")
    sign_in(page, url, address, PASSWORD)
    for name, path in PAGES:
        camera.visit(name, path, whole=name == "models")
    page.goto(f"{url}/cases/new")
    page.get_by_label("Accession").fill("A-2026-0413")
    page.get_by_role("button", name="leukemic").click()
    page.get_by_role("button", name="blank").click()
    camera.take("new-case", whole=True)
    for name, path in (
        ("signed", signed),
        ("report", f"{signed}/versions/1"),
        ("sign", f"{case}/sign"),
        ("edit", f"{case}/details"),
    ):
        camera.visit(name, path, whole=True)
    page.goto(f"{case}/cells")
    page.locator(".cell input").nth(5).focus()
    camera.take("cells")
    camera.visit("cell", str(page.locator(".cell-number").nth(5).get_attribute("href")), whole=True)
    camera.visit("case", case, whole=True)
    tiles = page.locator(".tile")
    suggested = tiles.filter(has=page.locator(".chip-suggested"))
    (suggested if suggested.count() else tiles).first.locator(".tile-link").click()
    if page.locator("[data-view=leukocytes]").count():  # a refusal has no evidence to show
        page.locator("[data-view=leukocytes]").click()
    camera.take("reading", whole=camera.narrow)
    page.keyboard.press("d")
    camera.take("beside", whole=camera.narrow)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, url, COLLEAGUE, ALONE)
    page.get_by_role("heading", name="Worklist").wait_for()
    page.goto(blind)
    page.locator("#canvas").wait_for()
    camera.take("blind", whole=camera.narrow)
    page.goto(f"{url}/account/two-factor")
    if page.get_by_role("button", name="Set up").count():  # begun once, it waits for the first code
        page.get_by_label("Your password").fill(ALONE)
        page.get_by_role("button", name="Set up").click()
    camera.take("two-factor-square", whole=True)
    camera.page.context.close()


def main(folder: Path) -> None:
    """Start a server with an empty lab, fill it and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        server = Server(Path(temporary) / "instance")
        address, one_time = server.prepare()
        with server, chromium() as browser:
            page = open_page(browser)
            visit = enter(Visit(server, page, address, one_time))
            add_person(visit, COLLEAGUE, "Eva Kern").close()
            case = fill(page, server.url)
            signed = sign_one(page, server.url)
            blind = ask_for_a_blind_reading(page, server.url)
            name_some_cells(page, case)
            for theme in THEMES:
                for width in WIDTHS:
                    shoot(Camera(browser, server.url, width, theme, folder), address, case, signed, blind)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where every page is drawn, as PNG")
    parser.add_argument("--documented", action="store_true", help="also renew docs/screenshots")
    options = parser.parse_args()
    main(options.folder)
    if options.documented:
        sys.stdout.write("".join(f"{name}\n" for name in document(options.folder)))
