"""The lab's rules: which counts call a case up, who was told, and what signing does with cells that nobody named."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError
from werkzeug.test import TestResponse

from app.database import db, writing
from app.records import Case, Lab, Notification
from tests.app.audit.test_audit import verify
from tests.app.audit.test_verification import forge
from tests.app.steps import Someone, events, recorded, review_all, sign
from tests.conftest import CELL_BUNDLE

SETTINGS = {
    "cell_bundle": "none",
    "count_target": "100",
    "blast_percent": "20",
    "unnamed_rule": "sign",
    "micrometres_per_pixel": "",
    "rule-blasts": "20",
    "critical-blasts": "yes",
}


def keys(someone: Someone, case: str) -> list[str]:
    """Return what a form would send of each whole cell."""
    page = someone.get(f"/cases/{case}/cells?order=field").text
    tiles = re.findall(r'checkbox" name="cell" value="([^"]+)" aria-label="([^"]+)"', page)
    return [key for key, words in tiles if "cut by the border" not in words]


def name(someone: Someone, case: str, cells: list[str], choice: str) -> None:
    """Say what cells are."""
    answer = someone.post(f"/cases/{case}/cells/annotations", {"cell": cells, "choice": choice})
    assert answer.status_code == 302, answer.text


def attention(app: Flask, case: str) -> tuple[str, bool]:
    """Return what the rules ask for, and whether somebody was told."""
    with app.app_context():
        row = db.session.get_one(Case, case)
        return row.attention, row.told_at is not None


def tell(someone: Someone, case: str, whom: str) -> TestResponse:
    """Write down who was told of what the case's page says."""
    shown = re.search(r'name="shown" value="([^"]*)"', someone.get(f"/cases/{case}").text)
    return someone.post(f"/cases/{case}/told", {"told": whom, "shown": shown[1] if shown else ""})


@pytest.fixture
def ruled(app: Flask) -> Someone:
    """Return the admin of a lab in which a fifth of blasts is critical, and nothing is typed at upload."""
    admin = Someone(app, "admin")
    assert admin.post("/lab/counting", SETTINGS).status_code == 302
    return admin


def test_a_count_calls_a_case_up_and_lets_it_go(app: Flask, ruled: Someone, clinician: Someone, field: bytes) -> None:
    """Two blasts of two are critical, one is not; the queue has it until somebody was told, and after as well, told."""
    case = clinician.open_case("C-1")
    clinician.upload(case, field)
    cells = keys(clinician, case)
    name(clinician, case, cells[:1], "label:blast")
    assert attention(app, case) == ("", False)
    name(clinician, case, cells[1:2], "label:blast")
    assert attention(app, case) == ("critical", False)
    assert "1 case has a critical count of which nobody was told yet" in clinician.get("/").text
    assert "C-1" in clinician.get("/?attention=untold").text
    assert "Blasts: 100.0 % (2 of 2; the rule says 20 %)" in clinician.get(f"/cases/{case}").text
    assert tell(clinician, case, "  Dr. Weber,\nward 3 ").status_code == 302
    assert attention(app, case) == ("critical", True)
    page = clinician.get(f"/cases/{case}").text
    assert "Told: Dr. Weber, ward 3" in page
    assert "No case matches" in clinician.get("/?attention=untold").text
    assert "C-1" in clinician.get("/?attention=critical").text
    told = events(app)[-1]
    assert told.action == "case.told"
    assert "Weber" not in str(told.details)
    name(clinician, case, [key.rpartition(".")[0] + ".1" for key in cells[:2]], "label:lymphocyte")
    assert attention(app, case) == ("", True)
    assert "No rule of the lab is met any more" in clinician.get(f"/cases/{case}").text
    assert recorded(app).count("case.attention") == 2


@pytest.mark.sqlite
def test_whom_was_told_cannot_be_changed_unseen(app: Flask, ruled: Someone, clinician: Someone, field: bytes) -> None:
    """The row has its hash in the event that speaks of it, and one that no event speaks of is found."""
    case = clinician.open_case("C-1")
    clinician.upload(case, field)
    name(clinician, case, keys(clinician, case), "label:blast")
    assert tell(clinician, case, "Dr. Weber, ward 3").status_code == 302
    assert verify(app)[0] == 0, verify(app)[1]
    columns = "case_id, told, rules, told_at, made_by_id"
    forge(app, f"INSERT INTO notification (id, {columns}) SELECT '{'0' * 32}', {columns} FROM notification")
    assert "was written past the application" in verify(app)[1]
    forge(app, "UPDATE notification SET told = 'Dr. Nobody'")
    assert "is not what event" in verify(app)[1]


@pytest.fixture
def of_two_rules(ruled: Someone, clinician: Someone, field: bytes) -> tuple[str, list[str]]:
    """A case that no rule is met by yet, in a lab with a second one, and the keys of its cells."""
    ruled.post("/lab/counting", SETTINGS | {"rule-immature": "10"})
    case = clinician.open_case()
    clinician.upload(case, field)
    return case, keys(clinician, case)


def test_what_was_told_before_is_not_told_of_another_rule(
    app: Flask, clinician: Someone, of_two_rules: tuple[str, list[str]]
) -> None:
    """A further rule puts the case into the queue again."""
    case, cells = of_two_rules
    name(clinician, case, cells[:2], "label:blast")
    tell(clinician, case, "the ward")
    assert attention(app, case) == ("critical", True)
    name(clinician, case, cells[2:4], "label:myelocyte")
    assert attention(app, case) == ("critical", False)


def test_nobody_is_told_by_a_page_that_did_not_say_so(
    app: Flask, ruled: Someone, clinician: Someone, of_two_rules: tuple[str, list[str]]
) -> None:
    """A rule that is met while the page is open stays in the queue; who was told stands in the field once more."""
    case, cells = of_two_rules
    name(clinician, case, cells[:2], "label:myelocyte")
    data = {"told": "Dr. Weber, ward 3", "shown": "immature"}
    assert 'name="shown" value="immature"' in clinician.get(f"/cases/{case}").text
    name(ruled, case, cells[2:4], "label:blast")
    answer = clinician.post(f"/cases/{case}/told", data)
    assert answer.status_code == 409
    assert "The count meets another rule since the page was opened" in answer.text
    assert 'name="told" value="Dr. Weber, ward 3"' in answer.text
    assert attention(app, case) == ("critical", False)
    assert tell(clinician, case, "Dr. Weber, ward 3").status_code == 302
    assert attention(app, case) == ("critical", True)


@pytest.mark.parametrize("told", ["", "   ", "x" * 201])
def test_somebody_has_to_be_named(app: Flask, ruled: Someone, clinician: Someone, field: bytes, told: str) -> None:
    """Nothing is written down of nobody, nor of a case that meets no rule."""
    case = clinician.open_case()
    clinician.upload(case, field)
    answer = tell(clinician, case, "the ward")
    assert (answer.status_code, "meets no rule of the lab any more" in answer.text) == (409, True)
    name(clinician, case, keys(clinician, case)[:2], "label:blast")
    answer = tell(clinician, case, told)
    assert (answer.status_code, "Write who was told" in answer.text) == (409, True)
    assert f'name="told" value="{told}"' in answer.text
    assert attention(app, case) == ("critical", False)


def test_who_was_told_stays(app: Flask, ruled: Someone, clinician: Someone, field: bytes) -> None:
    """The database refuses to change or remove it."""
    case = clinician.open_case()
    clinician.upload(case, field)
    name(clinician, case, keys(clinician, case)[:2], "label:blast")
    tell(clinician, case, "the ward")
    for statement in (update(Notification).values(told="nobody"), delete(Notification)):
        with app.app_context(), pytest.raises(DatabaseError, match="never"), writing() as session:
            session.execute(statement)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cell_bundle": "dragon"}, "Choose a model that reads single cells"),
        ({"cell_bundle": "leukolens-field"}, "Choose a model that reads single cells"),
        ({"count_target": "150"}, "Choose how many cells are counted"),
        ({"count_target": "many"}, "Choose how many cells are counted"),
        ({"blast_percent": "0"}, "is a percentage above 0"),
        ({"blast_percent": "nan"}, "is a percentage above 0"),
        ({"rule-immature": "101"}, "Immature granulocytes is a percentage"),
        ({"rule-immature": "much"}, "Immature granulocytes is a percentage"),
        ({"unnamed_rule": "never"}, "Choose what signing does"),
        ({"micrometres_per_pixel": "-1"}, "Micrometres per pixel lie between"),
        ({"micrometres_per_pixel": "inf"}, "Micrometres per pixel lie between"),
    ],
)
def test_a_setting_that_is_none_is_told(app: Flask, wrong: dict[str, str], told: str) -> None:
    """Nothing is saved, and what was typed stands in the form again."""
    admin = Someone(app, "admin")
    answer = admin.post("/lab/counting", SETTINGS | {"count_target": "400"} | wrong)
    assert answer.status_code == 400
    assert told in answer.text
    assert "Nothing was saved" in answer.text
    with app.app_context():
        assert set(db.session.scalars(select(Lab.count_target))) == {100}
    assert "lab.changed" not in recorded(app)


def test_settings_are_kept_and_recorded(app: Flask) -> None:
    """Each comes back on the page; the ledger says which."""
    admin = Someone(app, "admin")
    chosen = SETTINGS | {
        "count_target": "400",
        "blast_percent": "5",
        "unnamed_rule": "all",
        "micrometres_per_pixel": "0.1",
        "rule-plasma": "10",
    }
    assert admin.post("/lab/counting", chosen).status_code == 302
    page = admin.get("/lab/").text
    for text in ('value="400" selected', 'value="5"', 'value="all" selected', 'value="0.1"', 'value="none" selected'):
        assert text in page
    event = events(app)[-1]
    assert event.action == "lab.changed"
    assert event.details == {
        "cell_bundle": "",
        "target": 400,
        "blast_percent": "5",
        "unnamed": "all",
        "rules": ["blasts 20 critical", "plasma 10"],
        "micrometres_per_pixel": "0.1",
    }


def test_a_bundle_below_the_floors_types_no_cells_by_itself(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says why and what to do instead; one that reaches them is taken, and stays when it is saved again."""
    admin = Someone(app, "admin")
    monkeypatch.setattr("smear.inference.floors.unmet", lambda _card: ("It reads the slide.",))
    answer = admin.post("/lab/counting", SETTINGS | {"cell_bundle": CELL_BUNDLE})
    assert answer.status_code == 400
    assert "It reads the slide. Ask it for single cases on their cells page." in answer.text
    monkeypatch.setattr("smear.inference.floors.unmet", lambda _card: ())
    assert admin.post("/lab/counting", SETTINGS | {"cell_bundle": CELL_BUNDLE}).status_code == 302
    with app.app_context():
        assert db.session.scalars(select(Lab.cell_bundle).where(Lab.name == "Our laboratory")).one() == CELL_BUNDLE
    monkeypatch.setattr("app.lab.views.cell_bundles", list)  # it is not published any more
    page = admin.get("/lab/").text
    assert re.search(rf'value="{CELL_BUNDLE}" selected>{CELL_BUNDLE}, which is not published here any more', page)


def test_lengths_are_in_micrometres_where_the_lab_has_a_scale(
    app: Flask, ruled: Someone, clinician: Someone, field: bytes
) -> None:
    """And in erythrocytes or pixels where it has none, which is said."""
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    address = f"/cases/{case}/cells/{image}/{keys(clinician, case)[0].split('.')[1]}"
    before = clinician.get(address).text
    assert "the lab has set no scale" in before
    assert " µm" not in before
    ruled.post("/lab/counting", SETTINGS | {"micrometres_per_pixel": "0.5"})
    after = clinician.get(address).text
    assert after.count(" µm") == 2
    assert "set no scale" not in after


@pytest.mark.parametrize(
    ("rule", "named", "told"),
    [
        ("sign", 0, ""),
        ("target", 1, "People have named 1 leukocytes, and your lab signs from 100 on."),
        ("all", 1, "not named by a person yet, and your lab signs only when all are"),
        ("target", None, ""),
        ("all", None, ""),
    ],
)
def test_signing_follows_the_labs_rule(
    app: Flask, ruled: Someone, clinician: Someone, field: bytes, rule: str, named: int | None, told: str
) -> None:
    """Where cells are left unnamed; once every one of the case is named, there is nothing to wait for."""
    ruled.post("/lab/counting", SETTINGS | {"unnamed_rule": rule})
    case = clinician.open_case()
    clinician.upload(case, field)
    cells = keys(clinician, case)[:named]
    if cells:
        name(clinician, case, cells, "label:lymphocyte")
    review_all(clinician, case)
    assert ("Name the cells</a>" in clinician.get(f"/cases/{case}/sign").text) == bool(told)
    answer = sign(clinician, case)
    assert answer.status_code == (409 if told else 302)
    assert told in answer.text


def signed_count(someone: Someone, case: str) -> Any:
    """Sign a case and return what the export says of its count."""
    review_all(someone, case)
    assert sign(someone, case).status_code == 302
    return someone.get("/worklist.json").json[0]


def test_the_count_is_signed_reported_and_exported(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With who named the cells, the model with its version, the second person's disagreement and who was told."""
    from io import BytesIO

    from pypdf import PdfReader

    admin = Someone(app, "admin")
    admin.post("/lab/counting", SETTINGS | {"cell_bundle": "default"})
    case = clinician.open_case("S-1")
    clinician.upload(case, field)
    cells = keys(clinician, case)
    name(clinician, case, cells[:3], "label:blast")
    name(clinician, case, cells[3:5], "label:lymphocyte")
    second = Someone(app, "second")
    name(second, case, [cells[4].rpartition(".")[0] + ".1"], "label:monocyte")
    tell(clinician, case, "ward 3")
    page = clinician.get(f"/cases/{case}/cells").text
    assert "They disagree on 1:" in page
    exported = signed_count(clinician, case)
    count = exported["differential"]
    assert (exported["counted"], exported["cell_model"]) == (5, f"{CELL_BUNDLE} 0.1.0")
    assert exported["named_by"] == ["Clinician", "Second"]
    assert exported["attention"] == "critical"
    blasts = count["rows"][0]
    assert (blasts["code"], blasts["people"]["count"], blasts["people"]["total"]) == ("blast", 3, 5)
    (disagreement,) = count["named_twice"]["differing"]
    assert (disagreement["first"], disagreement["second"]) == ("Lymphocyte", "Monocyte")
    csv = clinician.get("/worklist.csv").text
    assert "Blast 3 (60.0 %); Monocyte 1 (20.0 %); Lymphocyte 1 (20.0 %)" in csv
    report = clinician.get(f"/cases/{case}/versions/1").text
    pdf = PdfReader(BytesIO(clinician.get(f"/cases/{case}/versions/1/report.pdf").data))
    printed = re.sub(r"\s+", " ", " ".join(sheet.extract_text() for sheet in pdf.pages))
    for text in (
        "Differential count",
        f"{CELL_BUNDLE} 0.1.0",
        "Clinician 4, Second 1",
        "disagree on 1",
        "Told: ward 3",
        "60.0 %",
    ):
        assert text in printed, text
        assert text in re.sub(r"\s+", " ", report), text


def test_every_cell_is_exported(app: Flask, clinician: Someone, field: bytes) -> None:
    """As JSON with the count, and as CSV that no spreadsheet takes for a formula; the ledger says so."""
    admin = Someone(app, "admin")
    admin.post("/lab/counting", SETTINGS | {"cell_bundle": "default"})
    case = clinician.open_case("E-1")
    clinician.upload(case, field)
    cells = keys(clinician, case)
    name(clinician, case, cells[:1], "label:blast")
    found = clinician.get(f"/cases/{case}/cells.json").json
    first = next(one for one in found["cells"] if one["person"])
    assert (first["person"], first["named_by"], first["counts_as"]) == ("Blast", "Clinician", "blast")
    assert found["differential"]["model"]["bundle"] == CELL_BUNDLE
    answer = clinician.get(f"/cases/{case}/cells.csv")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + len(found["cells"])
    assert "E-1" not in answer.headers["Content-Disposition"]
    assert events(app)[-1].action == "cells.exported"
