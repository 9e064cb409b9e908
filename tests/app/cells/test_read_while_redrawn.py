"""A model reads the cells of a field while a person corrects its outlines: no cell is left without its suggestion."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import CellReading, Detections
from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.app.cells.test_redrawing import redraw, whole
from tests.app.steps import Someone, just_before_it_writes, work_done
from tests.conftest import CELL_BUNDLE


@pytest.fixture
def app(reads: Flask) -> Flask:
    """Return an application on which a bundle reads cells when it is asked."""
    return reads


@pytest.fixture
def opened(clinician: Someone) -> tuple[str, str]:
    """Return a case and its one field, whose cells nobody has read."""
    case = clinician.open_case()
    image = clinician.upload(case, encode(synthetic.field(7, "leukemic", 448), "PNG")).json["id"]
    return case, image


def read(someone: Someone, case: str) -> None:
    """Ask the bundle for the cells of the case."""
    assert someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE}).status_code == 302


def suggested(app: Flask) -> list[int]:
    """Return the numbers of the cells of which a bundle said something, in order."""
    with app.app_context():
        rows = db.session.scalars(select(CellReading))
        return sorted(row.first + place for row in rows for place in range(len(row.suggestions)))


def outlined(app: Flask) -> list[int]:
    """Return the numbers of the cells that are outlined."""
    with app.app_context():
        return list(range(1, 1 + len(db.session.scalars(select(Detections)).one().boxes)))


def test_outlines_that_were_corrected_while_they_were_read_are_read_again(
    app: Flask, clinician: Someone, opened: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the outlines that the job has looked at and those that are there when it is done."""
    case, image = opened
    second, number, before = Someone(app, "second"), whole(app), outlined(app)
    corrected = []

    def split() -> None:
        corrected.append(redraw(second, case, "split", cell=f"{image}.{number}.0").status_code)

    just_before_it_writes(monkeypatch, "app.differential.classification", split)
    read(clinician, case)
    work_done(app)
    assert corrected == [200]
    assert len(outlined(app)) > len(before)
    assert suggested(app) == outlined(app)


def test_who_draws_while_a_model_reads_is_told(
    app: Flask, clinician: Someone, opened: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the bundles that were asked about the new cells and those that have read the field; drawn again it is."""
    case, image = opened
    second, number = Someone(app, "second"), whole(app)

    def reading() -> None:
        read(second, case)
        work_done(app)

    just_before_it_writes(monkeypatch, "app.cells.redrawing", reading)
    refused = redraw(clinician, case, "split", cell=f"{image}.{number}.0")
    assert refused.status_code == 400
    assert "A model has read the cells of this field meanwhile" in refused.json["problem"]
    assert redraw(clinician, case, "split", cell=f"{image}.{number}.0").status_code == 200
    assert suggested(app) == outlined(app)
