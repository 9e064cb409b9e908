"""What a browser still has after somebody signed out: nothing of a case that opens without signing in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.driving import PASSWORD

pytestmark = pytest.mark.browser

# Sends a form as the page would, and returns the answer's address and text.
POST = """async ([path, fields, files]) => {
  const body = new FormData();
  body.append("csrf_token", document.querySelector("[name=csrf-token]").content);
  Object.entries(fields).forEach(([name, value]) => body.append(name, value));
  const answer = await fetch(path, { method: "POST", body });
  return [answer.status, answer.url, await answer.text()];
}"""
# Asks for an address, of a copy that the browser kept if there is one, however old.
KEPT = """async (path) => {
  const answer = await fetch(path, { cache: "force-cache" });
  return [answer.status, answer.redirected, answer.headers.get("Content-Type")];
}"""


def test_the_signed_report_does_not_open_after_sign_out(inside: Visit) -> None:
    """Neither the PDF nor the page of the case, nor the list: Chromium kept no copy, and nobody is signed in."""
    page = inside.page

    def post(path: str, **fields: str) -> Any:
        answer = page.evaluate(POST, [path, fields])
        assert answer[0] < 400, answer
        return answer

    case = post("/cases/new", accession="K-1", specimen="PB", confirmed="yes", drawing="leukemic")[1]
    page.goto(case)
    image = page.locator("a[href*='/images/']").first.get_attribute("href")
    post(f"{image}/reviews", choice="not_gradable", seen="0", comment="")
    page.goto(f"{case}/sign")
    seen = page.locator("[name=seen]").get_attribute("value")
    assert seen
    post(f"{case}/sign", diagnosis="insufficient", password=PASSWORD, seen=seen)
    kept = [f"{case}/versions/1/report.pdf", f"{case}/versions/1", case, "/worklist.csv"]
    for address in kept:
        status, redirected, _kind = page.evaluate(KEPT, address)
        assert (status, redirected) == (200, False), address
    post("/sign-out")
    page.goto(f"{inside.server.url}/sign-in")
    for address in kept:
        _status, redirected, kind = page.evaluate(KEPT, address)
        assert redirected, address
        assert kind.startswith("text/html")
