"""The site answers to its own names: nobody chooses with a header where a one-time link leads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.app.steps import Someone, id_of

NAMES = {"SITE_NAMES": "lab.example, smears.lab.example"}


@pytest.mark.parametrize(
    "host", ["lab.example", "LAB.example", "lab.example:8443", "smears.lab.example", "localhost", "127.0.0.1:8000"]
)
def test_its_own_names_are_answered(make_app: Callable[..., Flask], host: str) -> None:
    """With any port, and this machine's own for whoever asks for its health."""
    assert make_app(**NAMES).test_client().get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "lab.example.evil.example", "evil.example:443", "xlab.example", "lab.example@evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/health", "/static/base.css", "/password-link/x"])
def test_another_name_is_refused_with_a_sentence(make_app: Callable[..., Flask], host: str, path: str) -> None:
    """On every page, before a session is made."""
    answer = make_app(**NAMES).test_client().get(path, headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert "not reached by this name" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_proxy_says_which_name_was_asked_for(make_app: Callable[..., Flask]) -> None:
    """What it forwards is held to the list, and not the name by which it reaches the server."""
    client = make_app(**NAMES, TRUSTED_PROXIES=1).test_client()
    good = {"Host": "10.0.0.7:8000", "X-Forwarded-Host": "lab.example"}
    assert client.get("/sign-in", headers=good).status_code == 200
    bad = {"Host": "lab.example", "X-Forwarded-Host": "evil.example"}
    assert client.get("/sign-in", headers=bad).status_code == 421


def test_a_one_time_link_leads_to_the_site(make_app: Callable[..., Flask]) -> None:
    """Under the name that the admin asked for, which is one of its own."""
    app = make_app(**NAMES)
    admin = Someone(app, "admin")
    path = f"/people/{id_of(app, 'second')}/link"
    token = admin.token()
    page = admin.client.post(path, data={"csrf_token": token}, headers={"Host": "evil.example"})
    assert page.status_code == 421
    assert "http://localhost/password-link/" in admin.post(path).text


def test_without_a_list_any_name_will_do(app: Flask) -> None:
    """As on a laboratory's own machine."""
    assert app.test_client().get("/sign-in", headers={"Host": "whatever.example"}).status_code == 200
