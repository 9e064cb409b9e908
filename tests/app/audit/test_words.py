"""The audit page speaks of cases, images and cells, not of their ids."""

from __future__ import annotations

import re

from flask import Flask
from sqlalchemy import update

from app.audit.words import Named, details
from app.database import writing
from app.records import AuditEvent, Lab, SmearImage, User
from tests.app.cells.conftest import keys
from tests.app.steps import Someone


def test_what_was_said_of_cells_is_told_by_case_image_and_cell(app: Flask, clinician: Someone, field: bytes) -> None:
    """The choice in words, each cell by its place; what has no words is cut short, and whole where one points at it."""
    case = clinician.open_case("A-1")
    clinician.upload(case, field)
    one, two = keys(clinician.get(f"/cases/{case}/cells?order=field").text)[:2]
    clinician.post(f"/cases/{case}/cells/annotations", {"choice": "label:reactive_lymphocyte", "cell": [one, two]})
    page = Someone(app, "admin").get("/audit/?action=cells.annotated").text
    assert "label: reactive lymphocyte" in page
    assert "image 1 of case A-1, cell 1, image 1 of case A-1, cell 2" in page
    shown = re.search(r'annotations: <span title="(\w{32}), (\w{32})">(\w{8})…, (\w{8})…</span>', page)
    assert shown
    assert shown[1].startswith(shown[3])
    assert shown[2].startswith(shown[4])


def test_only_an_event_on_a_person_has_a_persons_name(app: Flask) -> None:
    """Labs have short numbers too: what was done to the lab is not said of whoever has the same."""
    admin = Someone(app, "admin")
    admin.post("/lab/", {"microscope": "Olympus BX43"})
    with app.app_context(), writing() as session:
        lab_id = session.get_one(User, 1).lab_id
        assert session.get_one(Lab, 1).id == lab_id
        session.get_one(User, 1).name = "Dr. Namesake"
    on_number_1 = r'<td>([^<]+)</td>\s*<td>\s*(Dr\. Namesake)?(?:<br>)?\s*<a class="event-subject" href="[^"]*">1</a>'
    names = dict(re.findall(on_number_1, admin.get("/audit/").text))
    assert names["lab settings changed"] == ""
    assert names["person added"] == "Dr. Namesake"


def test_an_image_is_called_by_its_place(app: Flask, clinician: Someone, field: bytes) -> None:
    """Pictures of one archive have one position: each has its place among all of the case."""
    case = clinician.open_case("A-1")
    for padding in range(3):
        clinician.upload(case, field + b" " * padding)
    with app.app_context(), writing() as session:
        session.execute(update(SmearImage).values(position=7))
    page = Someone(app, "admin").get("/audit/?action=image.added").text
    assert re.findall(r">image (\d) of case A-1</a>", page) == ["3", "2", "1"]


def test_a_detail_of_any_kind_is_shown_and_nothing_else() -> None:
    """Numbers, yes and no, tables and words as they are; without what is empty and what only `audit verify` reads."""
    case = "a" * 32
    held = {
        "case": case,
        "drawn": False,
        "version": 0,
        "bundle": "leukolens-field 1.7.0",
        "rules": [{"code": "blast", "at_least": 5}],
        "reason": "",
        "closing": None,
        "names": [],
        "rows": {"review": "d" * 64},
    }
    shown = {one.name: one.words for one in details(AuditEvent(details=held), {case: Named("case A-1")})}
    assert shown == {
        "bundle": "leukolens-field 1.7.0",
        "case": "case A-1",
        "drawn": "False",
        "rules": "{'code': 'blast', 'at_least': 5}",
        "version": "0",
    }
