"""Images taken back from the queue: while they are read, where it is refused, and in what order the others stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

# Holds the answers to what is sent back until the test hands them out.
LATE = """window.answers = [];
const listen = XMLHttpRequest.prototype.addEventListener;
XMLHttpRequest.prototype.addEventListener = function (name, hear) {
  listen.call(this, name, name === "load" ? (event) => window.answers.push(() => hear(event)) : hear);
};"""


def fields(folder: Path, count: int) -> list[Path]:
    """Return drawn fields as files."""
    paths = [folder / f"field-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(encode(synthetic.field(40 + number, "sparse", 224), "PNG"))
    return paths


def test_what_is_taken_back_while_it_is_read_is_not_in_the_case(inside: Visit, tmp_path: Path) -> None:
    """The server had stored it when it was taken back; it is removed as soon as the page knows of it."""
    page = inside.page
    page.add_init_script(LATE)
    case = inside.open_case("Q-1")
    first, second = fields(tmp_path, 2)
    row = page.locator(".queue-row")

    def answered() -> None:
        while not page.evaluate("answers.length"):
            page.wait_for_timeout(50)

    page.locator("#image").set_input_files(first)
    answered()
    row.get_by_role("button", name="Remove").click()
    page.evaluate("answers.pop()()")
    expect(row).to_have_count(0)
    page.locator("#image").set_input_files(second)
    answered()
    page.evaluate("answers.pop()()")
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(1)
    page.goto(case)
    expect(page.locator(".tile-name")).to_have_count(1)
    expect(page.locator(".tile-name")).to_contain_text("field-1.png")


def test_a_removal_that_is_refused_says_why_and_others_stand_as_they_were_chosen(inside: Visit, tmp_path: Path) -> None:
    """The reason stands in the row; an image that is added after one was removed stands at the end of the case."""
    page, case = inside.page, inside.open_case("Q-1")
    paths = fields(tmp_path, 4)
    page.locator("#image").set_input_files(paths[:3])
    done = page.locator(".queue-row[data-state=done]")
    expect(done).to_have_count(3)
    reason = json.dumps({"error": "It was reviewed, and stays."})
    page.route("**/remove", lambda route: route.fulfill(status=409, content_type="application/json", body=reason))
    done.first.get_by_role("button", name="Remove").click()
    expect(done.first).to_contain_text("It was reviewed, and stays.")
    page.unroute("**/remove")
    for left in (2, 1):
        done.first.get_by_role("button", name="Remove").click()
        expect(page.locator(".queue-row")).to_have_count(left)
    page.locator("#image").set_input_files(paths[3])
    expect(done).to_have_count(2)
    page.goto(case)
    expect(page.locator(".tile-name")).to_contain_text(["field-2.png", "field-3.png"])
    inside.problems[:] = [problem for problem in inside.problems if "409" not in problem]
