"""A lab's own terms: kept in versions, offered where people choose, and legible after they are gone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError

from app.audit.verification import problems
from app.database import db, writing
from app.differential.classes import class_of, keyed
from app.records import Annotation, BlindReview, Review, Signature, TermList
from app.terms import term_lists
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference.card import Label
from tests.app.steps import Someone, events, id_of, review_all, sign

RULES = {
    "count_target": "100",
    "blast_percent": "20",
    "unnamed_rule": "sign",
    "rule-blasts": "5",
    "critical-blasts": "yes",
}


@pytest.fixture
def admin(app: Flask) -> Someone:
    """Return a signed-in admin of the clinician's lab."""
    return Someone(app, "admin")


def save(someone: Someone, kind: str, seen: int = 0, lines: str = "", **rows: str) -> Any:
    """Send the form of a list."""
    return someone.post(f"/lab/terms/{kind}", {"seen": seen, "lines": lines, **rows})


def table(*rows: dict[str, str]) -> dict[str, str]:
    """Return the fields of a table of inputs."""
    return {f"{name}-{number}": value for number, row in enumerate(rows) for name, value in row.items()}


def diagnoses(*names: str) -> dict[str, str]:
    """Return the fields of a list of diagnoses."""
    return table(*({"name": name} for name in names))


def stored(app: Flask) -> list[tuple[str, int, list[str]]]:
    """Return kind, version and names of every version."""
    with app.app_context():
        rows = db.session.scalars(select(TermList).order_by(TermList.saved_at, TermList.version))
        return [(row.kind, row.version, [term["name"] for term in row.terms]) for row in rows]


def test_every_change_is_a_version(app: Flask, admin: Someone) -> None:
    """In the ledger and with its row's hash; nothing is written where nothing changed; no row can be changed."""
    assert save(admin, "sentence", lines="Please repeat.\n\nPlease send EDTA blood.").status_code == 302
    assert save(admin, "sentence", 1, "Please repeat.").status_code == 302
    assert save(admin, "sentence", 2, "Please repeat.").status_code == 302
    assert stored(app) == [
        ("sentence", 1, ["Please repeat.", "Please send EDTA blood."]),
        ("sentence", 2, ["Please repeat."]),
    ]
    event = events(app)[-1]
    assert (event.action, event.details["kind"], event.details["version"]) == ("lab.terms", "sentence", 2)
    page = admin.get("/lab/terms").text
    assert "Please repeat. · Please send EDTA blood." in page
    with app.app_context():
        assert list(problems(db.session, files=False)) == []
        with pytest.raises(DatabaseError, match="never changed"), writing() as session:
            session.execute(update(TermList).values(terms=[]))


def test_the_slower_of_two_admins_is_told(app: Flask, admin: Someone) -> None:
    """What they typed stands in the fields still, and the quicker one's version beside it, which holds."""
    assert save(admin, "removal", lines="drop of oil").status_code == 302
    answer = save(admin, "removal", 0, "scratched slide")
    assert answer.status_code == 409
    assert "Somebody else changed this list" in answer.text
    assert "scratched slide" in answer.text
    assert "drop of oil" in answer.text.split('id="removal"')[1].split("</form>")[0]
    assert stored(app) == [("removal", 1, ["drop of oil"])]
    assert save(admin, "exclusion", 3, "torn").status_code == 409  # a list that nobody has begun


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        ("sentence", {"lines": "\n".join(str(n) for n in range(61))}, "at most 60 terms"),
        ("exclusion", {"lines": "x" * 33}, "has 33 characters; it may have 32"),
        ("removal", {"lines": "Oil\noil"}, "is there twice"),
        ("removal", {"lines": "o\u202eil"}, "signs that nobody sees (U+202E)"),
        ("diagnosis", diagnoses("AML", " aml "), "is there twice"),
        ("diagnosis", table({"name": "AML", "meaning": "x" * 301}), "at most 300 characters"),
        ("cell_class", diagnoses("Blast"), "is built in"),
        (
            "cell_class",
            table({"name": "Hairy cell", "counted_as": "hedgehog"}),
            "Choose what “Hairy cell” is counted",
        ),
    ],
)
def test_a_list_that_cannot_be_kept(app: Flask, admin: Someone, kind: str, fields: dict[str, str], told: str) -> None:
    """One sentence says why, and what was typed is there to be mended."""
    answer = save(admin, kind, **fields)
    assert answer.status_code == 400
    assert told in answer.text
    typed = next(value for value in fields.values() if value.strip()).split("\n")[0]
    assert typed in answer.text
    assert stored(app) == []


def test_only_admins_of_the_lab(app: Flask, admin: Someone, clinician: Someone) -> None:
    """A clinician changes none; another lab has its own; a list that is none is not found."""
    assert save(clinician, "removal", lines="drop of oil").status_code == 403
    assert save(admin, "removal", lines="drop of oil").status_code == 302
    assert "drop of oil" not in Someone(app, "chief").get("/lab/terms").text
    assert save(admin, "anything", lines="x").status_code == 404


def test_diagnoses_begin_with_those_of_the_models(admin: Someone) -> None:
    """And say that they hold only once they are saved."""
    page = admin.get("/lab/terms").text
    assert 'value="Benign (hematogones)"' in page
    assert "they hold once they are saved" in page


def test_the_lab_signs_with_its_own(app: Flask, admin: Someone, clinician: Someone, reviewed_case: str) -> None:
    """A model's own name keeps the model's id; the signed version names the version of the list."""
    assert 'value="label:Pro"' in clinician.get(f"/cases/{reviewed_case}/sign").text
    assert save(admin, "diagnosis", **diagnoses("Acute myeloid leukemia", "Benign")).status_code == 302
    page = clinician.get(f"/cases/{reviewed_case}/sign").text
    assert re.findall(r'name="diagnosis" value="([^"]+)"', page) == [
        "label:acute_myeloid_leukemia",
        "label:Benign",
        "insufficient",
        "other",
    ]
    refused = sign(clinician, reviewed_case, diagnosis="label:Pro")
    assert refused.status_code == 400
    assert sign(clinician, reviewed_case, diagnosis="label:acute_myeloid_leukemia").status_code == 302
    assert save(admin, "diagnosis", 1, **diagnoses("Benign")).status_code == 302
    with app.app_context():
        content = db.session.scalars(select(Signature)).one().content
    assert content["diagnosis"] == {
        "code": "acute_myeloid_leukemia",
        "name": "Acute myeloid leukemia",
        "remark": "",
        "list_version": 1,
    }
    for address in (f"/cases/{reviewed_case}", f"/cases/{reviewed_case}/versions/1"):
        assert "Acute myeloid leukemia" in clinician.get(address).text


def test_fields_are_reviewed_with_them(app: Flask, admin: Someone, clinician: Someone, field: bytes) -> None:
    """Beside the labels of the model, by a blind second reader too; a code that is on no list is refused."""
    assert save(admin, "diagnosis", **diagnoses("Hairy cell leukemia", "Benign")).status_code == 302
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    page = clinician.get(f"/cases/{case}/images/{image}").text
    codes = re.findall(r'name="choice" value="([^"]+)"', page)
    assert codes.count("label:Benign") == 1
    assert codes.index("label:hairy_cell_leukemia") == codes.index("uncertain") - 1
    data = {"choice": "label:hairy_cell", "seen": "0"}
    assert clinician.post(f"/cases/{case}/images/{image}/reviews", data).status_code == 400
    data = {"choice": "label:hairy_cell_leukemia", "seen": "0"}
    assert clinician.post(f"/cases/{case}/images/{image}/reviews", data).status_code == 302
    second = Someone(app, "second")
    clinician.post(f"/cases/{case}/blind/ask", {"reader": id_of(app, "second")})
    assert second.post(f"/cases/{case}/blind/{image}", data).status_code == 302
    with app.app_context():
        for row in (db.session.scalars(select(Review)).one(), db.session.scalars(select(BlindReview)).one()):
            assert (row.label, row.label_name) == ("hairy_cell_leukemia", "Hairy cell leukemia")
    assert save(admin, "diagnosis", 1, **diagnoses("Benign")).status_code == 302
    assert "Hairy cell leukemia" in clinician.get(f"/cases/{case}").text


def test_sentences_come_into_the_comment(app: Flask, admin: Someone, clinician: Someone, field: bytes) -> None:
    """Also where the browser runs no script; and into the remark of a signature, which keeps it when it is refused."""
    assert "data-inserts-into" not in clinician.get("/").text
    assert save(admin, "sentence", lines="Please repeat.").status_code == 302
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    assert 'data-inserts-into="comment"' in clinician.get(f"/cases/{case}/images/{image}").text
    data = {"choice": "other", "seen": "0", "comment": "Smudged.", "sentence": "Please repeat."}
    clinician.post(f"/cases/{case}/images/{image}/reviews", data)
    with app.app_context():
        assert db.session.scalars(select(Review)).one().comment == "Smudged.\nPlease repeat."
    refused = sign(clinician, case, sentence="Please repeat.", password="wrong")
    assert refused.status_code == 403
    assert ">Please repeat.</textarea>" in refused.text


def test_reasons(app: Flask, admin: Someone, clinician: Someone, reviewed_case: str) -> None:
    """Of taking an image out and of amending; built-in ones stay, unknown ones are refused."""
    assert save(admin, "removal", lines="drop of oil\nIMAGE too dark").status_code == 302
    assert save(admin, "amendment", lines="Flow cytometry came").status_code == 302
    image = clinician.upload(reviewed_case, encode(synthetic.field(9, "sparse", 320), "PNG")).json["id"]
    page = clinician.get(f"/cases/{reviewed_case}").text
    assert '<option value="drop of oil">' in page
    assert '<option value="unsharp">' in page
    assert '<option value="IMAGE too dark">' in page  # whatever stands for an image's id in the template
    assert f'action="/cases/{reviewed_case}/images/{image}/remove"' in page
    assert "&lt;id&gt;" not in page
    assert "<id>" not in page
    address = f"/cases/{reviewed_case}/images/{image}/remove"
    assert clinician.post(address, {"reason": "none of these"}).status_code == 400
    assert clinician.post(address, {"reason": "drop of oil"}).status_code == 302
    assert events(app)[-1].details["reason"] == "drop of oil"
    assert sign(clinician, reviewed_case).status_code == 302
    assert '<option value="Flow cytometry came">' in clinician.get(f"/cases/{reviewed_case}").text


def test_own_cell_classes(app: Flask, admin: Someone, clinician: Someone, field: bytes) -> None:
    """A part of a built-in class is counted as it and keeps its own name; a class of its own has its own row."""
    rows = table({"name": "Myeloblast", "counted_as": "blast"}, {"name": "Hairy cell", "malignant": "yes"})
    assert save(admin, "cell_class", **rows).status_code == 302
    assert save(admin, "exclusion", lines="crushed: twice").status_code == 302
    case = clinician.open_case()
    clinician.upload(case, field)
    page = clinician.get(f"/cases/{case}/cells?order=field").text
    keys = re.findall(r'checkbox" name="cell" value="([^"]+)"', page)
    assert len(keys) >= 4
    acts = [
        {"choice": "label:blast.myeloblast", "cells": keys[:2]},
        {"choice": "label:hairy_cell", "cells": keys[2:3]},
        {"choice": "excluded:crushed: twice", "cells": keys[3:4]},
    ]
    data = {"acts": json.dumps(acts)}
    assert clinician.post(f"/cases/{case}/cells/annotations", data).status_code == 302
    with app.app_context():
        said = db.session.scalars(select(Annotation).order_by(Annotation.made_at)).all()
        assert [row.label_name or row.reason for row in said] == [
            *["Myeloblast"] * 2,
            "Hairy cell",
            "crushed: twice",
        ]
    page = clinician.get(f"/cases/{case}/cells").text
    count = page[page.index("Differential") :]
    assert re.search(r"Blast.*?\b2\b", count, re.DOTALL)
    assert "Hairy cell" in count
    assert "1 Hairy cell" in clinician.get(f"/cases/{case}").text
    assert "Excluded: crushed: twice" in page
    assert (
        clinician.post(f"/cases/{case}/cells/annotations", {"choice": "label:gone", "cell": keys[4:5]}).status_code
        == 400
    )


def test_a_name_keeps_its_code(app: Flask, admin: Someone) -> None:
    """In whatever order and with whatever meaning; names that differ in what no code can hold get codes that differ."""
    assert (
        save(admin, "diagnosis", **diagnoses("多毛细胞白血病", "慢性淋巴细胞白血病", "B-ALL", "B ALL")).status_code
        == 302
    )
    with app.app_context():
        first = {term.name: term.code for term in term_lists.terms(1, "diagnosis")}
    assert list(first.values()) == ["term", "term_2", "b_all", "b_all_2"]
    later = table({"name": "B ALL", "meaning": "of B cells"}, {"name": "慢性淋巴细胞白血病"})
    assert save(admin, "diagnosis", 1, **later).status_code == 302
    with app.app_context():
        assert {term.name: term.code for term in term_lists.terms(1, "diagnosis")} == {
            name: first[name] for name in ("B ALL", "慢性淋巴细胞白血病")
        }
    # A code is never given to another name, nor a name that comes back another code.
    assert save(admin, "diagnosis", 2, **diagnoses("b/all", "B-ALL")).status_code == 302
    with app.app_context():
        codes = [term.code for term in term_lists.terms(1, "diagnosis")]
    assert codes == ["b_all_3", first["B-ALL"]]


def test_codes_do_not_run_out(app: Flask, admin: Someone) -> None:
    """However often a lab whose names have no Latin letters writes its list anew."""
    for version in range(3):
        names = [chr(0x4E00 + 60 * version + n) for n in range(60)]
        assert save(admin, "diagnosis", version, **diagnoses(*names)).status_code == 302
    with app.app_context():
        codes = [term.code for row in term_lists.versions(1, "diagnosis") for term in term_lists.terms_in(row)]
    assert len(set(codes)) == 180


def test_two_names_of_a_model_s_label_are_two_terms(app: Flask, admin: Someone) -> None:
    """The first has the model's id, the other a code of its own."""
    assert save(admin, "diagnosis", **diagnoses("Benign", "Benign (hematogones)")).status_code == 302
    with app.app_context():
        codes = [term.code for term in term_lists.terms(1, "diagnosis")]
    assert codes == ["Benign", "benign_hematogones"]


def test_review_rules_have_versions_too(app: Flask, admin: Someone) -> None:
    """They are chosen with the counting of cells, and the page of terms shows what they were and when."""
    assert admin.post("/lab/counting", RULES).status_code == 302
    assert admin.post("/lab/counting", RULES).status_code == 302
    assert admin.post("/lab/counting", RULES | {"rule-blasts": "10", "critical-blasts": ""}).status_code == 302
    rules = [(version, names) for kind, version, names in stored(app) if kind == "review_rule"]
    assert [version for version, _names in rules] == [1, 2]
    assert [names[0].rpartition("5 %")[2] for _version, names in rules[:1]] == [", critical"]
    assert rules[1][1][0].endswith("10 %")
    assert "10 %" in admin.get("/lab/terms").text


def test_keys_of_own_classes_do_not_hang_on_the_model() -> None:
    """They come before what a model knows besides, and a model's label of the same id is not there twice."""
    own = [Label("hairy_cell", "Hairy cell", "", True), Label("blast.myeloblast", "Myeloblast", "", True)]
    model = [Label("strange", "Strange", "", False), Label("hairy_cell", "Hairy", "", True)]
    with_model = {label.id: label.key for label in keyed(model, own)}
    assert with_model == {label.id: label.key for label in keyed([], own)} | {"strange": with_model["strange"]}
    assert (with_model["hairy_cell"], with_model["blast.myeloblast"], with_model["strange"]) == ("j", "k", "l")
    assert [class_of(code) for code in ("blast.myeloblast", "hairy_cell", "v1.2", "ALL")] == [
        "blast",
        "hairy_cell",
        "v1.2",
        "blast",
    ]


def test_microscopes(app: Flask, admin: Someone, clinician: Someone, field: bytes) -> None:
    """A case names one, and its cells are measured with that one's scale, also after it left the list."""
    case = clinician.open_case("A-1")
    assert 'name="microscope"' not in clinician.get("/cases/new").text
    rows = table({"name": "Olympus BX43, DP27", "micrometres": "20", "pixels": "250"}, {"name": "Telephone"})
    assert save(admin, "microscope", **rows).status_code == 302
    assert 'name="microscope"' in clinician.get("/cases/new").text
    image = clinician.upload(case, field).json["id"]
    address = f"/cases/{case}/cells/{image}/1"
    assert "µm" not in clinician.get(address).text
    details = {"accession": "A-1", "specimen": "PB", "microscope": "Olympus BX43, DP27", "confirmed": "yes"}
    seen = {f"seen_{name}": value for name, value in {"accession": "A-1", "specimen": "PB"}.items()}
    assert clinician.post(f"/cases/{case}/details", details | {"microscope": "Another"} | seen).status_code == 400
    assert clinician.post(f"/cases/{case}/details", details | seen).status_code == 302
    clinician.get(f"/cases/{case}")  # which shows that the details were corrected
    measured = clinician.get(address).text
    assert "µm" in measured
    assert save(admin, "microscope", 1, **table({"name": "Telephone"})).status_code == 302
    assert clinician.get(address).text == measured
    assert "Olympus BX43, DP27" in clinician.get(f"/cases/{case}/details").text
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    assert "Olympus BX43, DP27" in clinician.get(f"/cases/{case}/versions/1").text
    assert clinician.open_case("A-2", microscope="Telephone")


@pytest.mark.parametrize(
    ("micrometres", "pixels"),
    [("20", ""), ("", "5"), ("20", "0"), ("twenty", "5"), ("nan", "5"), ("20", "1"), ("-1", "-9")],
)
def test_a_scale_that_is_none(admin: Someone, app: Flask, micrometres: str, pixels: str) -> None:
    """One sentence, and what was typed stands there."""
    rows = table({"name": "Zeiss", "micrometres": micrometres, "pixels": pixels})
    answer = save(admin, "microscope", **rows)
    assert answer.status_code == 400
    assert "on how many" in answer.text
    assert 'value="Zeiss"' in answer.text
    assert stored(app) == []


@pytest.mark.parametrize(("micrometres", "pixels"), [("10", "93"), ("20", "250"), ("0,1075", "1"), ("1", "7")])
def test_a_scale_is_shown_as_it_was_measured(admin: Someone, app: Flask, micrometres: str, pixels: str) -> None:
    """Saved as the page shows it, the list says the same to the last bit, and there is no new version."""
    rows = table({"name": "Zeiss", "micrometres": micrometres, "pixels": pixels})
    assert save(admin, "microscope", **rows).status_code == 302
    shown = dict(re.findall(r'name="((?:micrometres|pixels)-0)" value="([^"]*)"', admin.get("/lab/terms").text))
    assert save(admin, "microscope", 1, **(rows | shown)).status_code == 302
    assert stored(app) == [("microscope", 1, ["Zeiss"])]
