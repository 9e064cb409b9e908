"""A real server on a free port and a real browser, for the tests and for the screenshots."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 300  # at most; a machine that does something else beside takes its time
PATIENCE = 240_000  # milliseconds, at most, for what a page is to show or do; playwright's own is an idle machine's
SIZE = {"width": 1280, "height": 820}
PASSWORD = "a quiet violet morning"


def chromium_path() -> str | None:
    """Return where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, **options: Any) -> Page:
    """Return a page of a browser that has been nowhere yet; options: of its context."""
    context = browser.new_context(**{"viewport": SIZE, **options})
    context.set_default_timeout(PATIENCE)
    return context.new_page()


class Server:
    """LeukoLens as it is served, with its data in a folder of its own."""

    def __init__(self, instance: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "LEUKOLENS_INSTANCE_DIR": str(instance),
            "LEUKOLENS_PORT": str(self.port),
            "LEUKOLENS_DEFAULT_CELL_BUNDLE": "",  # cells are typed at upload in the tests that are about it
            **{f"LEUKOLENS_{name}": value for name, value in settings.items()},
        }
        self.names = count(2)
        self.admins: list[tuple[str, str]] = []  # address and one-time password of labs that nobody has used yet
        self.log = instance.parent / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> str:
        """Run a command of the application and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def prepare(self) -> tuple[str, str]:
        """Make the lab and return its admin's address and one-time password."""
        return self._admin("init")

    def another_lab(self) -> tuple[str, str]:
        """Make a further lab, which sees nothing of the others, and return the same of its admin."""
        name = f"lab-{next(self.names)}"
        return self._admin("user", "add", f"admin@{name}.example", "--role", "admin", "--lab", name)

    def _admin(self, *words: str) -> tuple[str, str]:
        printed = self.command(*words)
        address = re.search(r"Sign in as:\s+(\S+)", printed)
        password = re.search(r"One-time password:\s+(\S+)", printed)
        assert address
        assert password
        return address[1], password[1]

    def start(self) -> None:
        """Start serving and wait until the model is warm."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=5).close()  # noqa: S310 -- our own address
                return
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.2)
        self.stop()
        raise AssertionError(f"not ready after {START_SECONDS} s:\n{self.log.read_text()}")

    def stop(self) -> None:
        """Stop as a service manager does.

        It answers first what it was asked, so the wait is well beyond the time that it takes for that.
        """
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS)

    def __enter__(self) -> Server:
        """Serve for as long as the block lasts."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self.stop()


def sign_in(page: Page, url: str, address: str, password: str) -> None:
    """Sign in through the page."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def choose_password(page: Page, one_time: str, password: str = PASSWORD) -> None:
    """Replace the one-time password on the page that insists on it."""
    page.get_by_label("One-time password").fill(one_time)
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password once more").fill(password)
    page.get_by_role("button", name="Save the password").click()


def press(page: Page, key: str) -> None:
    """Send a review by its key, when the page's script has the picture on it, and wait for the page that follows.

    The script runs before the page is said to be there: what is waited for is that of the next page, not this one's.
    """
    page.locator("#stage[data-shown]").wait_for()
    turn(page, key)


def turn(page: Page, key: str) -> None:
    """Send a key that leads to another page, and wait for that page."""
    page.wait_for_load_state("domcontentloaded")
    with page.expect_event("domcontentloaded"):  # `expect_navigation` takes a change of the address alone for one
        page.keyboard.press(key)
