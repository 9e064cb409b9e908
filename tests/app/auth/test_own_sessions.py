"""A person sees where they are signed in, and signs a browser out that is not theirs."""

from __future__ import annotations

import re

import pytest
from flask import Flask, session

from app.auth.own_sessions import browser_of
from tests.app.steps import Someone, events

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
EDGE = f"{CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64')} Edg/142.0.0.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 "
    "Mobile/15E148 Safari/604.1"
)


def signed_in_by(app: Flask, agent: str, name: str = "clinician") -> Someone:
    """Return somebody's browser that calls itself so."""
    browser = Someone(app)
    browser.client.environ_base["HTTP_USER_AGENT"] = agent
    assert browser.sign_in(f"{name}@lab.example", "a quiet violet morning").status_code == 302
    return browser


def sessions_in(page: str) -> list[str]:
    """Return the other browsers' ids on the page, in order."""
    return re.findall(r'name="session" value="(\w+)"', page)


@pytest.mark.parametrize(
    ("agent", "words"),
    [(CHROME, "Chrome on Linux"), (EDGE, "Edge on Windows"), (SAFARI, "Safari on iPhone"), ("curl/8", ""), ("", "")],
)
def test_a_browser_is_named_as_far_as_it_tells(app: Flask, agent: str, words: str) -> None:
    """What pretends to be another one is called what it is."""
    with app.test_request_context():
        assert browser_of(agent) == words


def test_one_of_them_is_signed_out(app: Flask) -> None:
    """The person's own are listed and nobody else's; the one that is ended asks for the password, the others work."""
    here, phone, office = (signed_in_by(app, agent) for agent in (CHROME, SAFARI, EDGE))
    stranger = signed_in_by(app, CHROME, "second")
    page = here.get("/account/").text
    assert page.count("this one") == 1
    assert all(words in page for words in ("Chrome on Linux", "Safari on iPhone", "Edge on Windows"))
    ids = sessions_in(page)
    assert len(ids) == 2
    phones = next(one for one in ids if one not in sessions_in(phone.get("/account/").text))
    answer = here.post("/account/sessions/end", {"session": phones})
    assert answer.status_code == 302
    assert phone.get("/").status_code == 302
    assert [office.get("/").status_code, here.get("/").status_code, stranger.get("/").status_code] == [200] * 3
    assert events(app)[-1].action == "person.sessions_ended"
    assert events(app)[-1].details == {"sessions": 1}


def test_all_others_are_signed_out_at_once(app: Flask) -> None:
    """This browser stays; where there is no other, it is said."""
    here, phone, office = (signed_in_by(app, agent) for agent in (CHROME, SAFARI, EDGE))
    assert "Sign out everywhere else" in here.get("/account/").text
    here.post("/account/sessions/end")
    assert "2 browsers were signed out." in here.get("/account/").text
    assert [phone.get("/").status_code, office.get("/").status_code] == [302, 302]
    here.post("/account/sessions/end")
    assert "No other browser is signed in." in here.get("/account/").text
    assert [event.action for event in events(app)].count("person.sessions_ended") == 1


def test_nobody_ends_somebody_elses(app: Flask) -> None:
    """Nor the own one by its id: that is what signing out is for."""
    here, other = signed_in_by(app, CHROME), signed_in_by(app, CHROME, "second")
    second = signed_in_by(app, SAFARI, "second")
    (theirs,) = sessions_in(other.get("/account/").text)
    here.post("/account/sessions/end", {"session": theirs})
    (own,) = sessions_in(second.get("/account/").text)
    other.post("/account/sessions/end", {"session": own})
    assert [one.get("/").status_code for one in (here, other, second)] == [200] * 3


def test_what_was_ended_is_not_written_again(app: Flask) -> None:
    """A request of the other browser that was under way leaves no session behind when it is over."""
    here, phone = signed_in_by(app, CHROME), signed_in_by(app, SAFARI)
    first = here.token()

    def slow() -> str:
        here.post("/account/sessions/end")
        session["changed"] = True
        return ""

    account, app.view_functions["auth.show"] = app.view_functions["auth.show"], slow
    token = here.token
    here.token = lambda: first  # type: ignore[method-assign]
    assert phone.get("/account/").status_code == 200
    app.view_functions["auth.show"] = account
    here.token = token  # type: ignore[method-assign]
    assert phone.get("/").status_code == 302
