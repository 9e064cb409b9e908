"""What is written down of a case: the lab's pattern, days and bands, and warnings for what should not stand there."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select

from app.cases.privacy import name_of_file_looks_like, warning
from app.database import db
from app.lab.views import fits
from app.records import Case
from tests.app.steps import Someone, events, just_before_it_writes, recorded, review_all, sign

FIELDS = {"specimen": "PB", "stain": "Giemsa", "notes": ""}


def cases(app: Flask) -> list[Case]:
    """Return every case."""
    with app.app_context():
        return list(db.session.scalars(select(Case)))


@pytest.mark.parametrize(
    ("accession", "pattern", "expected"),
    [
        ("A-2026-0412", "A-####-####", True),
        ("a-2026-0412", "A-####-####", True),
        ("A-2026-041", "A-####-####", False),
        ("A-2026-04123", "A-####-####", False),
        ("A-2026-O412", "A-####-####", False),
        ("HÄ7", "@@#", True),
        ("anything", "", True),
        ("(x)+", "(x)+", True),
        ("xxxx", "(x)+", False),
    ],
)
def test_a_pattern_is_signs_and_no_program(accession: str, pattern: str, expected: bool) -> None:
    """Digits, letters, and everything else as itself."""
    assert fits(accession, pattern) is expected


def test_the_lab_says_how_accessions_are_written(app: Flask, clinician: Someone) -> None:
    """An admin sets it; from then on another accession gets a sentence, and other labs are not concerned."""
    clinician.open_case("whatever")
    admin = Someone(app, "admin")
    admin.post("/lab/", {"accession_pattern": "A-####-####"})
    assert "A-####-####" in clinician.get("/cases/new").text
    answer = clinician.post("/cases/new", FIELDS | {"accession": "B-1"}, json=True)
    assert answer.status_code == 400
    assert "A-####-####" in answer.json["errors"]["accession"]
    clinician.open_case("A-2026-0412")
    Someone(app, "stranger").open_case("B-1")
    assert len(cases(app)) == 3
    assert admin.post("/lab/", {"accession_pattern": "x" * 65}).status_code == 400
    assert clinician.post("/lab/", {"accession_pattern": ""}).status_code == 403
    assert "lab.changed" in [event.action for event in events(app)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("born 1950", "birth date"),
        ("DOB: 3", "birth date"),
        ("pat. 12.04.1950", "birth date"),
        ("1950-04-12 female", "birth date"),
        ("geb. 1950", "birth date"),
        ("Jane Doe", "name"),
        ("Doe, Jane", "name"),
        ("seen with Mrs Doe", "name"),
        ("Ольга Петрова", "name"),
        ("Patient name: doe", "name"),
        ("pancytopenia, blasts", None),
        ("Control after induction", None),
        ("A-2026-0412", None),
        ("day 15 of 29", None),
        ("99.99.1950", None),
        ("WBC 12.4 1950/nl", None),
        ("", None),
    ],
)
def test_names_and_birth_dates_are_noticed(text: str, told: str | None) -> None:
    """What looks like one gets a sentence; what a lab writes all day does not."""
    found = warning(text)
    assert (told in found) if found and told else found is told


@pytest.mark.parametrize("script", [True, False])
def test_a_warning_is_no_refusal(app: Flask, clinician: Someone, script: bool) -> None:
    """The first time the form comes back with everything that was typed; the second time it is kept."""
    data = FIELDS | {"accession": "A-1", "notes": "Jane Doe", "age_band": "40-59"}
    answer = clinician.post("/cases/new", data, json=script)
    assert answer.status_code == 400
    assert cases(app) == []
    if script:
        assert "looks like a name" in answer.json["errors"]["notes"]
        confirmed = answer.json["confirmed"]
    else:
        assert "looks like a name" in answer.text
        assert "Jane Doe</textarea>" in answer.text.replace("\r\n", "")
        assert 'selected value="40-59"' in answer.text
        found = re.search(r'name="confirmed"[^>]*value="([^"]*)"', answer.text)
        assert found
        confirmed = found[1]
    assert clinician.post("/cases/new", data | {"confirmed": confirmed}, json=script).status_code in (201, 302)
    assert [(case.notes, case.age_band) for case in cases(app)] == [("Jane Doe", "40-59")]


@pytest.mark.parametrize(
    ("fields", "name", "told"),
    [
        ({"notes": "x" * 100_000}, "notes", "100000 characters"),
        ({"received_on": "yesterday"}, "received_on", "year-month-day"),
        ({"received_on": "2999-01-01"}, "received_on", "cannot have been received"),
        ({"received_on": "0001-01-01"}, "received_on", "cannot have been received"),
        ({"age_band": "50"}, "age_band", "."),
        ({"sex": "?"}, "sex", "."),
        ({"accession": ""}, "accession", "Write the accession"),
        ({"accession": "x" * 65}, "accession", "64"),
    ],
)
def test_a_wrong_field_is_told_and_nothing_is_lost(
    app: Flask, clinician: Someone, fields: dict[str, str], name: str, told: str
) -> None:
    """A sentence at the field, for script and page; what was typed is still there."""
    data = FIELDS | {"accession": "A-1", "notes": "kept words"} | fields
    assert told in clinician.post("/cases/new", data, json=True).json["errors"][name]
    page = clinician.post("/cases/new", data)
    assert page.status_code == 400
    assert data["notes"] + "</textarea>" in page.text.replace("\r\n", "")
    assert cases(app) == []


def test_the_details_are_shown_and_signed(app: Flask, clinician: Someone, field: bytes) -> None:
    """On the case, and in the report."""
    case = clinician.open_case("A-1", received_on="2026-01-02", age_band="6-12", sex="f")
    clinician.upload(case, field)
    page = clinician.get(f"/cases/{case}").text
    assert all(words in page for words in ("age 6-12", "female", "received 2026-01-02"))
    review_all(clinician, case)
    sign(clinician, case)
    page = clinician.get(f"/cases/{case}/versions/1").text
    assert all(words in page for words in ("6-12, female", "2026-01-02"))


def test_an_image_leaves_with_its_reason(app: Flask, clinician: Someone, field: bytes) -> None:
    """The ledger keeps why; an unknown reason is refused."""
    case = clinician.open_case()
    image = clinician.upload(case, field).json
    assert 'value="unsharp"' in clinician.get(f"/cases/{case}").text
    assert clinician.post(image["remove"], {"reason": "dragon"}).status_code == 400
    assert clinician.post(image["remove"], {"reason": "unsharp"}).status_code == 302
    assert events(app)[-1].details["reason"] == "unsharp"


def test_of_two_who_remove_an_image_the_second_is_told(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both had the page open; it leaves once."""
    case, second = clinician.open_case(), Someone(app, "second")
    image = clinician.upload(case, field).json["id"]
    address = f"/cases/{case}/images/{image}/remove"
    just_before_it_writes(monkeypatch, "app.cases.intake", lambda: second.post(address))
    answer = clinician.post(address, json=True)
    assert (answer.status_code, answer.json["error"]) == (409, "Somebody removed this image from the case meanwhile.")
    assert recorded(app).count("image.removed") == 1


def test_only_our_own_pages_may_use_the_camera(clinician: Someone) -> None:
    """The header lets this site ask for the camera and nobody else, and no microphone."""
    policy = clinician.get("/cases/new").headers["Permissions-Policy"]
    assert "camera=(self)" in policy
    assert "microphone=()" in policy


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Anna_Schmidt.jpg", "name"),
        ("Schmidt, Anna 03.tif", "name"),
        ("Schmidt-Anna-100x.PNG", "name"),
        ("Frau Özdemir.jpeg", "name"),
        ("anna_schmidt.jpg", "name"),
        ("schmidt-anna 2.tif", "name"),
        ("SCHMIDT_ANNA_100x.png", "name"),
        ("mohammed al-hadi.jpg", "name"),
        ("Kowalski_Jan_1961-04-03.jpg", "birth date"),
        ("smear_19610403_2.jpg", "birth date"),
        ("03041961.bmp", "birth date"),
        ("dob 3.4.1961.png", "birth date"),
        ("WBC-Malignant-Pre-062.jpg", ""),
        ("Blood Smear 4.jpg", ""),
        ("12_28_1000_AML.jpg", ""),
        ("IMG_20240503_101112.jpg", ""),
        ("Screenshot 2026-01-02 at 10.11.12.png", ""),
        ("field.png", ""),
        ("auer rods.jpg", ""),
        ("AML_FAB.jpg", ""),
        ("rose-bengal.jpg", ""),
        ("jan_2024.jpg", ""),
        ("anna.jpg", ""),
        ("Image.tif", ""),
        ("unnamed image", ""),
        ("19612345678.jpg", ""),
    ],
)
def test_file_names_that_tell_who_it_is_are_noticed(name: str, told: str) -> None:
    """By underscores, hyphens and no spaces too; what microscopes and cameras call their files is nobody's name."""
    assert name_of_file_looks_like(name) == told


def test_a_file_name_is_warned_about_and_kept_on_request(app: Flask, clinician: Someone, field: bytes) -> None:
    """By the page's script one request more; by a plain form a box to tick. Nothing is stored before."""
    case = clinician.open_case()
    name = "Anna_Schmidt.png"
    answer = clinician.upload(case, field, name)
    assert (answer.status_code, answer.json["confirm"]) == (400, "keep_names")
    assert "looks like a person's name" in answer.json["error"]
    form = {"image": (BytesIO(field), name)}
    clinician.post(f"/cases/{case}/images", form)
    page = clinician.get(f"/cases/{case}").text
    assert "Anna_Schmidt.png: This file name looks like a person" in page
    assert "tile-link" not in page
    form = {"image": (BytesIO(field), name), "keep_names": "yes"}
    kept = clinician.post(f"/cases/{case}/images", form, json=True)
    assert (kept.status_code, kept.json["name"]) == (201, name)


def test_enter_in_a_field_adds_no_drawing(clinician: Someone) -> None:
    """It presses the first button of the form."""
    form = clinician.get("/cases/new").text.split("data-new-case")[1]
    assert "data-draw" in form
    assert "drawing" not in re.search(r"<button[^>]*>", form)[0]  # type: ignore[index]
