"""Outlines that people correct: new numbers, old history, typed at once, and never under somebody else's hands."""

from __future__ import annotations

import json
import re
from typing import Any

import cv2
import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.exc import DatabaseError

from app.database import db, writing
from app.records import CellReading, Detections, Redrawing
from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.app.cells.conftest import keys
from tests.app.steps import Someone, events, just_before_it_writes, review_all, sign


@pytest.fixture
def app(typing_app: Flask) -> Flask:
    """Return an application on which cells are typed at upload."""
    return typing_app


@pytest.fixture
def opened(app: Flask, clinician: Someone) -> tuple[str, str]:
    """Return a case and its one field."""
    case = clinician.open_case()
    image = clinician.upload(case, encode(synthetic.field(7, "leukemic", 448), "PNG")).json["id"]
    return case, image


def cells_of(someone: Someone, case: str) -> list[str]:
    """Return the cells of the case by number."""
    return keys(someone.get(f"/cases/{case}/cells?order=field").text)


def redraw(someone: Someone, case: str, kind: str, **data: Any) -> Any:
    """Correct an outline as the page's script does."""
    headers = {"X-CSRFToken": someone.token(), "X-Part": "changes"}
    return someone.client.post(
        f"/cases/{case}/cells/redraw", data={"kind": kind} | data, headers=headers, buffered=True
    )


def detections(app: Flask) -> Detections:
    """Return where the leukocytes are."""
    with app.app_context():
        return db.session.scalars(select(Detections)).one()


def whole(app: Flask) -> int:
    """Return the number of the widest leukocyte that the border does not cut."""
    row = detections(app)
    widths = [0 if cut else x1 - x0 for (x0, _y0, x1, _y1), cut in zip(row.boxes, row.cut, strict=True)]
    return widths.index(max(widths)) + 1


def test_a_cell_is_split_and_merged_again(app: Flask, clinician: Someone, opened: tuple[str, str]) -> None:
    """The parts have numbers and suggestions of their own; what they replace counts no more and has its history."""
    case, image = opened
    before, number = detections(app), whole(app)
    count = len(before.boxes)
    cell = next(key for key in cells_of(clinician, case) if key.split(".")[1] == str(number))
    answer = redraw(clinician, case, "split", cell=cell)
    assert answer.status_code == 200, answer.json
    assert answer.json["cell"] == f"{image}.{count + 1}"
    after = detections(app)
    assert after.boxes[:count] == before.boxes
    assert len(after.boxes) == count + 2
    with app.app_context():
        rows = db.session.scalars(select(CellReading).order_by(CellReading.first)).all()
        assert [(row.first, len(row.suggestions)) for row in rows] == [(1, count), (count + 1, 2)]
        assert all(one.outcome != "not_gradable" for one in rows[1].suggestions)
        assert app.extensions["image_store"].place.path(before.label_map_sha256).is_file()
    for page in (f"/cases/{case}/cells", f"/cases/{case}/cells/{image}/draw"):
        assert f"{count + 1} leukocytes" in clinician.get(page).text  # two for one
    single = clinician.get(f"/cases/{case}/cells/{image}/{number}").text
    assert "Excluded: outlined anew" in single
    assert "what stands in its place has other numbers" in single
    reading = clinician.get(f"/cases/{case}/images/{image}").text
    assert f"&#34;gone&#34;: [{number}]" in reading
    halves = [key for key in cells_of(clinician, case) if int(key.split(".")[1]) > count]
    merged = redraw(clinician, case, "merge", cell=halves)
    assert merged.json["cell"] == f"{image}.{count + 3}"
    assert [event.action for event in events(app)].count("cells.redrawn") == 2
    for path in ("sheet", str(count + 3), f"{count + 1}"):
        assert clinician.get(f"/cases/{case}/cells/{image}/{path}").status_code == 200
    assert "unbroken" in app.test_cli_runner().invoke(args=["audit", "verify"]).output


def test_a_map_of_a_part_is_that_of_its_own_reading(app: Flask, clinician: Someone, opened: tuple[str, str]) -> None:
    """The row in which the part stands has its map, and no other; what it replaced keeps the one of its day."""
    case, image = opened
    number = whole(app)
    cell = next(key for key in cells_of(clinician, case) if key.split(".")[1] == str(number))
    new = int(redraw(clinician, case, "split", cell=cell).json["cell"].split(".")[1])
    with app.app_context():
        first, second = db.session.scalars(select(CellReading.id).order_by(CellReading.first)).all()
        outcomes = db.session.get_one(CellReading, second).suggestions
    address = f"/cases/{case}/cells/{image}/{{}}/map/{{}}/blast"
    assert clinician.get(address.format(number, first)).status_code == 200
    expected = 200 if outcomes[0].outcome == "suggested" else 404
    assert clinician.get(address.format(new, second)).status_code == expected
    assert clinician.get(address.format(number, second)).status_code == 404
    assert clinician.get(address.format(new, first)).status_code == 404


def test_a_cell_is_added_by_an_outline_or_a_circle(app: Flask, clinician: Someone, opened: tuple[str, str]) -> None:
    """Where nothing was found; the image stays in its case from then on."""
    case, image = opened
    count = len(detections(app).boxes)
    corner = [[2, 2], [60, 2], [60, 60], [2, 60]]
    answers = [
        redraw(clinician, case, "add", image=image, shape=json.dumps(corner)),
        redraw(clinician, case, "add", image=image, x="420", y="30", diameter="50"),
    ]
    done = [answer.status_code for answer in answers]
    assert 200 in done
    assert all(
        status == 200 or "Hardly anything" in one.json["problem"] for status, one in zip(done, answers, strict=True)
    )
    assert len(detections(app).boxes) == count + done.count(200)
    refused = clinician.post(f"/cases/{case}/images/{image}/remove", json=True)
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("dragon", {}, "Choose what is to be corrected"),
        ("split", {}, "Select at least one cell"),
        ("split", {"cell": ["{0}", "{1}"]}, "Select the one cell"),
        ("split", {"cell": "{0}", "shape": "[[1, 1], [1, 1]]"}, "does not know that shape"),
        ("split", {"cell": "{0}", "shape": "[[1, 1]]"}, "does not know that shape"),
        ("split", {"cell": "{0}", "shape": "no"}, "does not know that shape"),
        ("split", {"cell": "{0}", "shape": "[[1, NaN], [2, 2]]"}, "does not know that shape"),
        ("merge", {"cell": "{0}"}, "at least two cells"),
        ("merge", {"cell": ["{0}", "{last}"]}, "do not touch"),
        ("add", {"image": "{image}"}, "no outline"),
        ("add", {"image": "{image}", "shape": "[" * 10_000}, "does not know that shape"),
        ("add", {"image": "{image}", "shape": f"[[1{'0' * 400}, 0], [1, 1], [2, 0]]"}, "does not know that shape"),
        ("add", {"image": "{image}", "x": "1e300", "y": "0", "diameter": "5"}, "ardly anything"),
        ("add", {"image": "{image}", "x": "nan", "y": "0", "diameter": "5"}, "no place in the picture"),
        ("add", {"image": "0" * 32, "x": "9", "y": "9", "diameter": "5"}, "not in the case"),
        ("add", {"x": "9", "y": "9", "diameter": "5"}, "not in the case"),
    ],
)
def test_a_correction_that_is_none_is_told(
    app: Flask, clinician: Someone, opened: tuple[str, str], kind: str, data: dict[str, Any], told: str
) -> None:
    """A sentence, and nothing is changed."""
    case, image = opened
    cells = cells_of(clinician, case)

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        return re.sub(
            r"\{(0|1|last|image)\}",
            lambda m: {"0": cells[0], "1": cells[1], "last": cells[-1], "image": image}[m[1]],
            value,
        )

    before = detections(app).label_map_sha256
    answer = redraw(clinician, case, kind, **{name: filled(value) for name, value in data.items()})
    assert answer.status_code == 400
    assert told in answer.json["problem"]
    assert "othing was changed" in answer.json["problem"]
    assert detections(app).label_map_sha256 == before


def test_the_page_keeps_what_was_chosen(clinician: Someone, opened: tuple[str, str]) -> None:
    """The cell and the circle, when a shape is refused; a link's number as well as a form's key."""
    case, image = opened
    third = cells_of(clinician, case)[2]
    data = {"kind": "split", "image": image, "cell": third, "shape": "[[1, 1]]"}
    page = clinician.post(f"/cases/{case}/cells/redraw", data).text
    assert "does not know that shape" in page
    assert re.search(rf'value="{third}" selected', page)
    linked = clinician.get(f"/cases/{case}/cells/{image}/draw?cell=3").text
    assert re.search(rf'value="{third}" selected', linked)
    circle = {"kind": "add", "image": image, "x": "1e300", "y": "7", "diameter": "5"}
    page = clinician.post(f"/cases/{case}/cells/redraw", circle).text
    assert re.findall(r'name="(?:x|y|diameter)" id="\w+" value="([^"]*)"', page) == ["1e300", "7", "5"]
    shapes = r'name="shape" value="([^"]*)" id="(outline|line)"'
    for kind, drawn, sent in (("add", "outline", "[[1, 1], [1, 2], [1, 1]]"), ("split", "line", "[[0, 0], [0, 1]]")):
        data = {"kind": kind, "image": image, "cell": third, "shape": sent}
        answer = clinician.post(f"/cases/{case}/cells/redraw", data)
        assert answer.status_code == 400
        assert {name: value for value, name in re.findall(shapes, answer.text)} == {
            "outline": "",
            "line": "",
            drawn: sent,
        }


def test_a_new_outline_in_a_field_that_is_not_graded_gets_no_suggestion(app: Flask, clinician: Someone) -> None:
    """As none of the field's cells has one: what is added is refused for the same reason."""
    blurred = cv2.GaussianBlur(synthetic.field(7, "leukemic", 448), (0, 0), 9)
    case = clinician.open_case()
    image = clinician.upload(case, encode(blurred, "PNG")).json
    assert image["outcome"] == "not_gradable"
    answer = redraw(clinician, case, "add", image=image["id"], x=224, y=224, diameter=40)
    assert answer.status_code == 200, answer.json
    with app.app_context():
        said = [suggestion for row in db.session.scalars(select(CellReading)) for suggestion in row.suggestions]
    assert said
    assert {suggestion.outcome for suggestion in said} == {"not_gradable"}


def test_nobody_corrects_what_somebody_else_has_changed(
    app: Flask, clinician: Someone, opened: tuple[str, str]
) -> None:
    """A cell that was named meanwhile, or outlined anew; a signed case takes no correction at all."""
    case, _image = opened
    number = whole(app)
    cell = next(key for key in cells_of(clinician, case) if key.split(".")[1] == str(number))
    second = Someone(app, "second")
    second.post(f"/cases/{case}/cells/annotations", {"cell": cell, "choice": "label:blast"})
    late = redraw(clinician, case, "split", cell=cell)
    assert late.status_code == 409
    assert "Somebody was quicker" in late.json["problem"]
    named = f"{cell.rpartition('.')[0]}.1"
    assert redraw(clinician, case, "split", cell=named).status_code == 200
    for choice in ("label:blast", "cleared"):
        again = second.post(
            f"/cases/{case}/cells/annotations", {"cell": f"{cell.rpartition('.')[0]}.2", "choice": choice}
        )
        assert again.status_code == 400
        assert "outlined anew" in again.text
    assert redraw(clinician, case, "split", cell=f"{cell.rpartition('.')[0]}.2").status_code == 400
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    signed = redraw(clinician, case, "split", cell=cells_of(clinician, case)[0])
    assert signed.status_code == 400
    assert "Amend it first" in signed.json["problem"]


def test_a_field_that_was_removed_meanwhile_is_told(
    app: Flask, clinician: Someone, opened: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the outlines that were looked at and those that are written."""
    case, image = opened
    second, number = Someone(app, "second"), whole(app)
    away = f"/cases/{case}/images/{image}/remove"
    just_before_it_writes(monkeypatch, "app.cells.redrawing", lambda: second.post(away))
    late = redraw(clinician, case, "split", cell=f"{image}.{number}.0")
    assert late.status_code == 400
    assert "not in the case any more" in late.json["problem"]


def test_a_cell_that_was_outlined_anew_is_no_disagreement(
    app: Flask, clinician: Someone, opened: tuple[str, str]
) -> None:
    """Two people named it otherwise, and a third saw that it was two cells."""
    case, image = opened
    number = whole(app)
    for version, (person, label) in enumerate((("clinician", "blast"), ("second", "lymphocyte"))):
        sent = {"cell": f"{image}.{number}.{version}", "choice": f"label:{label}"}
        assert Someone(app, person).post(f"/cases/{case}/cells/annotations", sent).status_code == 302
    assert "1 cell was named by two people." in clinician.get(f"/cases/{case}/cells").text
    assert redraw(Someone(app, "admin"), case, "split", cell=f"{image}.{number}.2").status_code == 200
    assert "named by two people" not in clinician.get(f"/cases/{case}/cells").text


def test_what_was_corrected_stays_written_down(app: Flask, clinician: Someone, opened: tuple[str, str]) -> None:
    """The database refuses to remove it; a page without script does the same by forms."""
    case, image = opened
    number = whole(app)
    page = clinician.get(f"/cases/{case}/cells/{image}/draw?cell={number}").text
    cell = re.search(rf'<option value="({image}\.{number}\.0)" selected>', page)
    assert cell
    x0, y0, x1, y1 = detections(app).boxes[number - 1]
    middle = (x0 + x1) / 2
    line = json.dumps([[middle, y0 - 5], [middle, y1 + 5]])
    form = {"kind": "split", "image": image, "cell": cell[1], "shape": line}
    assert clinician.post(f"/cases/{case}/cells/redraw", form).status_code == 302
    refused = clinician.post(f"/cases/{case}/cells/redraw", {"kind": "add", "image": image})
    assert refused.status_code == 400
    assert "no outline" in refused.text
    assert "Add the cell" in refused.text
    with app.app_context(), pytest.raises(DatabaseError, match="never"), writing() as session:
        session.execute(delete(Redrawing))
