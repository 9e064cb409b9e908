"""Draws docs/screenshots: the main pages, wide and narrow, light and dark, with drawn fields only.

Run as `python -m tests.browser.screenshots FOLDER`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from .driving import PASSWORD, Server, choose_password, chromium, sign_in

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
)
CASES = (
    ("A-2026-0409", "Control after induction", ("sparse", "sparse")),
    ("A-2026-0411", "Thick smear, please repeat", ("erythrocytes_only", "blank")),
    ("A-2026-0412", "Pancytopenia, blasts in the peripheral blood", ("leukemic", "sparse", *["leukemic"] * 5, "blank")),
)


def fill(page: Page, url: str) -> str:
    """Enter the cases through the pages and return the address of the last one."""
    for accession, notes, kinds in CASES:
        page.goto(f"{url}/cases/new")
        page.get_by_label("Accession").fill(accession)
        page.get_by_label("Notes").fill(notes)
        for kind in kinds:
            page.get_by_role("button", name=kind.replace("_", " ")).click()
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
        page.locator("#canvas").wait_for()
        with page.expect_navigation():
            page.keyboard.press("1")
    page.goto(f"{case}/sign")
    page.get_by_label("Benign").check()
    page.get_by_label("Remark").fill("No blasts in two fields; control in four weeks.")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign as").click()
    page.get_by_text("Signed as version 1.").wait_for()
    return case


def shoot(browser: Browser, url: str, address: str, case: str, signed: str, folder: Path) -> None:
    """Take every page in every width and theme."""
    for theme in ("light", "dark"):
        for width, height in WIDTHS.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            page.goto(f"{url}/sign-in")
            page.screenshot(path=folder / f"sign-in-{width}-{theme}.png")
            sign_in(page, url, address, PASSWORD)
            for name, path in PAGES:
                page.goto(url + path)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=name == "models")
            page.goto(f"{url}/cases/new")
            page.get_by_label("Accession").fill("A-2026-0413")
            page.get_by_role("button", name="leukemic").click()
            page.get_by_role("button", name="blank").click()
            page.screenshot(path=folder / f"new-case-{width}-{theme}.png", full_page=True)
            for name, path in (("signed", signed), ("report", f"{signed}/versions/1"), ("sign", f"{case}/sign")):
                page.goto(path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
            page.goto(f"{case}/cells")
            page.locator(".cell input").nth(5).focus()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"cells-{width}-{theme}.png")
            page.goto(url + str(page.locator(".cell-number").nth(5).get_attribute("href")))
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"cell-{width}-{theme}.png", full_page=True)
            page.goto(case)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"case-{width}-{theme}.png", full_page=True)
            tiles = page.locator(".tile")
            suggested = tiles.filter(has=page.locator(".chip-suggested"))
            (suggested if suggested.count() else tiles).first.locator(".tile-link").click()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"reading-{width}-{theme}.png", full_page=width < 700)
            page.keyboard.press("d")
            page.screenshot(path=folder / f"beside-{width}-{theme}.png", full_page=width < 700)
            page.goto(f"{url}/account/two-factor")
            page.get_by_label("Your password").fill(PASSWORD)
            page.get_by_role("button", name="Set up").click()
            page.screenshot(path=folder / f"two-factor-square-{width}-{theme}.png", full_page=True)
            context.close()


def main(folder: Path) -> None:
    """Start a server with an empty lab, fill it and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        server = Server(Path(temporary) / "instance")
        address, one_time = server.prepare()
        with server, chromium() as browser:
            page = browser.new_page()
            sign_in(page, server.url, address, one_time)
            choose_password(page, one_time)
            case = fill(page, server.url)
            signed = sign_one(page, server.url)
            name_some_cells(page, case)
            shoot(browser, server.url, address, case, signed, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
