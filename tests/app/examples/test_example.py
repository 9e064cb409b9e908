"""The example: three fields that end in three ways, marked everywhere, in no statistics, led to a signed report."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.examples import example
from app.records import Case
from app.reviews import blind_reading
from tests.app.report.test_report import pdf_of
from tests.app.steps import Someone, just_before_it_writes, reading_of, review_all, sign, take_role


def begin(someone: Someone) -> str:
    """Press the button and return the case."""
    assert "Read an example" in someone.get("/").text
    answer = someone.post("/examples")
    found = re.search(r"/cases/(\w+)$", answer.location)
    assert found
    return found[1]


def test_three_pictures_end_in_three_ways(app: Flask, clinician: Someone) -> None:
    """One gets a suggestion, one is unfamiliar, one not gradable; the one with a suggestion is called a drawing."""
    case = begin(clinician)
    with app.app_context():
        row = db.session.get_one(Case, case)
        assert row.example
        found = [(image.display_name, image.reading.outcome, image.drawn) for image in row.images]
    outcomes = ["suggested", "unfamiliar", "not_gradable"]
    assert found == list(zip(example.PICTURES, outcomes, [True, False, False], strict=True))


def test_a_button_that_is_pressed_twice_opens_one(
    app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second press finds nothing opened yet, and goes on with what the first opened."""
    monkeypatch.setattr(example, "PICTURES", example.PICTURES[2:])
    led: list[str] = []
    just_before_it_writes(monkeypatch, "app.cases.details", lambda: led.append(clinician.post("/examples").location))
    assert [clinician.post("/examples").location] == led
    with app.app_context():
        assert len(db.session.scalars(select(Case)).one().images) == 1


def test_it_is_gone_on_with_until_it_is_signed(app: Flask, clinician: Someone) -> None:
    """Pressed twice there is one; another person has one of their own."""
    case = begin(clinician)
    assert clinician.post("/examples").location.endswith(case)
    other = Someone(app, "second").post("/examples").location
    assert not other.endswith(case)
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    assert not clinician.post("/examples").location.endswith(case)
    with app.app_context():
        names = sorted(db.session.scalars(select(Case.accession)))
    assert names == ["EXAMPLE-1", "EXAMPLE-2", "EXAMPLE-3"]


def test_the_guide_leads_to_a_signed_report(clinician: Someone) -> None:
    """Each step is a link until it is done; the last one opens the report."""
    case = begin(clinician)

    def steps() -> tuple[int, list[str]]:
        page = clinician.get(f"/cases/{case}").text
        guide = re.search(r'class="notice example-guide".*?</section>', page, re.S)
        assert guide
        return guide[0].count('class="done"'), re.findall(r'<a href="([^"]+)"', guide[0])

    done, links = steps()
    assert (done, len(links)) == (0, 4)
    assert "example-guide" in clinician.get(links[0]).text
    review_all(clinician, case)
    done, links = steps()
    assert (done, links[0]) == (2, f"/cases/{case}/sign")
    assert "example-guide" in clinician.get(links[0]).text
    assert sign(clinician, case).status_code == 302
    done, links = steps()
    assert done == 3
    assert "No patient of this laboratory. Not for use." in clinician.get(links[0]).text


def test_it_is_marked_everywhere_and_counts_in_no_statistics(app: Flask, clinician: Someone) -> None:
    """Worklist, export, page, report and PDF; the agreement of readers leaves it out."""
    case = begin(clinician)
    assert "counts in no statistics" in clinician.get("/").text
    rows = list(csv.DictReader(io.StringIO(clinician.get("/worklist.csv").text.lstrip("\ufeff"))))
    assert [row["example"] for row in rows] == ["True"]
    review_all(clinician, case)
    sign(clinician, case)
    words, _document = pdf_of(clinician, case)
    assert "No patient of this laboratory. Not for use." in words
    with app.app_context():
        lab = db.session.get_one(Case, case).lab_id
        assert blind_reading.pairs_of(lab) == []


def test_what_a_busy_model_left_is_gone_on_with(app: Flask, clinician: Someone) -> None:
    """A picture that is missing is read by the next press, and none twice."""
    case = begin(clinician)
    with app.app_context():
        last = db.session.get_one(Case, case).images[-1].id
    assert clinician.post(f"/cases/{case}/images/{last}/remove", {"reason": "duplicate"}).status_code == 302
    clinician.post("/examples")
    with app.app_context():
        images = db.session.get_one(Case, case).images
        assert sorted(image.display_name for image in images) == sorted(example.PICTURES)
    assert reading_of(app, images[-1].id).outcome == "not_gradable"


def test_the_guide_leads_nobody_to_a_page_that_is_not_theirs(app: Flask) -> None:
    """An admin who only looks after the lab does not sign."""
    admin = Someone(app, "admin")
    case = begin(admin)

    def guide() -> str:
        return admin.get(f"/cases/{case}").text.split("From here to a signed report")[1].split("</ol>")[0]

    assert f'href="/cases/{case}/sign"' in guide()
    take_role(app, "admin")
    assert "Sign the case with your diagnosis" in guide()
    assert "/sign" not in guide()
