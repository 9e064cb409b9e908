"""What goes wrong is told in the frame: what happened, what was lost, what to do."""

from __future__ import annotations

import pytest
from flask import Flask, abort

from app.errors import WORDS
from tests.app.steps import Someone


@pytest.mark.parametrize("code", WORDS)
def test_every_failure_has_three_sentences(app: Flask, code: int) -> None:
    """As a page in the frame and as one sentence group for a script."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fail", "fail", lambda: abort(code))
    someone = Someone(app)
    page = someone.get("/fail")
    assert page.status_code == code
    if code != 413:  # that page names the limit
        assert all(str(sentence) in page.text.replace("&#39;", "'") for sentence in WORDS[code])
    assert "LeukoLens" in page.text
    script = someone.get("/fail", headers={"Accept": "application/json"})
    assert script.status_code == code
    assert script.json["error"].endswith(".")


def test_a_fault_is_a_page_without_details(app: Flask) -> None:
    """The exception is in the log and not in the browser; the next request works."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail() -> None:
        raise RuntimeError("the secret detail")

    app.add_url_rule("/fail", "fail", fail)
    clinician = Someone(app, "clinician")
    page = clinician.get("/fail")
    assert page.status_code == 500
    assert "secret detail" not in page.text
    assert "Traceback" not in page.text
    assert clinician.get("/").status_code == 200


def test_a_script_that_is_signed_out_is_told_so(app: Flask) -> None:
    """A fetch gets 401 instead of the sign-in page."""
    answer = Someone(app).get("/", headers={"Accept": "application/json"})
    assert answer.status_code == 401
