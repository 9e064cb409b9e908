"""Which bundle, and which versions of it, a case is counted by."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.database import db
from app.differential import classification
from app.differential.cells import fields_of
from app.differential.content import content
from app.differential.count import named_twice
from app.differential.sources import Source, counting_source
from app.records import Case, CellReading, Lab, now
from tests.app.steps import Someone, work_done
from tests.conftest import CELL_BUNDLE
from tests.data import pictures

EARLIER, NOW = "0.0.9", "0.1.0"


def upload_as(version: str, someone: Someone, case: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    """Upload a field that another version of the bundle reads, a while ago, and return its id."""
    present = classification.reading_of

    def past(*given: Any) -> CellReading:
        row = present(*given)
        row.version, row.made_at = version, now() - timedelta(days=30)
        return row

    with monkeypatch.context() as patched:
        patched.setattr(classification, "reading_of", past)
        return str(someone.upload(case, data).json["id"])


def counted(app: Flask, case: str) -> Source:
    """Return what the case is counted by."""
    with app.test_request_context():
        row = db.session.get_one(Case, case)
        source = counting_source(case, db.session.get_one(Lab, row.lab_id))
    assert source
    return source


def test_a_field_that_only_an_earlier_version_read_is_counted_by_it(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle was renewed while the case was read: what was suggested before is not lost, and both are named."""
    case = clinician.open_case()
    first = upload_as(EARLIER, clinician, case, field, monkeypatch)
    second = clinician.upload(case, pictures.smear("PNG")).json["id"]
    source = counted(app, case)
    assert (source.name, source.versions) == (CELL_BUNDLE, (NOW, EARLIER))
    with app.test_request_context():
        _fields, cells = fields_of(case, source)
        row = db.session.get_one(Case, case)
        count = content(row, db.session.get_one(Lab, row.lab_id), [])
    assert all(cell.suggestion for cell in cells)
    by_field = {image: {cell.model for cell in cells if cell.field.image_id == image} for image in (first, second)}
    assert by_field == {first: {f"{CELL_BUNDLE} {EARLIER}"}, second: {f"{CELL_BUNDLE} {NOW}"}}
    assert count
    assert count["model"]["version"] == f"{NOW}, {EARLIER}"


def test_the_cells_page_counts_as_the_case_does(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bundle that was renewed both versions together, unless one is asked for; maps by who read the cell."""
    case = clinician.open_case()
    first = upload_as(EARLIER, clinician, case, field, monkeypatch)
    clinician.upload(case, pictures.smear("PNG"))
    both, page = f"{CELL_BUNDLE} {NOW}, {EARLIER}", clinician.get(f"/cases/{case}/cells").text
    assert f'<option value="{both}" selected>' in page
    assert "Let drawn-cells" not in page
    tables = [
        re.findall(r"<table.+?</table>", text.split(f'id="{title}"')[1], re.DOTALL)[0]
        for text, title in ((page, "differential-title"), (clinician.get(f"/cases/{case}").text, "count-title"))
    ]
    assert tables[0] == tables[1]
    alone = clinician.get(f"/cases/{case}/cells", query_string={"bundle": f"{CELL_BUNDLE} {NOW}"}).text
    assert f'<option value="{CELL_BUNDLE} {NOW}" selected>' in alone
    assert "Let drawn-cells 0.1.0 read the cells of 1 field" in alone
    assert f"/cells/{first}/1/map/" not in clinician.get(f"/cases/{case}/cells/{first}/1").text


def test_what_the_newest_version_has_read_is_its_alone(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once every field was read again, nobody hears of the earlier one."""
    case = clinician.open_case()
    upload_as(EARLIER, clinician, case, field, monkeypatch)
    clinician.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    work_done(app)
    source = counted(app, case)
    assert (source.version, source.earlier) == (NOW, ())
    with app.test_request_context():
        assert {cell.model for cell in fields_of(case, source)[1]} == {f"{CELL_BUNDLE} {NOW}"}


def test_a_name_that_was_taken_back_is_no_disagreement(app: Flask, clinician: Someone, field: bytes) -> None:
    """Nor one of a cell that the same person excluded since."""
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    second = Someone(app, "second")

    def say(someone: Someone, number: int, word: str, version: int) -> None:
        sent = {"choice": word, "cell": f"{image}.{number}.{version}"}
        assert someone.post(f"/cases/{case}/cells/annotations", sent).status_code == 302

    def differing() -> tuple[int, int]:
        with app.test_request_context():
            both, cells = named_twice(case)
            return both, len(cells)

    for number in (1, 2):
        say(clinician, number, "label:blast", 0)
        say(second, number, "label:lymphocyte", 1)
    assert differing() == (2, 2)
    say(clinician, 1, "cleared", 2)
    assert differing() == (1, 1)
    say(clinician, 2, "excluded:smudged", 2)
    assert differing() == (0, 0)
