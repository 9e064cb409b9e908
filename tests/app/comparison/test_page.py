"""A candidate that reads along unseen, and the page that compares it with the model that reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.database import db, writing
from app.inference.engine import Engine
from app.records import Reading, ShadowReading, ShadowTrial, now
from app.records.base import Suggestions
from smear.inference.suggestion import Suggestion
from tests.app.conftest import BUNDLE
from tests.app.reviewed.steps import name_cell, opened, picture, review, signed, whole_cells
from tests.app.steps import Someone, busy_at_first, change, events, recorded, work_done
from tests.conftest import CELL_BUNDLE, copy_bundle

CANDIDATE = "candidate"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, models: Path, cell_models: Path) -> Path:
    """Return a folder with the shipped bundle, the same under another name, and one for cells."""
    folder = tmp_path_factory.mktemp("both")
    copy_bundle(models / BUNDLE, folder, BUNDLE)
    copy_bundle(models / BUNDLE, folder, CANDIDATE, version="2.0")
    copy_bundle(cell_models / CELL_BUNDLE, folder, CELL_BUNDLE)
    return folder


@pytest.fixture(scope="module")
def engine_of_both(both: Path) -> Engine:
    """Return an engine with all of them loaded."""
    engine = Engine(both, 64)
    engine.start([])
    for name in (BUNDLE, CANDIDATE, CELL_BUNDLE):
        engine.load(name)
    return engine


@pytest.fixture
def lab(make_app: Callable[..., Flask], both: Path, engine_of_both: Engine) -> Flask:
    """Return an application with a candidate."""
    app = make_app(MODELS_DIR=both)
    app.extensions["engine"] = engine_of_both
    return app


def shadows(app: Flask) -> list[tuple[str, str, int]]:
    """Return the image, bundle and number of suggestions of each shadow reading."""
    with app.app_context():
        return [(row.image_id, row.bundle, len(row.suggestions)) for row in db.session.scalars(select(ShadowReading))]


def test_a_candidate_reads_along_and_nobody_sees_it(lab: Flask) -> None:
    """From the upload after it was begun until it is ended; no page of the case names it."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    case, (before,) = opened(clinician, "A-1", [picture(20)])
    assert admin.post("/comparison/trial", {"candidate": CANDIDATE, "days": "30"}).status_code == 302
    (image,) = [clinician.upload(case, picture(21)).json["id"]]
    work_done(lab)
    assert shadows(lab) == [(image, CANDIDATE, 1)]
    for path in (f"/cases/{case}", f"/cases/{case}/images/{image}", f"/cases/{case}/cells"):
        page = clinician.get(path).text
        assert f"{CANDIDATE} 2.0" not in page
    with lab.app_context():
        assert {row.bundle for row in db.session.scalars(select(Reading))} == {BUNDLE}
    assert f"{CANDIDATE} 2.0 reads every new image" in admin.get("/comparison/").text
    assert admin.post("/comparison/trial", {"candidate": CELL_BUNDLE, "days": "7"}).status_code == 400
    admin.post("/comparison/trial/end", {})
    clinician.upload(case, picture(22))
    work_done(lab)
    assert len(shadows(lab)) == 1
    assert before != image
    assert [name for name in recorded(lab) if name.startswith("shadow.")] == ["shadow.begun", "shadow.ended"]
    admin.post("/comparison/trial/end", {})
    assert "No model reads along" in admin.get("/comparison/").text


def test_a_trial_ends_by_itself(lab: Flask) -> None:
    """When its days are over nothing is read along."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    admin.post("/comparison/trial", {"candidate": CANDIDATE, "days": "7"})
    with lab.app_context(), writing() as session:
        session.scalars(select(ShadowTrial)).one().ends_at = now() - timedelta(minutes=1)
    opened(clinician, "A-1", [picture(20)])
    work_done(lab)
    assert shadows(lab) == []
    assert admin.post("/comparison/trial", {"candidate": CANDIDATE, "days": "7"}).status_code == 302


def test_letting_it_read_the_rest_waits_while_the_models_are_busy(lab: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the jobs of cases do."""
    clinician = Someone(lab, "clinician")
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    signed(clinician, case)
    refused = busy_at_first(monkeypatch, lab, "load", "read_field")
    Someone(lab, "admin").post("/comparison/read", {"model": CANDIDATE})
    work_done(lab)
    assert shadows(lab) == [(image, CANDIDATE, 1)]
    assert refused == ["load", "load", "read_field", "read_field"]


def test_only_readings_of_what_is_measured_are_unpacked(lab: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one signed and labelled picture, not of an open case nor of another lab; in one query for all models."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    signed(clinician, case)
    others = [
        *opened(clinician, "A-2", [picture(21), picture(22)])[1],
        *opened(Someone(lab, "stranger"), "B-1", [picture(23)])[1],
    ]
    work_done(lab)
    with lab.app_context(), writing() as session:
        suggestion = Suggestion("suggested", "Pre", (), {"Pre": 0.9}, 0.9, 0.1)
        for image_id in (image, *others):
            row = ShadowReading(image_id=image_id, bundle=CANDIDATE, version="2.0", scope="field")
            row.suggestions = [suggestion]
            session.add(row)
    unpacked: list[object] = []
    queries: list[str] = []
    read_back = Suggestions.process_result_value

    def counted(self: Suggestions, value: object, dialect: object) -> object:
        unpacked.append(value)
        return read_back(self, value, dialect)

    def noted(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM shadow_reading" in statement:
            queries.append(statement)

    monkeypatch.setattr(Suggestions, "process_result_value", counted)
    with lab.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", noted)
    try:
        for address in ("/comparison/side-by-side", f"/comparison/?second={CANDIDATE}+2.0"):
            unpacked.clear()
            queries.clear()
            assert CANDIDATE in admin.get(address).text
            assert (len(unpacked), len(queries)) == (1, 1)
    finally:
        event.remove(engine, "before_cursor_execute", noted)


def test_two_models_are_compared_on_signed_cases(lab: Flask) -> None:
    """What the candidate has not read it reads by a job; only labels of signed cases count."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    for place, label in enumerate(("Pre", "Early", "Pro")):
        case, images = opened(clinician, f"A-{place}", [picture(20 + 2 * place), picture(21 + 2 * place)])
        for image in images:
            review(clinician, case, image, f"label:{label}")
        if place < 2:
            signed(clinician, case)
    version = re.search(rf'value="{BUNDLE} ([\d.]+)"', admin.get("/comparison/").text)
    assert version
    asked = {"first": f"{BUNDLE} {version[1]}", "second": f"{CANDIDATE} 2.0"}
    page = admin.get("/comparison/", query_string=asked).text
    assert "4 labelled in signed cases; both have read 0 of them." in page
    assert admin.post("/comparison/read", asked | {"model": CANDIDATE}).status_code == 302
    work_done(lab)
    page = admin.get("/comparison/", query_string=asked).text
    assert "both have read 4 of them." in page
    assert "Too few to say" in page
    assert re.search(r"Same answer</dt><dd class=\"number\">\s*100.0 %", page)
    with lab.app_context():
        cases_of_readings = {row.bundle for row in db.session.scalars(select(Reading))}
    assert cases_of_readings == {BUNDLE}
    admin.post("/comparison/read", asked | {"model": CANDIDATE})
    work_done(lab)
    assert len(shadows(lab)) == 4


def test_where_they_differ_stands_on_the_page(lab: Flask) -> None:
    """With what people said, and who was right."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    case, (image,) = opened(clinician, "A-7", [picture(20)])
    review(clinician, case, image, "label:Pre")
    signed(clinician, case)
    admin.post("/comparison/read", {"model": CANDIDATE})
    work_done(lab)
    with lab.app_context(), writing() as session:
        row = session.scalars(select(ShadowReading)).one()
        said = row.suggestions[0]
        session.delete(row)
        session.flush()
        values = {"image_id": image, "bundle": CANDIDATE, "version": "2.0", "scope": "field", "program": ""}
        session.add(ShadowReading(**values, suggestions=[replace(said, outcome="suggested", label="Pre")]))
    page = admin.get("/comparison/", query_string={"second": f"{CANDIDATE} 2.0"}).text
    assert "Where one is right and the other is not" in page
    assert ">A-7</a>" in page


def test_models_for_cells_are_compared_on_cells(lab: Flask) -> None:
    """In the shadow too: a signed case gets no reading that anybody sees."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    number = next(whole_cells(lab, image))
    name_cell(clinician, case, image, number, "label:blast")
    signed(clinician, case)
    admin.post("/comparison/read", {"model": CELL_BUNDLE})
    work_done(lab)
    ((_image, bundle, cells),) = shadows(lab)
    assert bundle == CELL_BUNDLE
    assert cells >= number
    page = admin.get("/comparison/", query_string={"first": f"{CELL_BUNDLE} 0.1.0"}).text
    assert f'value="{CELL_BUNDLE} 0.1.0" selected' in page
    assert "There is no model" not in page


@pytest.mark.parametrize(
    ("path", "form", "sentence"),
    [
        ("trial", {"candidate": CANDIDATE, "days": "3"}, "Choose for how long it reads along."),
        ("trial", {"candidate": BUNDLE, "days": "7"}, "This model reads already."),
        ("trial", {"candidate": "nothing", "days": "7"}, "There is no model &#39;nothing&#39;."),
        ("read", {"model": "nothing"}, "There is no model of that name here."),
    ],
)
def test_what_cannot_be_is_a_sentence(lab: Flask, path: str, form: dict[str, str], sentence: str) -> None:
    """And begins nothing."""
    answer = Someone(lab, "admin").post(f"/comparison/{path}", form)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert not [event for event in events(lab) if event.action.startswith("shadow.")]


def test_models_stand_side_by_side(lab: Flask) -> None:
    """On one scale, the lab's own signed cases first; who was not measured is named, and all of the lab may look."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    page = clinician.get("/comparison/side-by-side").text
    titles = re.findall(r'<h2 class="h-small mt-0">([^<]+)</h2>', page)
    assert titles[0].startswith("On the signed cases of this laboratory")
    assert titles[1].startswith("On patients or slides it had not seen")
    own = page.split("<h2", 2)[1]
    assert "Not measured:" in own
    assert f"{CANDIDATE} 2.0" in own
    assert CELL_BUNDLE not in page
    case, (image, other) = opened(clinician, "A-1", [picture(20), picture(21)])
    for one in (image, other):
        review(clinician, case, one, "label:Pre")
        change(lab, one, "suggested", "Pre" if one == image else "Pro")
    signed(clinician, case)
    own = clinician.get("/comparison/side-by-side").text.split("<h2", 2)[1]
    assert "it suggests on 100 % of the 2 that it read" in own
    assert "50.0 %" in own
    assert re.search(rf"Not measured: {CANDIDATE} 2.0\.", own)
    alone = clinician.get("/comparison/side-by-side", query_string={"model": [CANDIDATE, "no such model"]}).text
    assert f"{BUNDLE} 1." not in alone
    assert f"<span>{CANDIDATE} 2.0</span>" in alone
    cells = admin.get("/comparison/side-by-side?scope=cell").text
    assert f"<span>{CELL_BUNDLE} 0.1.0</span>" in cells
    assert "/comparison/side-by-side" in clinician.get("/models/").text


def test_a_model_that_suggested_nothing_is_not_measured_as_wrong(lab: Flask) -> None:
    """The page says that it read, and has no bar of 0 %."""
    clinician = Someone(lab, "clinician")
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    change(lab, image, "unfamiliar", None)
    signed(clinician, case)
    own = clinician.get("/comparison/side-by-side").text.split("<h2", 2)[1]
    assert "it suggested on none of the 1 that it read" in own
