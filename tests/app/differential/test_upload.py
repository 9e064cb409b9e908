"""Cells are typed while a picture is taken in; where that cannot be at once, a job does it after."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.database import db, writing
from app.differential import at_upload
from app.inference.waiting import EngineBusyError
from app.records import CellReading, Job, Lab
from smear.imaging.decode import decode
from smear.inference import cell_reader
from smear.segmentation.find import find
from tests.app.steps import Someone, change, recorded, work_done
from tests.conftest import CELL_BUNDLE


def readings(app: Flask) -> list[CellReading]:
    """Return what was said of cells."""
    with app.app_context():
        return list(db.session.scalars(select(CellReading)))


def jobs(app: Flask) -> list[str]:
    """Return the kinds of the jobs that there were, but for the evidence that comes with suggestions."""
    with app.app_context():
        return list(db.session.scalars(select(Job.kind).where(Job.kind != "evidence")))


def test_every_cell_is_typed_in_the_upload(app: Flask, clinician: Someone, field: bytes) -> None:
    """As without the engine; in the same transaction, told in the ledger, and without a job."""
    case = clinician.open_case()
    assert clinician.upload(case, field).status_code == 201
    (row,) = readings(app)
    with app.app_context():
        expected = cell_reader.read(app.extensions["engine"].bundle(CELL_BUNDLE), find(decode(field).rgb))
    assert [(one.outcome, one.label) for one in row.suggestions] == [(one.outcome, one.label) for one in expected]
    assert (row.bundle, row.first) == (CELL_BUNDLE, 1)
    assert jobs(app) == []
    assert recorded(app)[-2:] == ["image.added", "cells.read"]


def test_an_unfamiliar_field_says_what_its_cells_are(app: Flask, clinician: Someone, field: bytes) -> None:
    """The sentence that there is no subtype, then how many of each, blasts first; the boxes carry the same."""
    case = clinician.open_case()
    answer = clinician.upload(case, field).json
    change(app, answer["id"], "unfamiliar", None)
    (row,) = readings(app)
    page = clinician.get(answer["url"]).text
    whole = [one for one in row.suggestions if one.outcome != "not_gradable"]
    assert f"No subtype suggestion for this stain. {len(whole)} leukocytes: " in page
    notes = re.search(r'<p class="muted mt-2 mb-0">([^<]*)</p>', clinician.get(f"/cases/{case}").text)
    assert notes
    assert f"Not named by a person yet: {len(whole)}. Cut by the border and not counted: " in notes[1]
    assert not re.search(r"\.[A-Z]", notes[1])
    blasts = sum(one.label == "blast" for one in row.suggestions)
    assert (f"{len(whole)} leukocytes: {blasts} blast-like" in page) == (blasts > 0)
    names = {"blast": "Blast", "lymphocyte": "Lymphocyte", "monocyte": "Monocyte"}
    for one in row.suggestions:
        if one.label:
            assert f"&#34;{names[one.label]}&#34;, false" in page
    change(app, answer["id"], "suggested", "Benign")
    assert "No subtype suggestion" not in clinician.get(answer["url"]).text


@pytest.mark.parametrize("why", ["many", "late"])
def test_what_cannot_be_typed_at_once_is_a_job(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """More cells than an upload waits for, an engine that is late: the picture is taken in all the same."""

    def busy(*_: object) -> None:
        raise EngineBusyError("busy")

    if why == "many":
        monkeypatch.setattr(at_upload, "AT_ONCE", 1)
    else:
        monkeypatch.setattr(at_upload.Typing, "reading", busy)
    case = clinician.open_case()
    assert clinician.upload(case, field).status_code == 201
    assert jobs(app) == ["cells"]
    monkeypatch.undo()
    work_done(app)
    assert len(readings(app)) == 1


@pytest.mark.parametrize("chosen", ["", "leukolens-field", "dragon"])
def test_nobody_types_where_the_lab_has_no_bundle_for_it(
    app: Flask, clinician: Someone, field: bytes, chosen: str
) -> None:
    """None chosen, one that reads fields, one that is not published: no reading, no job, no error."""
    with app.app_context(), writing() as session:
        session.execute(update(Lab).values(cell_bundle=chosen))
    case = clinician.open_case()
    answer = clinician.upload(case, field)
    assert answer.status_code == 201
    assert readings(app) == []
    assert jobs(app) == []
    assert "types-words" not in clinician.get(answer.json["url"]).text


def test_a_field_without_cells_has_no_types(app: Flask, clinician: Someone, blank: bytes) -> None:
    """And its case no count."""
    case = clinician.open_case()
    clinician.upload(case, blank)
    assert readings(app) == []
    assert "Differential count" not in clinician.get(f"/cases/{case}").text


def test_cells_take_no_room_from_pictures(app: Flask, clinician: Someone, field: bytes) -> None:
    """Where one picture may wait, the many cells of another do not make it busy."""
    engine = app.extensions["engine"]
    with app.app_context():
        bundle = engine.bundle(CELL_BUNDLE)
    cells = [shown for _part, some in cell_reader.batches(bundle.card, find(decode(field).rgb)) for shown in some]
    before, engine.capacity = engine.capacity, 1
    try:
        waiting = engine.submit_all(bundle, cells * 20, beside=True)
        assert clinician.upload(clinician.open_case(), field).status_code == 201
        assert all(len(engine.wait(answer)) == 1 for answer in waiting)
    finally:
        engine.capacity = before
