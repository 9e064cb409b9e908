"""The lab's settings: two admins who save them at once."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import Lab
from tests.app.steps import Someone, events

COUNTING = {"count_target": "200", "blast_percent": "20", "unnamed_rule": "sign"}
OURS = {"accession_pattern": "A-####", "microscope": "Olympus BX43"}
FORMS = [
    ("/lab/", OURS, "Olympus BX43", {"microscope": "Zeiss Axio"}, "microscope: Zeiss Axio"),
    ("/lab/counting", COUNTING, 'value="200" selected', COUNTING | {"count_target": "400"}, "target: 400"),
]


@pytest.fixture
def admin(app: Flask) -> Someone:
    """Return a signed-in admin."""
    return Someone(app, "admin")


def seen(page: str, form: str) -> str:
    """Return on what a form of the page rests."""
    shown = re.search(rf'action="{form}">.*?name="seen" value="(\d+)"', page, re.DOTALL)
    assert shown
    return shown[1]


def names_of_lab(app: Flask) -> tuple[str, int]:
    """Return what stands: the microscope of the admin's lab, and how many cells it counts."""
    with app.app_context():
        lab = db.session.scalars(select(Lab).order_by(Lab.id)).first()
        assert lab
        return lab.microscope, lab.count_target


@pytest.mark.parametrize(("form", "typed", "stands", "theirs", "told"), FORMS)
def test_nobody_writes_over_settings_they_have_not_seen(
    app: Flask, admin: Someone, form: str, typed: dict[str, str], stands: str, theirs: dict[str, str], told: str
) -> None:
    """The second reads what the first saved beside what they typed, and may save theirs after it."""
    page = admin.get("/lab/").text
    assert admin.post(form, theirs | {"seen": seen(page, form)}).status_code == 302
    before = names_of_lab(app)

    second = admin.post(form, typed | {"seen": seen(page, form)})
    assert second.status_code == 409
    assert names_of_lab(app) == before
    assert "Somebody else changed the settings of the lab" in second.text
    assert told in second.text
    assert stands in second.text
    assert [event.action for event in events(app)].count("lab.changed") == 1

    again = admin.post(form, typed | {"seen": seen(second.text, form)})
    assert again.status_code == 302
    assert names_of_lab(app) != before


def test_the_two_forms_of_the_page_are_not_in_each_others_way(app: Flask, admin: Someone) -> None:
    """Who saves one has seen what stands in it, whatever was saved by the other."""
    page = admin.get("/lab/").text
    assert admin.post("/lab/", OURS | {"seen": seen(page, "/lab/")}).status_code == 302
    assert admin.post("/lab/counting", COUNTING | {"seen": seen(page, "/lab/counting")}).status_code == 302
    assert names_of_lab(app) == ("Olympus BX43", 200)


@pytest.mark.parametrize(
    ("form", "theirs", "wrong"),
    [
        ("/lab/", {"microscope": "Zeiss Axio"}, {"microscope": "x" * 81}),
        ("/lab/counting", COUNTING, COUNTING | {"count_target": "3"}),
    ],
)
def test_a_form_refused_for_what_was_typed_still_rests_on_what_was_seen(
    admin: Someone, form: str, theirs: dict[str, str], wrong: dict[str, str]
) -> None:
    """What somebody saved between the page and the refusal has not been looked at by being sent beside it."""
    opened = seen(admin.get("/lab/").text, form)
    admin.post(form, theirs)
    refused = admin.post(form, wrong | {"seen": opened})
    assert refused.status_code == 400
    assert seen(refused.text, form) == opened != seen(admin.get("/lab/").text, form)


@pytest.mark.parametrize("strange", ["", "x", "-1", "9" * 40])
def test_what_no_page_showed_is_refused(app: Flask, admin: Someone, strange: str) -> None:
    """A number that nobody was shown is not the last change's."""
    assert admin.post("/lab/", OURS | {"seen": strange}).status_code == 409
    assert names_of_lab(app)[0] == ""
