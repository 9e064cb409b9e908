"""What a page does when a job of it ends, and where the server refuses to tell how far it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

PANEL = """<section data-job="/jobs/1/events" data-state="running" data-running="{done} of {total}"
  data-finished="Finished. Load the page again to see it."><span data-words></span></section>"""


class Jobs:
    """Stands in front of a page as long as a job of it runs, and tells of the job."""

    def __init__(self, page: Page, case: str) -> None:
        self.refused, self.done, self.asked, self.opened = True, False, 0, 0
        page.route(case, self.show)
        page.route("**/jobs/1/events", self.tell)

    def show(self, route: Route) -> None:
        """Put the panel of a running job on the page."""
        self.opened += 1
        answer = route.fetch()
        body = answer.text()
        route.fulfill(
            response=answer, body=body if self.done else body.replace('<main id="main"', PANEL + '<main id="main"')
        )

    def tell(self, route: Route) -> None:
        """Refuse to tell, or tell that it is done."""
        self.asked += 1
        if self.refused:
            route.fulfill(status=503, body="busy")
            return
        self.done = True
        progress = json.dumps({"state": "done", "done": 1, "total": 1, "text": ""})
        route.fulfill(content_type="text/event-stream", body=f"data: {progress}\n\n")


@pytest.fixture
def case(inside: Visit) -> str:
    """Return the address of a case without images."""
    return inside.open_case("J-1")


def test_a_page_hears_of_its_job_after_a_refusal_and_loads_itself_again(inside: Visit, case: str) -> None:
    """The browser gives up after the first answer that is an error; the page asks again."""
    page, jobs = inside.page, Jobs(inside.page, case)
    page.goto(case)
    expect(page.locator("[data-job]")).to_have_count(1)
    while not jobs.asked:
        page.wait_for_timeout(50)
    jobs.refused = False
    expect(page.locator("[data-job]")).to_have_count(0)
    assert (jobs.asked, jobs.opened) == (2, 2)
    inside.problems[:] = [problem for problem in inside.problems if "503" not in problem]


def test_a_file_that_waits_for_a_person_outlives_the_end_of_a_job(inside: Visit, case: str, tmp_path: Path) -> None:
    """One that failed could be sent again: the page is not loaded again by itself, but by a link."""
    page, jobs = inside.page, Jobs(inside.page, case)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    page.goto(case)
    page.locator("#image").set_input_files(bad)
    expect(page.locator(".queue-row[data-state=failed]")).to_have_count(1)
    jobs.refused = False
    page.get_by_role("link", name="Finished. Load the page again to see it.").wait_for()
    expect(page.locator(".queue-row[data-state=failed]")).to_have_count(1)
    assert jobs.opened == 1
    page.get_by_role("link", name="Finished. Load the page again to see it.").click()
    expect(page.locator("[data-job]")).to_have_count(0)
    inside.problems[:] = [problem for problem in inside.problems if "503" not in problem and "422" not in problem]
