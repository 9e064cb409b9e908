"""The microscope camera, with the device that Chromium pretends to have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import Visit
from tests.browser.driving import FLAGS, chromium_path
from tests.conftest import skip_or_fail

pytestmark = pytest.mark.browser

FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a Chromium with a camera that shows a test picture."""
    if chromium_path() is None:
        skip_or_fail("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *FAKE])
        yield browser
        browser.close()


def open_camera(visit: Visit) -> Page:
    """Go to a new case and open the camera."""
    page = visit.page
    page.goto(f"{visit.server.url}/cases/new")
    page.get_by_label("Accession").fill("C-1")
    page.get_by_role("button", name="Use microscope camera").click()
    return page


def test_a_picture_is_taken_again_used_and_read(inside: Visit) -> None:
    """List, live view, capture, retake, use: the picture becomes an image of the case."""
    page = open_camera(inside)
    expect(page.locator("#camera-devices option")).not_to_have_count(0)
    take = page.get_by_role("button", name="Take the picture")
    expect(take).to_be_enabled()
    take.click()
    expect(page.locator("[data-part=still]")).to_be_visible()
    page.get_by_role("button", name="Take it again").click()
    expect(page.locator("[data-part=video]")).to_be_visible()
    take.click()
    page.get_by_role("button", name="Use this picture").click()
    expect(page.locator(".queue-name")).to_have_text(["camera 1.png"])
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(1)
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator(".tile-name")).to_contain_text("camera 1.png")


def test_an_unplugged_camera_is_told(inside: Visit) -> None:
    """The track ends; the sentence says what is safe and what to do, and capture is off."""
    page = open_camera(inside)
    expect(page.get_by_role("button", name="Take the picture")).to_be_enabled()
    page.evaluate(
        "document.querySelector('[data-part=video]').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))"
    )
    expect(page.locator(".camera-message")).to_contain_text("The camera was unplugged")
    expect(page.get_by_role("button", name="Take the picture")).to_be_disabled()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotAllowedError", "not allowed to use the camera"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "used by another program"),
        ("AbortError", "The camera did not start"),
    ],
)
def test_a_refused_camera_is_told(inside: Visit, error: str, told: str) -> None:
    """Each reason has its sentence, and files can still be chosen."""
    inside.page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{error}'))"
    )
    page = open_camera(inside)
    expect(page.locator(".camera-message")).to_contain_text(told)
    expect(page.get_by_role("button", name="Take the picture")).to_be_disabled()
    expect(page.locator("#image")).to_be_visible()


def test_leaving_with_a_picture_not_used_asks(inside: Visit) -> None:
    """A picture that was taken is unsent work."""
    page = open_camera(inside)
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator("[data-part=still]")).to_be_visible()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Worklist").click()
    expect(page.locator("[data-part=still]")).to_be_visible()
    assert asked == ["beforeunload"]
