"""The panel of a job: from where its page is loaded again."""

from __future__ import annotations

import pytest
from flask import Flask, get_template_attribute

from app.records import Job


@pytest.mark.parametrize(("method", "named"), [("GET", False), ("POST", True)])
def test_a_page_that_answers_a_form_names_another_to_load(app: Flask, method: str, named: bool) -> None:
    """Loading it again would send the form once more, so that it is neither done by script nor without one."""
    job = Job(id="abc", state="running", total=3, done=1, text="", result={})
    with app.test_request_context("/cases/1/images/2/reviews", method=method):
        panel = get_template_attribute("cases/_job.html", "job_panel")(job, "Reading", "/cases/1/images/2")
        refresh = get_template_attribute("cases/_job.html", "refresh")([job])
    assert ('data-again="/cases/1/images/2"' in panel) is named
    assert ("http-equiv" in refresh) is not named
