"""Correcting what is written down of a case: checked as at opening, never over somebody else, told without words."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.cases.details import FIELDS
from app.database import db
from app.records import Case, Signature
from tests.app.steps import Someone, events, review_all, sign, take_role

OPENED = {
    "accession": "A-1",
    "specimen": "PB",
    "stain": "Giemsa",
    "microscope": "Olympus",
    "notes": "pancytopenia",
    "received_on": "2026-01-02",
    "age_band": "6-12",
    "sex": "f",
}
CORRECTED = {
    "accession": "A-2",
    "specimen": "BM",
    "stain": "Wright",
    "microscope": "Zeiss",
    "notes": "blasts\nsee the marrow",
    "received_on": "2026-01-03",
    "age_band": "40-59",
    "sex": "m",
}


@pytest.fixture
def case(app: Flask, clinician: Someone) -> str:
    """Return a case with everything written down, of a lab with two microscopes."""
    microscopes = {"seen": 0, "name-0": OPENED["microscope"], "name-1": CORRECTED["microscope"]}
    assert Someone(app, "admin").post("/lab/terms/microscope", microscopes).status_code == 302
    return clinician.open_case(OPENED["accession"], **{name: OPENED[name] for name in FIELDS[1:]})


def shown(someone: Someone, case: str) -> dict[str, str]:
    """Return what the page says was there when it was drawn, as a browser sends it back."""
    found = re.findall(r'name="(seen_\w+)" value="([^"]*)"', someone.get(f"/cases/{case}/details").text)
    return {name: value.replace("\n", "\r\n") for name, value in found}


def save(someone: Someone, case: str, seen: dict[str, str], **fields: str) -> TestResponse:
    """Send the form of a page that showed `seen`, with some fields typed anew."""
    before = {name: seen[f"seen_{name}"] for name in FIELDS}
    return someone.post(f"/cases/{case}/details", seen | before | fields)


def correct(someone: Someone, case: str, **fields: str) -> TestResponse:
    """Open the page and save other details."""
    return save(someone, case, shown(someone, case), **fields)


def details(app: Flask, case: str) -> dict[str, str]:
    """Return what is stored."""
    with app.app_context():
        row = db.session.get_one(Case, case)
        return {name: getattr(row, name) for name in FIELDS}


def test_every_field_can_be_corrected(app: Flask, clinician: Someone, case: str) -> None:
    """The page holds what is there, the case shows what is typed, the search finds it; the ledger names fields only."""
    assert f'href="/cases/{case}/details"' in clinician.get(f"/cases/{case}").text
    page = clinician.get(f"/cases/{case}/details").text
    assert all(f'value="{OPENED[name]}"' in page for name in ("accession", "stain", "received_on"))
    answer = correct(clinician, case, **{name: value.replace("\n", "\r\n") for name, value in CORRECTED.items()})
    assert answer.location == f"/cases/{case}"
    assert details(app, case) == CORRECTED
    page = clinician.get(f"/cases/{case}").text
    assert "The details were corrected." in page
    assert all(words in page for words in ("A-2", "Bone marrow", "Wright", "age 40-59", "male", "see the marrow"))
    assert case in clinician.get("/?q=MARROW").text
    assert case not in clinician.get("/?q=pancytopenia").text
    event = events(app)[-1]
    assert (event.action, event.subject_id) == ("case.corrected", case)
    assert event.details == {"fields": list(FIELDS)}
    assert "notes" in Someone(app, "admin").get("/audit/?action=case.corrected").text


def test_saving_what_is_there_changes_nothing(app: Flask, clinician: Someone, case: str) -> None:
    """Spaces and line ends are no correction, and the ledger is not told."""
    before = len(events(app))
    assert correct(clinician, case, stain=" Giemsa ").location == f"/cases/{case}"
    assert "Nothing was changed." in clinician.get(f"/cases/{case}").text
    assert len(events(app)) == before


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"accession": ""}, "Write the accession"),
        ({"accession": "x" * 65}, "at most 64"),
        ({"specimen": "??"}, "Not a valid choice"),
        ({"notes": "x" * 2001}, "2001 characters"),
        ({"received_on": "yesterday"}, "year-month-day"),
        ({"received_on": "2999-01-01"}, "cannot have been received"),
        ({"notes": "seen with Mrs Doe"}, "looks like a name"),
        ({"accession": "geb. 1950"}, "looks like a birth date"),
    ],
)
def test_the_same_is_refused_as_at_opening(
    app: Flask, clinician: Someone, case: str, fields: dict[str, str], told: str
) -> None:
    """With the same sentence; what was typed beside it stands in the form, and the page remembers what it showed."""
    seen = shown(clinician, case)
    answer = save(clinician, case, seen, **({"stain": "kept words"} | fields))
    assert answer.status_code == 400
    assert told in answer.text
    assert 'value="kept words"' in answer.text
    assert dict(re.findall(r'name="(seen_\w+)" value="([^"]*)"', answer.text)) == seen
    assert details(app, case) == OPENED


def test_a_warning_asks_once_and_only_of_what_is_new(app: Flask, clinician: Someone, case: str) -> None:
    """The button pressed once more keeps it; from then on it stands there already."""
    seen = shown(clinician, case)
    answer = save(clinician, case, seen, notes="Jane Doe")
    assert answer.status_code == 400
    assert re.search(r'name="confirmed"[^>]*value="yes"', answer.text)
    assert save(clinician, case, seen, notes="Jane Doe", confirmed="yes").status_code == 302
    assert correct(clinician, case, stain="Wright").status_code == 302
    assert details(app, case) == OPENED | {"notes": "Jane Doe", "stain": "Wright"}


def test_an_accession_older_than_the_pattern_may_stay(app: Flask, clinician: Someone, case: str) -> None:
    """The other fields can be corrected; a new accession is written as the lab writes them now."""
    Someone(app, "admin").post("/lab/", {"accession_pattern": "B-####"})
    assert correct(clinician, case, stain="Wright").status_code == 302
    assert "B-####" in correct(clinician, case, accession="A-3").text
    assert correct(clinician, case, accession="B-0003").status_code == 302
    assert details(app, case)["accession"] == "B-0003"


def test_an_accession_names_one_case(app: Flask, clinician: Someone, case: str) -> None:
    """Another case's accession is refused whatever its capitals; the own one in other capitals is not."""
    clinician.open_case("B-7")
    answer = correct(clinician, case, accession="b-7", notes="typed meanwhile")
    assert answer.status_code == 409
    assert "There is already a case b-7 in your lab." in answer.text
    assert "typed meanwhile" in answer.text
    assert correct(clinician, case, accession="a-1").status_code == 302
    assert details(app, case) == OPENED | {"accession": "a-1"}


def test_the_second_of_two_reads_what_the_first_changed(app: Flask, clinician: Someone, case: str) -> None:
    """Who, what it was, what it is and what was typed; saving once more is saving after it."""
    seen = shown(clinician, case)
    assert correct(Someone(app, "second"), case, specimen="BM", notes="marrow came").status_code == 302
    answer = save(clinician, case, seen, notes="blood only", stain="Wright")
    assert answer.status_code == 409
    row = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "Second corrected these details while your page was open" in row
    assert "Specimen Before Peripheral blood Now Bone marrow Yours Peripheral blood" in row
    assert "Notes Before pancytopenia Now marrow came Yours blood only" in row
    assert "Stain Before" not in row
    assert 'value="Wright"' in answer.text
    assert details(app, case) == OPENED | {"specimen": "BM", "notes": "marrow came"}
    now_seen = dict(re.findall(r'name="(seen_\w+)" value="([^"]*)"', answer.text))
    mine = {"specimen": "PB", "notes": "blood only", "stain": "Wright"}
    assert save(clinician, case, now_seen, **mine).status_code == 302
    assert details(app, case) == OPENED | mine
    assert events(app)[-1].details == {"fields": ["specimen", "stain", "notes"]}


def test_two_who_correct_the_same_agree(app: Flask, clinician: Someone, case: str) -> None:
    """What is there already is nothing to save, and no quarrel."""
    seen = shown(clinician, case)
    correct(Someone(app, "second"), case, specimen="BM")
    assert save(clinician, case, seen, specimen="BM").status_code == 302
    assert [event.action for event in events(app)].count("case.corrected") == 1


def test_a_form_that_does_not_say_what_it_showed_writes_nothing(app: Flask, clinician: Someone, case: str) -> None:
    """It cannot be told apart from one that is out of date."""
    assert clinician.post(f"/cases/{case}/details", CORRECTED).status_code == 409
    assert details(app, case) == OPENED


def test_a_signed_case_is_amended_first(app: Flask, clinician: Someone, case: str, field: bytes) -> None:
    """The page says so, a form sent late keeps what was typed; the first version's report keeps what was signed."""
    clinician.upload(case, field)
    review_all(clinician, case)
    seen = shown(clinician, case)
    assert sign(clinician, case).status_code == 302
    assert "Edit details" not in clinician.get(f"/cases/{case}").text
    page = clinician.get(f"/cases/{case}/details").text
    assert "Amend it first" in page
    assert 'name="accession"' not in page
    late = save(clinician, case, seen, notes="typed before it was signed")
    assert late.status_code == 409
    assert "Amend it first" in late.text
    assert "typed before it was signed</textarea>" in late.text.replace("\r\n", "")
    clinician.post(f"/cases/{case}/amend", {"reason": "wrong specimen"})
    assert correct(clinician, case, accession="A-9").status_code == 302
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    with app.app_context():
        rows = db.session.scalars(select(Signature).order_by(Signature.version))
        assert [row.content["case"]["accession"] for row in rows] == ["A-1", "A-9"]


def test_who_signs_sees_a_correction_first(app: Flask, clinician: Someone, case: str, field: bytes) -> None:
    """A signature over details that changed after the page was drawn is not made."""
    clinician.upload(case, field)
    review_all(clinician, case)
    seen = re.search(r'name="seen" value="(\w+)"', clinician.get(f"/cases/{case}/sign").text)
    assert seen
    correct(Someone(app, "second"), case, specimen="BM")
    answer = sign(clinician, case, seen=seen[1])
    assert answer.status_code == 409
    assert "The case changed while this page was open." in answer.text


def test_it_takes_a_clinician(app: Flask, clinician: Someone, case: str) -> None:
    """Who has lost the role neither sees the link nor opens the page."""
    seen = shown(clinician, case)
    take_role(app, "clinician")
    assert "Edit details" not in clinician.get(f"/cases/{case}").text
    assert clinician.get(f"/cases/{case}/details").status_code == 403
    assert save(clinician, case, seen, stain="Wright").status_code == 403
    assert details(app, case) == OPENED
