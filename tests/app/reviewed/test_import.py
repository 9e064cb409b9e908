"""An export taken in elsewhere: cases under codes, the labels as they were, and nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import Annotation, Case, Review
from app.template_filters import review_words
from tests.app.reviewed.steps import export, name_cell, opened, picture, review, whole_cells
from tests.app.steps import Someone, busy_at_first


@pytest.fixture
def exported(app: Flask, clinician: Someone, tmp_path: Path) -> Path:
    """Return an export of two cases of one patient with a field and two cells that are labelled."""
    for place in range(2):
        case, (image, *_) = opened(clinician, f"A-{place}", [picture(20 + place)], patient="4711")
        review(clinician, case, image, "label:Pre")
        name_cell(clinician, case, image, next(whole_cells(app, image)), "label:lymphocyte")
    export(app, tmp_path / "out")
    return tmp_path / "out"


def take_in(app: Flask, folder: Path, by: str = "stranger") -> tuple[int, str]:
    """Run the command for another lab."""
    result = app.test_cli_runner().invoke(args=["import-reviewed", str(folder), "--by", f"{by}@lab.example"])
    return result.exit_code, result.output


def test_labels_arrive_and_leave_again_as_they_were(app: Flask, exported: Path, tmp_path: Path) -> None:
    """In one case a group; a second import changes nothing; an export of the other lab has the same labels."""
    for labels in ("2 of cells, 2 of fields", "0 of cells, 0 of fields"):
        assert take_in(app, exported) == (0, f"Pictures: 2. Labels: {labels}. Not taken in: 0.\n")
    with app.app_context():
        cases = list(db.session.scalars(select(Case).where(Case.lab_id == 2)))
        assert [case.accession[:3] for case in cases] == ["I-p"]
        assert (cases[0].image_count, cases[0].reviewed_count) == (2, 2)
        imported = db.session.scalars(select(Review).where(Review.comment.startswith("Imported"))).all()
        assert {(row.label, review_words(row)) for row in imported} == {("Pre", "Pre-B ALL")}
        assert "labelled by r" in imported[0].comment
        assert len(list(db.session.scalars(select(Annotation)))) == 4
    export(app, tmp_path / "again", "--lab", "Another laboratory")
    before, after = (json.loads((folder / "export.json").read_text()) for folder in (exported, tmp_path / "again"))
    assert before["counts"] == after["counts"] == {"cells": {"lymphocyte": 2}, "fields": {"Pre": 2}}


def test_what_is_no_export_is_a_sentence(app: Flask, exported: Path, tmp_path: Path) -> None:
    """No folder, a damaged description, a line that leads out of the folder, somebody who is no clinician here."""
    assert "is no export of this program" in take_in(app, tmp_path / "nothing")[1]
    manifest = exported / "fields" / "manifest.csv"
    whole = manifest.read_text()
    manifest.write_text(whole.replace(",pictures/", ",../../instance/", 1))
    assert "is not as it was exported" in take_in(app, exported)[1]
    manifest.write_text(whole)
    assert "nobody@lab.example is no clinician" in take_in(app, exported, "nobody")[1]
    (exported / "export.json").write_text("{")
    code, said = take_in(app, exported)
    assert (code, "export.json is missing or damaged" in said) == (1, True)


def test_it_waits_for_the_model(app: Flask, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command begins with no model loaded, as every process does; one that never comes is a sentence."""
    refused = busy_at_first(monkeypatch, app, "bundle")
    assert take_in(app, exported) == (0, "Pictures: 2. Labels: 2 of cells, 2 of fields. Not taken in: 0.\n")
    assert refused == ["bundle", "bundle"]
    busy_at_first(monkeypatch, app, "bundle")
    monkeypatch.setattr("app.inference.jobs.BUSY_TRIES", 1)
    code, said = take_in(app, exported, "second")
    assert (code, "too busy for too long" in said) == (1, True)


@pytest.mark.parametrize("line", [",Pre,,,,,,,", "c,lymphocyte,p1,Lab,pictures/a.png,,3,1 2 x 4,r1", "c,,p1", "\xff"])
def test_a_line_that_was_changed_is_a_sentence(app: Flask, exported: Path, line: str) -> None:
    """Cells that are missing, a box that is none, bytes that are no text."""
    manifest = exported / "cells" / "manifest.csv"
    manifest.write_bytes(manifest.read_bytes() + line.encode("latin-1") + b"\n")
    assert take_in(app, exported) == (1, "Error: A line of manifest.csv is not as it was exported.\n")


def test_a_picture_that_cannot_be_read_leaves_the_others(app: Flask, exported: Path) -> None:
    """It is named, and the rest is taken in."""
    broken = min((exported / "fields" / "pictures").iterdir())
    broken.write_bytes(b"no picture")
    code, said = take_in(app, exported)
    assert code == 0
    assert f"{broken.name} was not taken in" in said
    assert "Pictures: 1. Labels: 1 of cells, 1 of fields. Not taken in: 1." in said
