"""A server, a browser and a signed-in page for the tests that drive Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from app.config import ROOT
from smear.inference import bundle
from tests.browser.driving import (
    PASSWORD,
    PATIENCE,
    Server,
    choose_password,
    chromium,
    chromium_path,
    open_page,
    sign_in,
)
from tests.conftest import skip_or_fail

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium; a full run may not go on without it.

    For a module and not for the session: playwright keeps an event loop in the thread, beside which
    Flask refuses to work.
    """
    if chromium_path() is None:
        skip_or_fail("Chromium is not installed.")
    if "leukolens-field" not in bundle.names(Path(os.environ.get("LEUKOLENS_MODELS_DIR", ROOT / "models"))):
        skip_or_fail("The bundle leukolens-field is not published.")
    with chromium() as started:
        yield started


@dataclass
class Visit:
    """A page, what went wrong on it, and the server behind it."""

    server: Server
    page: Page
    address: str
    one_time: str
    problems: list[str] = field(default_factory=list)

    def another(self) -> Page:
        """Return a page of a browser that has been nowhere yet, for somebody else."""
        browser = self.page.context.browser
        assert browser
        return self.watch(open_page(browser))

    def elsewhere(self, path: str) -> Page:
        """Return an address of the server in another browser, in which the same person has signed in."""
        page = self.another()
        sign_in(page, self.server.url, self.address, PASSWORD)
        page.get_by_role("heading", name="Worklist").wait_for()
        page.goto(path)
        return page

    def open_case(self, accession: str) -> str:
        """Open a case without images in the page and return its address."""
        self.page.goto(f"{self.server.url}/cases/new")
        self.page.get_by_label("Accession").fill(accession)
        self.page.get_by_role("button", name="Create the case").click()
        expect(self.page.get_by_text("This case has no images yet.")).to_be_visible()
        return self.page.url

    def watch(self, page: Page) -> Page:
        """Note every error that the browser reports on a page."""

        def console(message: ConsoleMessage) -> None:
            # The tests read the canvas back, which the pages never do.
            if message.type in ("error", "warning") and "getImageData" not in message.text:
                self.problems.append(message.text)

        page.on("console", console)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        return page


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """Give a server with one empty lab."""
    server = Server(folder / "instance", **settings)
    server.admins.append(server.prepare())
    with server:
        yield server


@contextmanager
def visiting(browser: Browser, server: Server) -> Iterator[Visit]:
    """Give a page in front of a lab that nobody has used; at the end the browser must not have complained."""
    address, one_time = server.admins.pop() if server.admins else server.another_lab()
    visit = Visit(server, open_page(browser), address, one_time)
    visit.watch(visit.page)
    yield visit
    for one in browser.contexts:
        one.close()
    assert visit.problems == []


def enter(visit: Visit) -> Visit:
    """Sign in and choose a password."""
    sign_in(visit.page, visit.server.url, visit.address, visit.one_time)
    choose_password(visit.page, visit.one_time)
    visit.page.get_by_role("heading", name="Worklist").wait_for()
    return visit


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the server of a module's tests. Each has a lab of its own on it, and none sees another's."""
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Return a page in front of an empty lab."""
    with visiting(browser, server) as visit:
        yield visit


@pytest.fixture
def inside(visit: Visit) -> Visit:
    """Return the page of someone who signed in and chose a password."""
    return enter(visit)
