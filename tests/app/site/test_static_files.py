"""How pages and the program's own files are sent: packed to whoever unpacks them, and files once."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask

from tests.app.steps import Someone

FILES = ("/static/base.css", "/static/theme.js", "/static/mark.svg", "/bootstrap/static/css/bootstrap.min.css")
PACKED = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize("path", FILES)
def test_a_static_file_is_packed_for_whoever_unpacks_it(app: Flask, path: str) -> None:
    """The same file, and a cache that stands between knows that there are two of it."""
    client = app.test_client()
    plain = client.get(path, buffered=True)
    packed = client.get(path, headers=PACKED, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) == int(packed.headers["Content-Length"]) < len(plain.data)
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"}, buffered=True)
    assert refused.data == plain.data


@pytest.mark.parametrize("path", FILES)
def test_a_packed_file_that_is_the_same_is_not_sent_again(app: Flask, path: str) -> None:
    """By its tag, as browsers ask for the modules that scripts import."""
    client = app.test_client()
    tag = client.get(path, headers=PACKED, buffered=True).headers["ETag"]
    again = client.get(path, headers=PACKED | {"If-None-Match": tag}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")
    part = client.get(path, headers=PACKED | {"Range": "bytes=0-9"}, buffered=True)
    assert (part.status_code, len(part.data), "Content-Encoding" in part.headers) == (206, 10, False)


@pytest.mark.parametrize("led_here_by", ["none", "same-origin"])
def test_a_page_that_its_own_site_led_to_is_packed(clinician: Someone, led_here_by: str) -> None:
    """The same page."""
    page = clinician.get("/?q=violet", headers=PACKED | {"Sec-Fetch-Site": led_here_by})
    assert page.headers["Content-Encoding"] == "gzip"
    assert "violet" in gzip.decompress(page.data).decode()
    assert {"Accept-Encoding", "Sec-Fetch-Site"} <= {name.strip() for name in page.headers["Vary"].split(",")}
    plain = clinician.get("/?q=violet", headers={"Sec-Fetch-Site": led_here_by})
    assert "violet" in plain.text


@pytest.mark.parametrize("led_here_by", ["cross-site", "same-site", None])
def test_a_page_that_others_led_to_is_not_packed(clinician: Someone, led_here_by: str | None) -> None:
    """They could choose what is searched for, and learn from the length what else stands in the page."""
    said = {} if led_here_by is None else {"Sec-Fetch-Site": led_here_by}
    page = clinician.get("/?q=violet", headers=PACKED | said)
    assert "Content-Encoding" not in page.headers
    assert "violet" in page.text
