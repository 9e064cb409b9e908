"""A frozen panel stays what it was whatever is labelled later, is measured on, teaches nobody, and can be closed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from app.comparison import panels
from app.database import db, writing
from app.records import Detections, FrozenPanel, PanelClosing, Reading, ShadowReading
from app.reviewed.choice import Choice
from app.reviewed.labels import PANEL, Labelled, labels
from app.teaching import picks
from tests.app.audit.test_audit import verify
from tests.app.comparison.test_page import CANDIDATE, both, engine_of_both, lab
from tests.app.reviewed.steps import name_cell, opened, picture, review, signed, whole_cells
from tests.app.steps import Someone, id_of, recorded, work_done
from tests.conftest import CELL_BUNDLE

GIVEN = (both, engine_of_both, lab)  # fixtures of the page
NAMES = ("Pre", "Early", "Pro")
DETAILS = {"accession": "A-0", "specimen": "PB", "stain": "", "notes": ""}


@pytest.fixture(autouse=True)
def few_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a panel be of one picture: reading thirty takes long."""
    monkeypatch.setattr(panels, "FEWEST", 1)


def labelled(app: Flask, count: int = 3) -> list[tuple[str, str]]:
    """Let a clinician review a picture in each of some cases, and sign them; return the cases and their images."""
    clinician, found = Someone(app, "clinician"), []
    for place in range(count):
        case, (image,) = opened(clinician, f"A-{place}", [picture(20 + place)])
        review(clinician, case, image, f"label:{NAMES[place]}")
        signed(clinician, case)
        found.append((case, image))
    return found


def frozen(app: Flask) -> list[FrozenPanel]:
    """Return all panels."""
    return list(db.session.scalars(select(FrozenPanel)))


def test_a_panel_keeps_its_labels_whatever_is_said_later(lab: Flask) -> None:
    """The growing set follows what people say, the panel does not; both stand on the page."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    (case, image), *_ = labelled(lab)
    assert admin.post("/comparison/panels", {"name": " Spring  2026 ", "scope": "field", "share": "all"}).location
    with lab.app_context():
        (panel,) = frozen(lab)
        name, panel_id = panel.name, panel.id
        before = sorted((item["image"], item["label"]) for item in panel.items)
    assert name == "Spring 2026"
    assert [label for _, label in before] != []
    clinician.post(f"/cases/{case}/amend", {"reason": "to look again"})
    review(clinician, case, image, "label:Benign")
    signed(clinician, case)
    admin.post("/comparison/read", {"model": CANDIDATE})
    work_done(lab)
    with lab.app_context():
        found = {one.image.id: one.label for one in panels.labelled(db.session.get_one(FrozenPanel, panel_id))}
        now, _left = labels(1, Choice(signed_only=True, panels=True))
    assert sorted(found.items()) == before
    assert found[image] == "Pre"
    assert {one.image.id: one.label for one in now}[image] == "Benign"
    version = re.search(r'value="leukolens-field ([\d.]+)"', admin.get("/comparison/").text)
    assert version
    asked = {"first": f"leukolens-field {version[1]}", "second": f"{CANDIDATE} 2.0"}
    page = admin.get("/comparison/", query_string=asked | {"on": panel_id}).text
    assert "3 in the panel Spring 2026, with the labels of" in page
    assert "both have read 3 of them." in page
    rows = re.findall(r'<th scope="row">\s*(all signed cases|Spring 2026)\s*</th>\s*<td class="number">3</td>', page)
    assert rows == ["all signed cases", "Spring 2026"]
    assert "3 labelled in signed cases; both have read 3" in admin.get("/comparison/", query_string=asked).text
    assert [one for one in recorded(lab) if one.startswith("panel.")] == ["panel.frozen"]
    assert "panel Spring 2026" in admin.get("/audit/").text
    assert verify(lab)[0] == 0


def test_a_case_that_is_open_again_is_still_read_for_its_panel(lab: Flask) -> None:
    """It is no signed case any more, and the panel has it all the same."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    ((case, _image),) = labelled(lab, 1)
    admin.post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    clinician.post(f"/cases/{case}/amend", {"reason": "to look again"})
    admin.post("/comparison/read", {"model": CANDIDATE})
    work_done(lab)
    with lab.app_context():
        (panel,) = frozen(lab)
        on = panel.id
    page = admin.get("/comparison/", query_string={"second": f"{CANDIDATE} 2.0", "on": on}).text
    assert "both have read 1 of them." in page


def test_its_patients_teach_no_model_until_it_is_closed(lab: Flask) -> None:
    """A third by whole patients is drawn, the same each time; the others go on teaching."""
    admin = Someone(lab, "admin")
    labelled(lab)
    assert admin.post("/comparison/panels", {"name": "Third", "scope": "field", "share": "third"}).status_code == 302
    with lab.app_context():
        (panel,) = frozen(lab)
        kept = {item["image"] for item in panel.items}
        found, left = labels(1, Choice())
        assert len(kept) == 1
        assert {one.image.id for one in left if one.reason == PANEL} == kept
        assert len(found) == 2
        assert not {one.image.id for one in found} & kept
    assert "the patient is in a frozen panel" in admin.get("/reviewed/").text
    assert admin.post(f"/comparison/panels/{panel.id}/close", {"reason": ""}).status_code == 400
    assert admin.post(f"/comparison/panels/{panel.id}/close", {"reason": "a new scanner"}).status_code == 302
    page = admin.get("/comparison/").text
    assert "a new scanner" in page
    assert f'value="{panel.id}"' not in page
    again = admin.post(f"/comparison/panels/{panel.id}/close", {"reason": "twice"})
    assert again.status_code == 400
    assert "This panel is closed already." in again.text
    with lab.app_context():
        assert len(labels(1, Choice())[0]) == 3
        assert len(list(db.session.scalars(select(PanelClosing)))) == 1
    assert verify(lab)[0] == 0


def test_its_pictures_teach_nobody_whosever_they_turn_out_to_be(lab: Flask) -> None:
    """The patient's number is typed after it was frozen; a later case of theirs is held back, too, and not picked."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    ((case, image),) = labelled(lab, 1)
    admin.post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    clinician.post(f"/cases/{case}/amend", {"reason": "whose it is"})
    seen = {f"seen_{name}": value for name, value in DETAILS.items()}
    answer = clinician.post(f"/cases/{case}/details", {**DETAILS, **seen, "patient": "4711", "confirmed": "yes"})
    assert answer.status_code == 302
    later, (another, unlabelled) = opened(clinician, "A-8", [picture(40), picture(41)], patient="4711")
    review(clinician, later, another, "label:Pre")
    with lab.app_context():
        usable, left = labels(1, Choice())
        assert usable == []
        assert {(item.image.id, item.reason) for item in left} == {(image, PANEL), (another, PANEL)}
        assert unlabelled not in picks.unlabelled(1, "field")
        assert picks.unlabelled(1, "cell") == []


def test_a_blind_reader_is_not_shown_the_label_of_the_panel(lab: Flask) -> None:
    """The case is open again, and read blind by the admin who compares models."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    ((case, image),) = labelled(lab, 1)
    admin.post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    admin.post("/comparison/read", {"model": CANDIDATE})
    work_done(lab)
    with lab.app_context(), writing() as session:
        (panel,) = frozen(lab)
        on = panel.id
        # The candidate is right where the model that reads is not.
        reading = session.scalars(select(Reading).where(Reading.image_id == image)).one()
        reading.outcome, reading.label = "suggested", "Benign"
        row = session.scalars(select(ShadowReading)).one()
        row.suggestions = [replace(row.suggestions[0], outcome="suggested", label="Pre")]
    asked = {"second": f"{CANDIDATE} 2.0", "on": on}
    assert image in admin.get("/comparison/", query_string=asked).text
    clinician.post(f"/cases/{case}/amend", {"reason": "to look again"})
    clinician.post(f"/cases/{case}/blind/ask", {"reader": id_of(lab, "admin")})
    assert image not in admin.get("/comparison/", query_string=asked).text


@pytest.mark.parametrize(
    "statement",
    ["UPDATE frozen_panel SET name = 'x'", "DELETE FROM frozen_panel", "UPDATE panel_closing SET reason = 'x'"],
)
def test_the_database_refuses_to_change_it(lab: Flask, statement: str) -> None:
    """Nobody changes a panel or why it was closed, and `audit verify` knows what it was."""
    admin = Someone(lab, "admin")
    labelled(lab, 1)
    admin.post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    with lab.app_context():
        (panel,) = frozen(lab)
        panel_id = panel.id
    admin.post(f"/comparison/panels/{panel_id}/close", {"reason": "old"})
    with lab.app_context(), pytest.raises(DatabaseError, match="never changed"), writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": " ", "scope": "field", "share": "all"}, "Give the panel a name"),
        ({"name": "x" * 121, "scope": "field", "share": "all"}, "Give the panel a name"),
        ({"name": "New", "scope": "slide", "share": "all"}, "Choose what the panel is of"),
        ({"name": "New", "scope": "field", "share": "half"}, "Choose what the panel is of"),
        ({"name": "New", "scope": "cell", "share": "all"}, "That would be 0 labelled pictures of signed cases."),
        ({"name": "one", "scope": "field", "share": "all"}, "There is a panel of this name already."),
    ],
)
def test_what_cannot_be_frozen_is_a_sentence(lab: Flask, form: dict[str, str], sentence: str) -> None:
    """And freezes nothing."""
    admin = Someone(lab, "admin")
    labelled(lab, 1)
    admin.post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    answer = admin.post("/comparison/panels", form)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert re.search(rf'id="panel-name"[^>]* value="{form["name"]}"', answer.text)
    assert ('<option value="cell" selected>' in answer.text) == (form["scope"] == "cell")
    with lab.app_context():
        assert len(frozen(lab)) == 1


def test_another_labs_panel_is_not_there(lab: Flask) -> None:
    """Neither to close nor to measure on."""
    labelled(lab, 1)
    Someone(lab, "admin").post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    with lab.app_context():
        (panel,) = frozen(lab)
    chief = Someone(lab, "chief")
    assert chief.post(f"/comparison/panels/{panel.id}/close", {"reason": "theirs"}).status_code == 404
    assert "One" not in re.findall(r"<strong>([^<]*)</strong>", chief.get("/comparison/").text)


def test_a_panel_of_cells_leaves_out_what_was_outlined_anew(lab: Flask) -> None:
    """Its number stands for other pixels then; the label is kept, and nothing is measured on it."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    case, (image,) = opened(clinician, "A-1", [picture(7, side=448)])
    review(clinician, case, image, "label:Pre")
    with lab.app_context():
        found = db.session.scalars(select(Detections)).one()
        widths = [0 if cut else x1 - x0 for (x0, _y0, x1, _y1), cut in zip(found.boxes, found.cut, strict=True)]
    widest = widths.index(max(widths)) + 1
    other = next(number for number in whole_cells(lab, image) if number != widest)
    for number in (widest, other):
        name_cell(clinician, case, image, number, "label:blast")
    signed(clinician, case)
    assert admin.post("/comparison/panels", {"name": "Cells", "scope": "cell", "share": "all"}).status_code == 302
    clinician.post(f"/cases/{case}/amend", {"reason": "an outline"})
    with lab.app_context():
        (panel,) = frozen(lab)
        assert {(one.number, one.label) for one in panels.labelled(panel)} == {(widest, "blast"), (other, "blast")}
    answer = clinician.post(f"/cases/{case}/cells/redraw", {"kind": "split", "cell": f"{image}.{widest}.1"})
    assert answer.status_code == 302
    with lab.app_context():
        (panel,) = frozen(lab)
        assert len(panel.items) == 2
        assert [one.number for one in panels.labelled(panel)] == [other]
        on = panel.id
    page = admin.get("/comparison/", query_string={"first": f"{CELL_BUNDLE} 0.1.0", "on": on}).text
    assert "Cells, frozen" in page


def test_whole_patients_are_drawn() -> None:
    """Until the share is reached, and by the panel's name alone."""

    def one(group: int) -> Labelled:
        return Labelled(None, 0, "Pre", "Pre-B", 0, str(group))  # type: ignore[arg-type]

    found = [one(group) for group in range(30) for _ in range(4)]
    third = panels.drawn(found, 1 / 3, "Spring")
    assert len(third) == 40
    assert all(sum(other.group == each.group for other in third) == 4 for each in third)
    assert third == panels.drawn(list(reversed(found))[::-1], 1 / 3, "Spring")
    assert {one.group for one in third} != {one.group for one in panels.drawn(found, 1 / 3, "Autumn")}
    assert len(panels.drawn(found, 1.0, "All")) == 120


def test_what_a_panel_is_made_of_stays(lab: Flask) -> None:
    """Of a case that is open again no image is removed that was reviewed: a panel never points to nothing."""
    clinician, admin = Someone(lab, "clinician"), Someone(lab, "admin")
    ((case, image),) = labelled(lab, 1)
    admin.post("/comparison/panels", {"name": "One", "scope": "field", "share": "all"})
    clinician.post(f"/cases/{case}/amend", {"reason": "to look again"})
    clinician.post(f"/cases/{case}/images/{image}/remove", {"reason": "unsharp"})
    assert "reviews are kept" in clinician.get(f"/cases/{case}").text
    with lab.app_context():
        (panel,) = frozen(lab)
        assert [one.image.id for one in panels.labelled(panel)] == [image]
