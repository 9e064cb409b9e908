"""Evidence by leukocyte in the application: queued by intake, asked for where it is missing, shown, reported."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db, writing
from app.inference import evidence
from app.records import Job, LeukocyteEvidence, Reading
from smear.imaging.decode import decode
from tests.app.report.test_report import pdf_of
from tests.app.steps import Someone, change, reading_of, review_all, sign, work_done
from tests.data.pictures import suggested


@pytest.fixture
def image(app: Flask, clinician: Someone) -> dict[str, Any]:
    """Return an uploaded field with a suggestion, its evidence computed."""
    answer = clinician.upload(clinician.open_case(), suggested())
    assert answer.json["outcome"] == "suggested"
    work_done(app)
    return dict(answer.json)


def rows(app: Flask) -> list[LeukocyteEvidence]:
    """Return all evidence that is stored."""
    with app.app_context():
        return list(db.session.scalars(select(LeukocyteEvidence)))


def test_intake_queues_it_for_what_is_suggested(app: Flask, image: dict[str, Any]) -> None:
    """A number and an outline for each leukocyte of the field; what speaks for the label comes first."""
    (row,) = rows(app)
    reading = reading_of(app, image["id"])
    assert row.reading_id == reading.id
    assert len(row.changes) == len(row.outlines) == reading.detail.leukocytes > 1
    with app.app_context():
        counting = evidence.counting(reading)
    assert sorted(one.number for one in counting) == list(range(1, len(row.changes) + 1))
    assert [one.change for one in counting] == sorted(row.changes, reverse=True)
    assert max(abs(one.weight) for one in counting) == pytest.approx(1)
    for one in counting:
        assert (one.without < (reading.confidence or 0)) == (one.change > 0)


def test_the_page_lists_outlines_and_shades_them(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """It opens on the original; each leukocyte is a link to itself, and the view is drawn without script too."""
    (row,) = rows(app)
    page = clinician.get(image["url"]).text
    stage = re.search(r'data-stage="([^"]*)"\s+data-view="(\w+)"', page)
    assert stage
    assert stage[2] == "original"
    data = json.loads(html.unescape(stage[1]))
    assert set(data["weights"]) == set(data["outlines"]) == {str(n + 1) for n in range(len(row.changes))}
    links = re.findall(r'data-cell="(\d+)" href="([^"]+)"', page)
    best = 1 + max(range(len(row.changes)), key=lambda i: row.changes[i])
    assert int(links[0][0]) == best
    opened = clinician.get(html.unescape(links[0][1])).text
    picture = f"/readings/{row.reading_id}/views/leukocytes"
    assert f'id="plain" src="{picture}' in opened
    whole, three = clinician.get(picture), clinician.get(f"{picture}?first=3")
    assert decode(whole.data).rgb.shape == decode(three.data).rgb.shape
    assert whole.data != three.data


def test_the_report_names_the_three_that_count_most(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """On the page and in the PDF, with the probability without each."""
    case = image["url"].split("/")[2]
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    with app.app_context():
        first = evidence.count_most(db.session.get_one(Reading, reading_of(app, image["id"]).id))
    assert 0 < len(first) <= evidence.COUNT_MOST
    words, document = pdf_of(clinician, case)
    page = html.unescape(clinician.get(f"/cases/{case}/versions/1").text)
    for text in (words, page):
        assert "Counts most: leukocyte no." in text
        assert all(f"no. {one.number} (" in text for one in first)
    assert "views/leukocytes?first=3" in page
    assert sum(len(one.images) for one in document.pages) == 2


@pytest.mark.parametrize("outcome", ["unsure", "unfamiliar"])
def test_a_refusal_has_none(app: Flask, clinician: Someone, image: dict[str, Any], outcome: str) -> None:
    """Neither queued nor shown, also where an older version computed some."""
    change(app, image["id"], outcome, None)
    reading = reading_of(app, image["id"])
    page = clinician.get(image["url"]).text
    assert "Evidence by leukocyte" not in page
    assert '"weights": {}' in html.unescape(page)
    assert clinician.get(f"/readings/{reading.id}/views/leukocytes").status_code == 404
    answer = clinician.post(f"{image['url']}/evidence", {"reading": reading.id})
    assert "nothing to compute" in clinician.get(answer.location).text


def test_intake_queues_none_for_a_refusal(app: Flask, clinician: Someone, blank: bytes) -> None:
    """No job is left behind."""
    clinician.upload(clinician.open_case(), blank)
    with app.app_context():
        assert db.session.scalars(select(Job)).all() == []


def test_a_reading_of_an_older_version_can_be_asked(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """The page offers it, a job computes it, once; by another version of the bundle it is refused with a sentence."""
    with app.app_context(), writing() as session:
        for row in session.scalars(select(LeukocyteEvidence)):
            session.delete(row)
        for job in session.scalars(select(Job)):
            session.delete(job)
    reading = reading_of(app, image["id"]).id
    assert "Which leukocytes count?" in clinician.get(image["url"]).text
    assert clinician.post(f"{image['url']}/evidence", {"reading": reading}).status_code == 302
    work_done(app)
    assert [row.reading_id for row in rows(app)] == [reading]
    assert "Which leukocytes count?" not in clinician.get(image["url"]).text
    with app.app_context(), writing() as session:
        session.delete(session.get_one(LeukocyteEvidence, reading))
        session.get_one(Reading, reading).version = "0.0.0"
    clinician.post(f"{image['url']}/evidence", {"reading": reading})
    work_done(app)
    assert rows(app) == []
    assert "is not loaded any more" in clinician.get(image["url"]).text


def test_what_people_ask_for_goes_before_it(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """Two hundred uploads must not keep somebody waiting who pressed a button."""
    from app.inference import job_queue

    case = image["url"].split("/")[2]
    app.extensions["jobs"].stop()
    with app.app_context(), writing() as session:
        for place, kind in enumerate((evidence.KIND, "cells")):
            session.add(Job(id=f"{place}" * 32, lab_id=1, case_id=case, kind=kind, made_by_id=1))
            session.flush()
    with app.app_context():
        assert [job_queue.claim(), job_queue.claim()] == ["1" * 32, "0" * 32]
