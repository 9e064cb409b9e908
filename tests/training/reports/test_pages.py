"""Pages escape what they are given and refuse to leave a hole."""

import jinja2
import pytest

from training.reports.pages import TEMPLATES, render

VALUES = {"conclusion": "a < b", "command": "<script>", "plots": [], "table": [{"recipe": '"x" & <y>'}]}


def test_what_a_page_is_given_is_escaped():
    page = render("comparison.html", **VALUES)
    assert "a &lt; b" in page
    assert "<script>" not in page
    assert "&#34;x&#34; &amp; &lt;y&gt;" in page


@pytest.mark.parametrize("missing", VALUES)
def test_a_value_that_is_missing_is_an_error_and_no_gap(missing):
    with pytest.raises(jinja2.UndefinedError):
        render("comparison.html", **{name: value for name, value in VALUES.items() if name != missing})


def test_every_template_escapes():
    assert TEMPLATES.autoescape is True
    pages = {"atlas.svg", "comparison.html", "errors.html", "inspection.html", "page.html", "worst.html"}
    assert pages == set(TEMPLATES.list_templates())
