"""The worklist: what is found, in which order, and how fast."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, select

from app.database import db, writing
from app.records import Case, User, random_id

from .conftest import Someone

START = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 100_000
MILLISECONDS = 100


def add_cases(app: Flask, count: int) -> None:
    """Add cases to the clinician's lab, the later the newer, with the outcomes in turn."""
    with app.app_context(), writing() as session:
        user = session.scalars(select(User).where(User.email == "clinician@lab.example")).one()
        common = {"lab_id": user.lab_id, "specimen": "PB", "stain": "", "created_by_id": user.id}
        rows = [
            common
            | {
                "id": random_id(),
                "accession": f"B-{number:06}",
                "accession_key": f"b-{number:06}",
                "notes": f"note {number} of a patient with a rather long history of complaints",
                "search_text": f"b-{number:06} note {number} of a patient with a rather long history of complaints",
                "created_at": START + timedelta(seconds=number // 3),  # several in the same second
                "image_count": 0,
                "suggested_count": int(number % 3 == 0),
                "uncertain_count": int(number % 3 == 1),
                "not_gradable_count": int(number == 5),
            }
            for number in range(count)
        ]
        session.execute(insert(Case), rows)


def accessions(page: str) -> list[str]:
    """Return the accessions on a page in order."""
    return re.findall(r'case-accession">([^<]+)<', page)


def test_an_empty_lab_is_told_what_to_do(clinician: Someone) -> None:
    """The first page teaches instead of showing an empty list."""
    page = clinician.get("/").text
    assert "Your first case" in page
    assert "drawn fields" in page


def test_pages_follow_each_other_without_gap_or_repeat(make_app: Callable[..., Flask]) -> None:
    """Newest first, also within the same second and while cases are added."""
    app = make_app(PAGE_SIZE=7)
    add_cases(app, 30)
    clinician = Someone(app, "clinician")
    seen: list[str] = []
    page = clinician.get("/").text
    while True:
        seen += accessions(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        if not older:
            break
        if len(seen) == 7:
            clinician.open_case("Z-1")  # a newer case must not shift the pages after
        page = clinician.get(older[1].replace("&amp;", "&")).text
    assert len(seen) == len(set(seen)) == 30
    seconds = [int(accession[2:]) // 3 for accession in seen]
    assert seconds == sorted(seconds, reverse=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=000007", ["B-000007"]),
        ("q=b-000007", ["B-000007"]),
        ("q=NOTE+7+", ["B-000007"]),
        ("q=note_7", []),
        ("q=%25", []),
        ("q=%27%3B+DROP+TABLE+case", []),
        ("outcome=not_gradable", ["B-000005"]),
        ("outcome=not_gradable&q=000007", []),
    ],
)
def test_search_and_filter(app: Flask, clinician: Someone, query: str, found: list[str]) -> None:
    """Accession and notes are searched as written; signs have no special meaning."""
    add_cases(app, 12)
    assert accessions(clinician.get(f"/?{query}").text) == found


@pytest.mark.parametrize("query", ["outcome=dragon", "after=yesterday", "after=~", "after=2026-13-01~x"])
def test_addresses_that_nobody_wrote_are_not_found(app: Flask, clinician: Someone, query: str) -> None:
    """A broken address is a 404 and not a 500."""
    add_cases(app, 1)
    assert clinician.get(f"/?{query}").status_code == 404


def test_a_search_stays_escaped(app: Flask, clinician: Someone) -> None:
    """What is searched for is shown as text."""
    add_cases(app, 1)
    assert "<b>x" not in clinician.get("/?q=%3Cb%3Ex").text


def test_a_case_sums_up_its_images(clinician: Someone, field: bytes, blank: bytes) -> None:
    """One image shows its probability, several show how many there are of each."""
    case = clinician.open_case("A-1")
    first = clinician.upload(case, field).json
    page = clinician.get("/").text
    assert "1 image<" in page
    if first["outcome"] == "suggested":
        assert first["words"] in page
    clinician.upload(case, blank)
    page = clinician.get("/").text
    assert "2 images" in page
    assert "1 not gradable" in page


def test_a_hundred_thousand_cases_are_no_burden(app: Flask, clinician: Someone) -> None:
    """First page, filtered page, deep page and a search that finds nothing stay fast."""
    add_cases(app, MANY)
    deep = f"after={(START + timedelta(seconds=500)).isoformat().replace('+', '%2B')}~0"
    for query in ("", "outcome=uncertain", "outcome=not_gradable", deep, "q=zzzz", "q=b-000011"):
        times = []
        for _ in range(4):
            started = time.perf_counter()
            assert clinician.get(f"/?{query}").status_code == 200
            times.append(1000 * (time.perf_counter() - started))
        assert min(times) < MILLISECONDS, f"{query or 'the first page'}: {min(times):.0f} ms"
    with app.app_context():
        db.engine.dispose()
