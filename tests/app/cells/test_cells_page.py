"""The cells page: cut out once, read by bundles for cells, named by people, and nothing written over."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError

from app.database import db, writing
from app.differential.classes import CLASSES
from app.inference.engine import Engine
from app.records import Annotation, CellReading, Detections, SmearImage
from app.stored_fields import used
from smear.imaging import synthetic
from smear.imaging.decode import decode, encode
from smear.inference import bundle, cell_reader
from smear.segmentation.find import find
from tests.app.cells.conftest import keys
from tests.app.conftest import BUNDLE
from tests.app.steps import Someone, change, events, reading_of, review_all, sign, take_role, work_done
from tests.conftest import CELL_BUNDLE, copy_bundle

CODE = f"{CELL_BUNDLE} 0.1.0"


@pytest.fixture
def read_case(reads: Flask, field: bytes) -> tuple[Someone, str]:
    """Return a clinician and a case of one field, whose cells the bundle has read."""
    someone = Someone(reads, "clinician")
    opened = someone.open_case("A-2")
    assert someone.upload(opened, field).status_code == 201
    someone.get(f"/cases/{opened}/cells")
    assert someone.post(f"/cases/{opened}/cells/readings", {"reader": CELL_BUNDLE}).status_code == 302
    work_done(reads)
    return someone, opened


def cells_page(someone: Someone, case: str, query: str = "") -> str:
    """Return the cells page of a case."""
    answer = someone.get(f"/cases/{case}/cells{query}")
    assert answer.status_code == 200
    return answer.text


def annotate(someone: Someone, case: str, cells: list[str], choice: str) -> Any:
    """Say what cells are."""
    return someone.post(f"/cases/{case}/cells/annotations", {"cell": cells, "choice": choice})


def rows(app: Flask) -> list[tuple[int, int, str, str | None, str]]:
    """Return number, version, verdict, label and reason of everything that people said."""
    with app.app_context():
        query = select(Annotation).order_by(Annotation.number, Annotation.version)
        return [(r.number, r.version, r.kind, r.label, r.reason) for r in db.session.scalars(query)]


def counts(page: str) -> dict[str, tuple[str, str]]:
    """Return the differential table: class to the count by people and by suggestion."""
    found = {}
    for code, row in re.findall(r'data-row="([^"]+)">(.*?)</tr>', page, re.DOTALL):
        people, suggested = (
            re.sub("<[^>]+>", " ", column).split()[0] for column in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        )
        found[code] = people, suggested
    return found


def test_the_cells_of_all_fields_are_cut_out_measured_and_numbered(app: Flask, clinician: Someone, case: str) -> None:
    """Each leukocyte of each field is one cell; it is found once, and nothing is suggested unasked."""
    page = cells_page(clinician, case)
    with app.app_context():
        rows = db.session.scalars(select(Detections)).all()
    assert len(rows) == 2
    total = sum(len(row.boxes) for row in rows)
    assert total > 10
    assert len(set(keys(page))) == total
    assert all(len(row.boxes) == len(row.cut) and row.label_map_sha256 for row in rows)
    for name in ("leukolens-blast", "leukolens-differential"):
        version = bundle.read_card(app.config["MODELS_DIR"] / name).version
        assert f"Let {name} {version} read the cells of 2 fields" in page
    assert "Promyelocyte" in page
    assert " checked" not in page
    assert "cell-suggested" not in page
    cells_page(clinician, case)
    with app.app_context():
        assert db.session.scalar(select(func.count(Detections.id))) == 2


def test_the_numbers_are_those_of_the_field(app: Flask, clinician: Someone, field: bytes) -> None:
    """Boxes are numbered from left to right as on the reading page, and a crop shows what is in its box."""
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    cells_page(clinician, case)
    with app.app_context():
        boxes = db.session.scalars(select(Detections.boxes)).one()
    assert boxes == reading_of(app, image).detail.boxes
    rgb = decode(field).rgb
    sheet = decode(clinician.get(f"/cases/{case}/cells/{image}/sheet").data).rgb
    for number, (x0, y0, x1, y1) in enumerate(boxes, 1):
        row, column = divmod(number - 1, 16)
        tile = sheet[128 * row : 128 * (row + 1), 128 * column : 128 * (column + 1)]
        assert tile.shape == (128, 128, 3)
        middle = rgb[(y0 + y1) // 2 - 2 : (y0 + y1) // 2 + 3, (x0 + x1) // 2 - 2 : (x0 + x1) // 2 + 3].mean(axis=(0, 1))
        assert abs(tile[56:72, 56:72].mean(axis=(0, 1)) - middle).max() < 40


def test_people_name_cells_and_the_counts_follow(app: Flask, clinician: Someone, case: str) -> None:
    """Two named, one excluded with its reason; the table has counts, shares and intervals; a reload keeps all."""
    all_keys = keys(cells_page(clinician, case))
    assert annotate(clinician, case, all_keys[:3], "label:blast").status_code == 302
    assert annotate(clinician, case, all_keys[3:4], "label:lymphocyte").status_code == 302
    assert annotate(clinician, case, all_keys[4:5], "excluded:smudged").status_code == 302
    page = cells_page(clinician, case)
    assert counts(page) == {"label:blast": ("3", "–"), "label:lymphocyte": ("1", "–")}
    assert "75.0 % (19–99 %)" in page  # Clopper and Pearson 1934: 3 of 4
    assert page.count("Excluded: smudged or torn") >= 1
    assert page.count('<span class="cell-person">Blast</span>') == 3
    assert len(keys(page)) == len(all_keys)
    event = events(app)[-1]
    assert (event.action, event.subject_id, event.details["choice"]) == ("cells.annotated", case, "excluded:smudged")
    assert event.details["cells"] == [all_keys[4].rpartition(".")[0]]


def test_what_was_said_can_be_changed_and_taken_back(app: Flask, clinician: Someone, case: str) -> None:
    """Each change is a row; what is taken back counts as if nobody had said anything, and the history stays."""
    first = keys(cells_page(clinician, case))[0]
    name = first.rpartition(".")[0]
    for version, choice in enumerate(("label:blast", "uncertain", "other", "excluded:twice", "cleared")):
        assert annotate(clinician, case, [f"{name}.{version}"], choice).status_code == 302
    assert [row[1:] for row in rows(app)] == [
        (1, "label", "blast", ""),
        (2, "uncertain", None, ""),
        (3, "other", None, ""),
        (4, "excluded", None, "twice"),
        (5, "cleared", None, ""),
    ]
    page = cells_page(clinician, case)
    assert "cell-person" not in page
    image, number = name.split(".")
    single = clinician.get(f"/cases/{case}/cells/{image}/{number}").text
    assert single.count("<li><strong>") == 5
    assert "Taken back" in single


def test_of_two_at_once_the_second_is_told(app: Flask, clinician: Someone, case: str) -> None:
    """Nothing is written, and what the second selected is still selected; the page says who was quicker."""
    before = keys(cells_page(clinician, case))[:2]
    assert annotate(clinician, case, before[:1], "label:blast").status_code == 302
    second = Someone(app, "second")
    answer = annotate(second, case, before, "label:monocyte")
    assert answer.status_code == 409
    assert "Somebody was quicker" in answer.text
    assert "Blast (Clinician)" in answer.text
    assert len(rows(app)) == 1
    again = re.findall(r'name="cell" value="([^"]+)"[^>]* checked', answer.text)
    assert sorted(key.rpartition(".")[0] for key in again) == sorted(key.rpartition(".")[0] for key in before)
    assert annotate(second, case, again, "label:monocyte").status_code == 302
    assert sorted(row[1:4] for row in rows(app)) == [
        (1, "label", "blast"),
        (1, "label", "monocyte"),
        (2, "label", "monocyte"),
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("", "Choose what the cells are"),
        ("label:dragon", "Choose what the cells are"),
        ("label", "Choose what the cells are"),
        ("excluded", "Say why"),
        ("excluded:boredom", "Say why"),
        ("uncertain:blast", "Choose what the cells are"),
    ],
)
def test_a_choice_that_is_none_is_refused(app: Flask, clinician: Someone, case: str, choice: str, told: str) -> None:
    """A sentence says what to do, and the cells stay selected."""
    key = keys(cells_page(clinician, case))[0]
    answer = annotate(clinician, case, [key], choice)
    assert answer.status_code == 400
    assert told in answer.text
    assert answer.text.count(" checked") == 1
    assert rows(app) == []


@pytest.mark.parametrize(
    "key",
    ["", "nonsense", "0" * 32 + ".1.0", "{image}.999.0", "{image}.0.0", "{image}.1.7", "{image}.1.-1", "{image}.1"],
)
def test_a_cell_that_is_none_is_refused(app: Flask, clinician: Someone, case: str, key: str) -> None:
    """No cell, one of another case, a number or a version that never was: a sentence and nothing written."""
    image = keys(cells_page(clinician, case))[0].split(".")[0]
    cells = [key.format(image=image)] if key else []
    answer = annotate(clinician, case, cells, "label:blast")
    assert answer.status_code == 400
    assert "othing was changed" in answer.text
    assert rows(app) == []


def test_cells_of_another_case_are_not_named(app: Flask, clinician: Someone, case: str, field: bytes) -> None:
    """A key from one case is nothing in another."""
    other = clinician.open_case("A-9")
    clinician.upload(other, field)
    theirs = keys(cells_page(clinician, other))[:1]
    cells_page(clinician, case)
    assert annotate(clinician, case, theirs, "label:blast").status_code == 400
    assert rows(app) == []


@pytest.mark.parametrize("statement", [update(Annotation).values(kind="other"), delete(Annotation)])
def test_the_database_refuses_to_change_what_people_said(
    app: Flask, clinician: Someone, case: str, statement: Any
) -> None:
    """What somebody said of a cell is a row for good."""
    annotate(clinician, case, keys(cells_page(clinician, case))[:1], "label:blast")
    with app.app_context(), pytest.raises(DatabaseError, match="annotation rows are never"), writing() as session:
        session.execute(statement)


def test_a_signed_case_is_frozen_until_it_is_amended(app: Flask, clinician: Someone, case: str) -> None:
    """After signing nothing changes, with a sentence; after amending it does."""
    key = keys(cells_page(clinician, case))[0]
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    page = cells_page(clinician, case)
    assert "This case is signed" in page
    assert 'name="choice"' not in page
    answer = annotate(clinician, case, [key], "label:blast")
    assert answer.status_code == 400
    assert "Amend it first" in answer.text
    assert rows(app) == []
    clinician.post(f"/cases/{case}/amend", {"reason": "to count again"})
    assert annotate(clinician, case, [key], "label:blast").status_code == 302


def test_naming_cells_takes_the_role(app: Flask, case: str) -> None:
    """An admin who is no clinician sees the cells without buttons."""
    admin = Someone(app, "admin")
    key = keys(cells_page(admin, case))[0]
    take_role(app, "admin")
    assert 'name="choice"' not in cells_page(admin, case)
    assert annotate(admin, case, [key], "label:blast").status_code == 403


def test_an_image_whose_cells_were_named_stays(app: Flask, clinician: Someone, case: str) -> None:
    """What people said is kept, so the image is; one that nobody named goes, and no row needs its outlines."""
    page = cells_page(clinician, case)
    first, other = sorted({key.split(".")[0] for key in keys(page)})
    annotate(clinician, case, [key for key in keys(page) if key.startswith(first)][:1], "label:blast")
    refused = clinician.post(f"/cases/{case}/images/{first}/remove", json=True)
    assert refused.status_code == 409
    assert "Cells of this image were named" in refused.json["error"]
    with app.app_context():
        outlines = select(Detections.label_map_sha256).where(Detections.image_id == other)
        digest = db.session.scalars(outlines).one()
        assert used(digest)
    assert clinician.post(f"/cases/{case}/images/{other}/remove", json=True).status_code == 200
    with app.app_context():
        assert not used(digest)
    assert {key.split(".")[0] for key in keys(cells_page(clinician, case))} == {first}


def test_a_bundle_reads_the_cells_by_way_of_the_engine(
    reads: Flask, read_case: tuple[Someone, str], field: bytes
) -> None:
    """The reading names bundle and version, says the same as without the engine, and is told in the ledger."""
    someone, case = read_case
    with reads.app_context():
        row = db.session.scalars(select(CellReading)).one()
        loaded = reads.extensions["engine"].bundle(CELL_BUNDLE)
    assert (row.bundle, row.version) == (CELL_BUNDLE, "0.1.0")
    rgb = decode(field).rgb
    expected = cell_reader.read(loaded, find(rgb))
    assert len(row.suggestions) == len(expected)
    for stored, one in zip(row.suggestions, expected, strict=True):
        assert (stored.outcome, stored.label) == (one.outcome, one.label)
        assert stored.probabilities == pytest.approx(one.probabilities, abs=1e-3)
    (event,) = (event for event in events(reads) if event.action == "cells.read")
    assert (event.details["bundle"], event.details["readings"]) == (CODE, [row.id])
    someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    with reads.app_context():
        assert db.session.scalar(select(func.count(CellReading.id))) == 1


def test_a_suggestion_is_dotted_and_nothing_is_chosen(reads: Flask, read_case: tuple[Someone, str]) -> None:
    """Suggestions carry bundle and version; a person's word stands beside the suggestion and never replaces it."""
    someone, case = read_case
    page = cells_page(someone, case)
    assert CODE in page
    assert "cell-suggested" in page
    assert "cell-person" not in page
    assert " checked" not in page
    whole = len(re.findall(r'class="cell-suggested', page))
    key = keys(page)[0]
    assert annotate(someone, case, [key], "label:monocyte").status_code == 302
    page = cells_page(someone, case)
    assert len(re.findall(r'class="cell-suggested', page)) == whole
    assert page.count('<span class="cell-person">Monocyte</span>') == 1
    assert counts(page)["label:monocyte"][0] == "1"
    by_hand = cells_page(someone, case, "?bundle=none")
    assert "cell-suggested" not in by_hand
    assert "Promyelocyte" in by_hand
    assert '<span class="cell-person">Monocyte</span>' in by_hand


def test_a_class_has_one_key_whatever_model_read(reads: Flask, field: bytes) -> None:
    """A bundle is offered and not chosen; what a cell can be called, and by which key, does not hang on who read it."""
    someone = Someone(reads, "clinician")
    case = someone.open_case("A-3")
    someone.upload(case, field)
    offered = f"Let {CODE} read the cells of 1 field"

    def palette(query: str) -> dict[str, str]:
        found = re.findall(r'value="(label:\w+)"[^>]* data-key="(\w)"', cells_page(someone, case, query))
        return dict(found)

    before = palette("")
    assert before["label:blast"] == "1"
    assert len(before) == len(set(before.values())) == len(CLASSES)
    for query in ("", "?bundle=none", "?bundle=dragon"):
        page = cells_page(someone, case, query)
        assert offered in page
        assert "cell-suggested" not in page
    asked = someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE, "bundle": "none"})
    work_done(reads)
    assert "bundle" not in asked.headers["Location"]
    assert "cell-suggested" in cells_page(someone, case)
    assert palette("") == palette("?bundle=none") == before


def test_a_model_that_makes_no_suggestions_is_no_choice(app: Flask, clinician: Someone, case: str) -> None:
    """It is there to be taught; asked to read, it would refuse every cell."""
    silent = "leukolens-differential-2"
    page = clinician.get(f"/cases/{case}/cells").text
    assert "Let leukolens-differential 1" in page
    assert silent not in page
    asked = clinician.post(f"/cases/{case}/cells/readings", {"reader": silent})
    assert "Choose a model that reads single cells." in clinician.get(asked.location).text
    assert silent in Someone(app, "admin").get("/teaching/").text


def test_a_server_without_a_model_for_cells_says_so(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """There is nothing to choose then, and the lab's own list."""
    app = make_app(MODELS_DIR=tmp_path)
    app.extensions["engine"] = Engine(tmp_path, 64)
    someone = Someone(app, "clinician")
    page = cells_page(someone, someone.open_case("A-4"))
    assert "No model on this server reads single cells" in page
    assert 'id="bundle"' not in page


def test_the_most_uncertain_come_first(reads: Flask, read_case: tuple[Someone, str]) -> None:
    """Every order shows every cell, and by uncertainty no cell is followed by a less certain one."""
    someone, case = read_case
    with reads.app_context():
        said = db.session.scalars(select(CellReading.suggestions)).one()

    def unsure(number: int) -> float:
        one = said[number - 1]
        if one.outcome == "not_gradable":
            return -1.0
        return {"unsure": 2.0, "unfamiliar": 3.0}.get(one.outcome) or 1.0 - one.confidence

    found = keys(cells_page(someone, case, "?order=uncertainty"))
    values = [unsure(int(key.split(".")[1])) for key in found]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(said)
    for order in ("class", "suggestion", "field", "dragon"):
        assert sorted(keys(cells_page(someone, case, f"?order={order}"))) == sorted(found)
    assert keys(cells_page(someone, case, "?order=field")) == sorted(found, key=lambda key: int(key.split(".")[1]))


def test_fields_and_cells_that_contradict_are_said_to(
    reads: Flask, read_case: tuple[Someone, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leukemic fields beside cells that are not, and the other way round; where they agree nothing is said."""
    someone, case = read_case
    with reads.app_context():
        row = db.session.scalars(select(CellReading)).one()
        image_id, cells_ = row.image_id, list(row.suggestions)
    labels = {
        bad: next(item for item in reading_of(reads, image_id).labels if item.malignant is bad) for bad in (True, False)
    }

    def all_cells(label: str) -> None:
        said = [replace(one, outcome="suggested", label=label, confidence=0.9) for one in cells_]
        found = {image_id: {number: (row.id, CODE, one) for number, one in enumerate(said, 1)}}
        monkeypatch.setattr("app.differential.cells.readings_by", lambda *_: found)

    for field_is_leukemic, cell, told in (
        (True, "lymphocyte", True),
        (True, "blast", False),
        (False, "blast", True),
        (False, "lymphocyte", False),
    ):
        change(reads, image_id, "suggested", labels[field_is_leukemic].id)
        all_cells(cell)
        assert ("contradict each other" in cells_page(someone, case)) == told
    change(reads, image_id, "unsure", None)
    all_cells("blast")
    assert "contradict each other" not in cells_page(someone, case)


def test_a_map_of_a_cell_is_drawn_on_demand(reads: Flask, read_case: tuple[Someone, str], field: bytes) -> None:
    """Each label has its own map on what the network saw; a strange label and a cut cell have none."""
    someone, case = read_case
    with reads.app_context():
        row = db.session.scalars(select(CellReading)).one()
    cut = find(decode(field).rgb).cut.tolist()
    whole = cut.index(False) + 1
    address = f"/cases/{case}/cells/{row.image_id}/{{}}/map/{row.id}/{{}}"
    pictures = {label.id: someone.get(address.format(whole, label.id)) for label in row.labels}
    assert all(one.status_code == 200 and one.mimetype == "image/png" for one in pictures.values())
    assert len({one.data for one in pictures.values()}) > 1
    assert decode(pictures["blast"].data).rgb.shape == (384, 384, 3)
    etag = pictures["blast"].headers["ETag"]
    assert someone.get(address.format(whole, "blast"), headers={"If-None-Match": etag}).status_code == 304
    assert someone.get(address.format(whole, "dragon")).status_code == 404
    assert someone.get(address.format(999, "blast")).status_code == 404
    if True in cut:
        assert someone.get(address.format(cut.index(True) + 1, "blast")).status_code == 404
    page = someone.get(f"/cases/{case}/cells/{row.image_id}/{whole}?map=blast").text
    assert address.format(whole, "blast") in page
    assert 'class="in-field"' in page


def test_a_map_that_the_engine_does_not_draw_in_time_is_told_so(
    reads: Flask, read_case: tuple[Someone, str], field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence and when to come back, as for a reading, and no 500."""
    someone, case = read_case
    with reads.app_context():
        row = db.session.scalars(select(CellReading)).one()
    whole = find(decode(field).rgb).cut.tolist().index(False) + 1
    monkeypatch.setattr(reads.extensions["engine"], "patience", 0)
    answer = someone.get(f"/cases/{case}/cells/{row.image_id}/{whole}/map/{row.id}/blast")
    assert answer.status_code == 503
    assert "did not answer in time" in answer.text
    assert answer.headers["Retry-After"]


def test_a_bundle_that_reads_fields_reads_no_cells(reads: Flask, read_case: tuple[Someone, str]) -> None:
    """Neither by its name in a form nor as a choice on the page; and an unknown one is refused alike."""
    someone, case = read_case
    assert f'<option value="{BUNDLE}' not in cells_page(someone, case)
    for name in (BUNDLE, "dragon", ""):
        assert someone.post(f"/cases/{case}/cells/readings", {"reader": name}).status_code == 302
        assert "Choose a model that reads single cells" in cells_page(someone, case)
    with reads.app_context():
        assert db.session.scalars(select(CellReading.bundle)).all() == [CELL_BUNDLE]


def test_a_model_published_while_the_server_runs_is_loaded_when_it_is_asked(
    reads: Flask, field: bytes, cell_models: Path, tmp_path: Path
) -> None:
    """No restart; and where its files are damaged a sentence says so, on the page, and it is offered no more."""
    someone = Someone(reads, "clinician")
    case = someone.open_case("A-5")
    someone.upload(case, field)
    later = copy_bundle(cell_models / CELL_BUNDLE, tmp_path, "later")
    broken = copy_bundle(cell_models / CELL_BUNDLE, tmp_path, "broken")
    (broken / "model.keras").write_bytes((later / "model.keras").read_bytes()[:-100])
    engine = Engine(tmp_path, 64)
    engine.start([], others=False)
    reads.extensions["engine"] = engine
    offered = "Let {} 0.1.0 read the cells of 1 field"
    assert all(offered.format(name) in cells_page(someone, case) for name in ("later", "broken"))
    assert someone.post(f"/cases/{case}/cells/readings", {"reader": "broken"}).status_code == 302
    page = cells_page(someone, case)
    assert "The model &#39;broken&#39; is damaged: model.keras is not the file that was published." in page
    assert "broken 0.1.0 is damaged and cannot read" in page
    assert offered.format("broken") not in page
    someone.post(f"/cases/{case}/cells/readings", {"reader": "later"})
    work_done(reads)
    engine.stop()
    with reads.app_context():
        assert db.session.scalars(select(CellReading.bundle)).all() == ["later"]


def test_a_version_that_is_not_published_any_more_is_not_called_damaged(
    reads: Flask, read_case: tuple[Someone, str], tmp_path: Path
) -> None:
    """What it said stays on the page; for a field that it has not read the page says why it is not offered."""
    someone, case = read_case
    someone.upload(case, encode(synthetic.field(21, "leukemic", 320), "PNG"))
    reads.extensions["engine"] = Engine(tmp_path, 64)
    page = cells_page(someone, case)
    assert f"{CODE} is not published here any more" in page
    assert "is damaged" not in page
    assert "cell-suggested" in page


def test_a_case_is_read_as_a_job(reads: Flask, read_case: tuple[Someone, str]) -> None:
    """All fields that are left, whose progress the page shows; asked again, there is nothing to read."""
    someone, case = read_case
    for seed in (21, 22):
        someone.upload(case, encode(synthetic.field(seed, "leukemic", 320), "PNG"))
    assert "Let drawn-cells 0.1.0 read the cells of 2 fields" in cells_page(someone, case)
    someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    assert "Reading the cells" in cells_page(someone, case)
    work_done(reads)
    with reads.app_context():
        assert db.session.scalar(select(func.count(CellReading.id))) == 3
    someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    assert "has read the cells of every field" in cells_page(someone, case)


def test_a_damaged_picture_fails_its_own_row(reads: Flask, read_case: tuple[Someone, str]) -> None:
    """The others are read, and the page says which could not be and why; no page of the case is a 500."""
    someone, case = read_case
    damaged = someone.upload(case, encode(synthetic.field(21, "leukemic", 320), "PNG")).json["id"]
    someone.upload(case, encode(synthetic.field(22, "leukemic", 320), "PNG"))
    with reads.app_context():
        digest = db.session.get_one(SmearImage, damaged).pixels_sha256
        reads.extensions["image_store"].place.path(digest).write_bytes(b"no picture")
    someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    work_done(reads)
    page = cells_page(someone, case)
    assert "This image cannot be read from the disk." in page
    with reads.app_context():
        assert db.session.scalar(select(func.count(CellReading.id))) == 2
    for path in (f"/cases/{case}", f"/cases/{case}/images/{damaged}"):
        assert someone.get(path).status_code == 200
    for path in (f"/cases/{case}/cells/{damaged}/sheet", f"/cases/{case}/cells/{damaged}/1"):
        answer = someone.get(path)
        assert answer.status_code == 410
        assert "cannot be read from the disk" in answer.text


def test_a_new_segmenter_changes_no_case(
    reads: Flask, read_case: tuple[Someone, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outlines are those of the day on which the picture came; nothing is segmented again, and nothing refused."""
    someone, case = read_case
    second = someone.upload(case, encode(synthetic.field(21, "leukemic", 320), "PNG")).json["id"]

    def fail(*_: object) -> None:
        raise AssertionError("segmented again")

    monkeypatch.setattr("app.stored_fields.find", fail)
    monkeypatch.setattr("smear.inference.field_reader.find", fail)
    someone.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    work_done(reads)
    with reads.app_context():
        row = db.session.scalars(select(CellReading).where(CellReading.image_id == second)).one()
        reading = reading_of(reads, second)
    whole = [index for index, one in enumerate(row.suggestions, 1) if one.outcome != "not_gradable"]
    for path in (
        f"/cases/{case}/cells",
        f"/cases/{case}/cells/{second}/sheet",
        f"/cases/{case}/cells/{second}/1",
        f"/cases/{case}/cells/{second}/{whole[0]}/map/{row.id}/blast",
        f"/readings/{reading.id}/views/mask",
        f"/readings/{reading.id}/views/model",
    ):
        assert someone.get(path).status_code == 200, path


def test_a_blank_field_has_no_cells(clinician: Someone, blank: bytes) -> None:
    """The page says so, without a sheet."""
    case = clinician.open_case()
    image = clinician.upload(case, blank).json["id"]
    assert "No leukocytes were found" in cells_page(clinician, case)
    assert clinician.get(f"/cases/{case}/cells/{image}/sheet").status_code == 404
    assert "No leukocytes were found" in cells_page(clinician, clinician.open_case("A-7"))


def test_the_page_has_nothing_inline(clinician: Someone, case: str) -> None:
    """No style or script stands in the page, so that the policy holds; keys are named once each."""
    page = cells_page(clinician, case)
    assert not re.search(r"<style|<script(?![^>]* src=)| style=| on\w+=", page)
    named = re.findall(r'data-key="([^"]+)"', page)
    assert len(named) == len(set(named))
