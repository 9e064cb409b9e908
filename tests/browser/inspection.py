"""What no page may have, in either theme and at either width: what axe-core finds, and more than its window has."""

from __future__ import annotations

from itertools import product

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

THEMES = ("light", "dark")
WIDTHS = (1280, 390)
HEIGHT = 820


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


def faults(page: Page, name: str) -> dict[str, list[str]]:
    """Return what is wrong with a page as it stands, without loading it again: a state that was typed or pressed."""
    wrong = {}
    for width, theme in product(WIDTHS, THEMES):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        # A button that is still fading into its new colours would be found wanting.
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = violations(page)
        # By a locator: it waits for a page that is on its way and has no element yet.
        if page.locator("html").evaluate("html => html.scrollWidth") > width:
            found.append("wider than its window")
        if found:
            wrong[f"{name} {theme} {width}"] = found
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    page.emulate_media(color_scheme=THEMES[0])
    return wrong
