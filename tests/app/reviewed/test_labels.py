"""Which labels count: one for each field and cell on which all agree, and the others left out with the reason."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.database import db, writing
from app.image_store import image_store
from app.records import SmearImage
from smear.imaging import synthetic
from smear.imaging.decode import decode
from smear.segmentation import label_map
from tests.app.reviewed.steps import export, name_cell, opened, picture, review, signed, whole_cells
from tests.app.steps import Someone, events, id_of, recorded


def manifest(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a data set."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def left_out(folder: Path) -> list[tuple[str, list[str]]]:
    """Return why things were left out, and what was said of them."""
    described = json.loads((folder / "export.json").read_text())
    return [(one["reason"], one["labels"]) for one in described["left_out"]]


@pytest.fixture
def two_cases(clinician: Someone) -> dict[str, list[str]]:
    """Return two cases of one patient and their images, with fields that are reviewed and cells that are named."""
    found = {}
    for place, patient in enumerate(("Pat. 4711", "pat.  4711")):
        pictures = [picture(20 + place), picture(30 + place)]
        case, images = opened(clinician, f"A-{place}", pictures, patient=patient, notes="Jane Doe", stain="Wright")
        review(clinician, case, images[0], "label:Pre")
        review(clinician, case, images[1], "not_gradable")
        found[case] = images
    return found


def test_fields_and_cells_with_their_pictures(
    app: Flask, clinician: Someone, two_cases: dict[str, list[str]], tmp_path: Path
) -> None:
    """What a person called it, under its patient, with the very pixels, outlines and box; and nothing names anybody."""
    case, images = next(iter(two_cases.items()))
    number = next(whole_cells(app, images[1]))
    name_cell(clinician, case, images[1], number, "label:lymphocyte")
    clinician.post("/lab/", {})  # a clinician is refused, and nothing is changed
    Someone(app, "admin").post("/lab/", {"microscope": "Olympus BX43"})
    said = export(app, tmp_path / "out")
    assert "cells: 1 of 1 patients or cases (lymphocyte 1)" in said
    assert "fields: 2 of 1 patients or cases (Pre 2)" in said
    (cell,), fields = manifest(tmp_path / "out" / "cells"), manifest(tmp_path / "out" / "fields")
    assert {row["label"] for row in fields} == {"Pre"}
    assert len({row["group"] for row in (cell, *fields)}) == 1
    assert cell["source"] == "Our laboratory, Olympus BX43, Wright"
    field_of_cell = decode((tmp_path / "out" / "cells" / cell["picture"]).read_bytes()).rgb
    assert (field_of_cell == synthetic.field(30, "leukemic", 320)).all()
    outlines = (tmp_path / "out" / "cells" / cell["label_map"]).read_bytes()
    assert label_map.decode(outlines, field_of_cell).boxes[number - 1].tolist() == [*map(int, cell["box"].split())]
    crop = decode((tmp_path / "out" / "cells" / cell["path"]).read_bytes()).rgb
    x0, y0, x1, y1 = map(int, cell["box"].split())
    assert crop.shape[0] == crop.shape[1] >= max(x1 - x0, y1 - y0)
    middle, (y, x) = crop.shape[0] // 2, ((y0 + y1) // 2, (x0 + x1) // 2)
    assert (crop[middle - 3 : middle + 3, middle - 3 : middle + 3] == field_of_cell[y - 3 : y + 3, x - 3 : x + 3]).all()
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    names = " ".join(str(path) for path in (tmp_path / "out").rglob("*"))
    for word in ("A-0", "4711", "Jane", "Clinician", "clinician@", case, images[0]):
        assert word.encode() not in everything
        assert word not in names
    event = events(app)[-1]
    assert (event.action, event.details) == ("labels.exported", {"cells": 1, "fields": 2})


def test_readers_who_disagree_are_left_out_and_listed(
    app: Flask, clinician: Someone, two_cases: dict[str, list[str]], tmp_path: Path
) -> None:
    """Of fields and of cells; who takes the own word back no longer stands against the other."""
    second = Someone(app, "second")
    (case, images), (other, others) = two_cases.items()
    first, next_one, last, *_rest = whole_cells(app, images[1])
    for number in (first, next_one, last):
        name_cell(clinician, case, images[1], number, "label:lymphocyte")
    name_cell(second, case, images[1], first, "label:monocyte", version=1)
    name_cell(second, case, images[1], next_one, "label:lymphocyte", version=1)
    review(second, other, others[0], "label:Benign")
    said = export(app, tmp_path / "out")
    assert [row["label"] for row in manifest(tmp_path / "out" / "cells")] == ["lymphocyte", "lymphocyte"]
    assert [row["label"] for row in manifest(tmp_path / "out" / "fields")] == ["Pre"]
    assert sorted(left_out(tmp_path / "out")) == [
        ("readers disagree", ["Lymphocyte", "Monocyte"]),
        ("readers disagree", ["Pre-B ALL", "Benign (hematogones)"]),
    ]
    assert said.count("readers disagree") == 2
    page = Someone(app, "admin").get("/reviewed/").text
    assert "two readers disagree" in page
    assert "Lymphocyte / Monocyte" in page
    name_cell(second, case, images[1], first, "cleared", version=2)
    name_cell(clinician, case, images[1], first, "label:lymphocyte", version=3)
    export(app, tmp_path / "again")
    assert len(manifest(tmp_path / "again" / "cells")) == 3


def test_what_is_left_out_is_called_by_its_place(app: Flask, clinician: Someone) -> None:
    """Pictures of one archive have one position, and every other page counts them."""
    case, images = opened(clinician, "A-9", [picture(40), picture(41)])
    with app.app_context(), writing() as session:
        session.execute(update(SmearImage).values(position=7))
    for choice, reader in (("label:Pre", clinician), ("label:Benign", Someone(app, "second"))):
        review(reader, case, images[1], choice)
    page = Someone(app, "admin").get("/reviewed/").text
    assert re.findall(r"<td>image (\d+)</td>", page) == ["2"]


def test_a_blind_reader_who_saw_something_else_stands_against_the_first(
    app: Flask, clinician: Someone, someone: Callable[..., Someone], tmp_path: Path
) -> None:
    """Their reading has to be done; before, nobody knows what they see."""
    case, (image, same) = opened(clinician, "A-9", [picture(40), picture(41)])
    for one in (image, same):
        review(clinician, case, one, "label:Early")
    second = someone("second")
    clinician.post(f"/cases/{case}/blind/ask", {"reader": id_of(app, "second")})
    second.post(f"/cases/{case}/blind/{image}", {"choice": "label:Pro"})
    export(app, tmp_path / "before", "--fields")
    assert len(manifest(tmp_path / "before")) == 2
    second.post(f"/cases/{case}/blind/{same}", {"choice": "label:Early"})
    export(app, tmp_path / "after", "--fields")
    assert len(manifest(tmp_path / "after")) == 1
    assert left_out(tmp_path / "after")[0][0] == "readers disagree"


def test_a_patient_has_one_diagnosis_in_a_data_set_of_fields(app: Flask, clinician: Someone, tmp_path: Path) -> None:
    """Fields with another label than most are left out: the trainer refuses a group with two."""
    case, images = opened(clinician, "A-9", [picture(seed) for seed in (40, 41, 42)])
    for image, label in zip(images, ("Pre", "Benign", "Pre"), strict=True):
        review(clinician, case, image, f"label:{label}")
    export(app, tmp_path / "out", "--fields")
    assert [row["label"] for row in manifest(tmp_path / "out")] == ["Pre", "Pre"]
    assert left_out(tmp_path / "out") == [("several labels", ["Benign (hematogones)"])]


@pytest.mark.parametrize(
    ("options", "count"),
    [((), 2), (("--signed-only",), 1), (("--since", "2020-01-01"), 2), (("--bundle", "leukolens-field"), 2)],
)
def test_what_is_asked_for_is_exported(
    app: Flask,
    clinician: Someone,
    two_cases: dict[str, list[str]],
    tmp_path: Path,
    options: tuple[str, ...],
    count: int,
) -> None:
    """Of signed cases, since a day, in a model's words."""
    signed(clinician, next(iter(two_cases)))
    export(app, tmp_path / "out", "--fields", *options)
    assert len(manifest(tmp_path / "out")) == count


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--since", "2999-01-01"), "nothing to export"),
        (("--cells",), "nothing to export"),
        (("--bundle", "nothing"), "There is no model of that name"),
        (("--cells", "--bundle", "leukolens-field"), "leukolens-field reads fields; choose them"),
        (("--lab", "Elsewhere"), "Say which lab with --lab"),
        (("--lab", "Another laboratory"), "nothing to export"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(
    app: Flask, two_cases: dict[str, list[str]], tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    """And leaves no folder behind."""
    lab = () if "--lab" in options else ("--lab", "Our laboratory")
    result = app.test_cli_runner().invoke(args=["export-reviewed", str(tmp_path / "out"), *lab, *options])
    assert result.exit_code == 1
    assert sentence in result.output
    assert list(tmp_path.glob("*out*")) == []
    assert "labels.exported" not in recorded(app)


def test_a_folder_with_something_in_it_is_left_alone(
    app: Flask, two_cases: dict[str, list[str]], tmp_path: Path
) -> None:
    """An export never mixes with what is there."""
    (tmp_path / "kept.txt").write_text("mine")
    result = app.test_cli_runner().invoke(args=["export-reviewed", str(tmp_path), "--lab", "Our laboratory"])
    assert "is not empty" in result.output
    assert [path.name for path in tmp_path.iterdir() if path.name != "instance"] == ["kept.txt"]


def test_a_picture_that_the_disk_lost_is_left_out(
    app: Flask, clinician: Someone, two_cases: dict[str, list[str]], tmp_path: Path
) -> None:
    """The others are exported all the same."""
    with app.app_context():
        image: Any = db.session.get_one(SmearImage, next(iter(two_cases.values()))[0])
        image_store().place.path(image.pixels_sha256).unlink()
    export(app, tmp_path / "out", "--fields")
    assert len(manifest(tmp_path / "out")) == 1
    assert left_out(tmp_path / "out") == [("damaged", ["Pre-B ALL"])]


def test_a_disk_that_fills_is_a_sentence_and_leaves_nothing(
    app: Flask, two_cases: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an export is worse than none."""

    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = app.test_cli_runner().invoke(args=["export-reviewed", str(tmp_path / "out"), "--lab", "Our laboratory"])
    assert "The export could not be written: No space left on device." in result.output
    assert list(tmp_path.glob("*out*")) == []


def test_examples_and_drawings_are_nobodys(app: Flask, clinician: Someone, tmp_path: Path) -> None:
    """They are no patient's, whatever was said of them."""
    case = clinician.open_case("A-9")
    clinician.post(f"/cases/{case}/drawings", {"kind": "leukemic"})
    (image,) = set(re.findall(rf'/cases/{case}/images/(\w+)"', clinician.get(f"/cases/{case}").text))
    review(clinician, case, image, "label:Pre")
    result = app.test_cli_runner().invoke(args=["export-reviewed", str(tmp_path / "out"), "--lab", "Our laboratory"])
    assert "nothing to export" in result.output
