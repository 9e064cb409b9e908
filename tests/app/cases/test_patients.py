"""Whose a case is: a key that names nobody, by which the cases of one patient are found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import Case
from tests.app.steps import Someone, events


def key_of(app: Flask, case: str) -> str:
    """Return the patient's key of a case."""
    with app.app_context():
        return db.session.get_one(Case, case).patient_key


def details(**changed: str) -> dict[str, str]:
    """Return the form of a case's details with what stands there, and what is changed."""
    seen = {
        "accession": "A-1",
        "specimen": "PB",
        "stain": "",
        "notes": "",
        "received_on": "",
        "age_band": "",
        "sex": "",
    }
    return seen | {f"seen_{name}": value for name, value in seen.items()} | {"confirmed": "yes"} | changed


def test_cases_of_one_patient_find_each_other(app: Flask, clinician: Someone) -> None:
    """However the number is spaced and written; and nothing of it is kept, shown or recorded."""
    first = clinician.open_case("A-1", patient="MRN 00123-x")
    other = clinician.open_case("A-2", patient=" mrn  00123-X ")
    nobody, another = clinician.open_case("A-3"), clinician.open_case("A-4", patient="MRN 124")
    assert key_of(app, first) == key_of(app, other) != key_of(app, another)
    assert key_of(app, nobody) == ""
    page = clinician.get(f"/cases/{other}").text
    assert "Other cases of this patient" in page
    assert f'/cases/{first}"' in page
    assert another not in page
    for case in (nobody, another):
        assert "Other cases of this patient" not in clinician.get(f"/cases/{case}").text
    pages = page + clinician.get(f"/cases/{other}/details").text + clinician.get("/").text
    assert "00123" not in pages
    assert key_of(app, other) not in pages
    with app.app_context():
        row = db.session.get_one(Case, first)
        assert "123" not in " ".join(
            str(getattr(row, column.key)) for column in Case.__table__.columns if "key" not in column.key
        )
    assert "00123" not in str([event.details for event in events(app)])


def test_another_lab_has_another_key(app: Flask, clinician: Someone, someone: Callable[..., Someone]) -> None:
    """Two labs cannot find out that they have the same patient."""
    theirs = someone("stranger").open_case("A-1", patient="4711")
    assert key_of(app, clinician.open_case("A-1", patient="4711")) != key_of(app, theirs)


def test_a_number_is_corrected_and_never_shown(app: Flask, clinician: Someone) -> None:
    """Typed anew it moves the case to another patient; left empty it leaves the case to whose it is."""
    case = clinician.open_case("A-1", patient="4711")
    before = key_of(app, case)
    assert "takes the place" in clinician.get(f"/cases/{case}/details").text
    assert clinician.post(f"/cases/{case}/details", details(notes="x")).status_code == 302
    assert key_of(app, case) == before
    moved = details(patient="4712") | {"notes": "x", "seen_notes": "x"}
    assert clinician.post(f"/cases/{case}/details", moved).status_code == 302
    assert key_of(app, case) not in ("", before)
    assert events(app)[-1].details["fields"] == ["patient"]


@pytest.mark.parametrize(("typed", "sentence"), [("7" * 65, "at most 64 characters"), ("47\u200b11", "nobody sees")])
def test_a_number_that_cannot_be_meant_is_refused(clinician: Someone, typed: str, sentence: str) -> None:
    """It would be a patient of its own without anybody noticing."""
    data = {"accession": "A-1", "specimen": "PB", "patient": typed, "confirmed": "yes"}
    answer = clinician.post("/cases/new", data, json=True)
    assert answer.status_code == 400
    assert sentence in answer.json["errors"]["patient"]


def test_without_a_key_a_number_is_refused_and_the_rest_works(app: Flask, clinician: Someone) -> None:
    """A server that was not brought up to date says what to do."""
    app.config["PATIENT_KEY"] = None
    data = {"accession": "A-1", "specimen": "PB", "patient": "4711", "confirmed": "yes"}
    answer = clinician.post("/cases/new", data, json=True)
    assert answer.status_code == 400
    assert "run `init` once more" in str(answer.json["errors"])
    assert clinician.open_case("A-1")
    with app.app_context():
        assert len(list(db.session.scalars(select(Case)))) == 1
