"""Refused means no numbers: a field of another laboratory, from its upload to every page and file that tells of it."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import ROOT
from app.database import writing
from app.records import CellReading, Detections, User
from smear.inference.card import Label
from smear.inference.reading import Reading as SmearReading
from smear.inference.suggestion import Reason, Suggestion
from tests.app.report.test_report import pdf_of
from tests.app.steps import Someone, change, reading_of, review_all, sign


def without_choices(page: str) -> str:
    """Return a page without the buttons by which a person names what they see, which are no suggestion."""
    for part in (r'<section class="review".*?</section>', r'<fieldset class="options">.*?</fieldset>'):
        page = re.sub(part, "", page, flags=re.S)
    return html.unescape(page)


def told(app: Flask, someone: Someone, case: str, image: str) -> dict[str, str]:
    """Return every page and file that tells of an image, by its name; the case is reviewed and signed on the way."""
    texts = {
        name: without_choices(someone.get(path).text)
        for name, path in {
            "page": f"/cases/{case}/images/{image}",
            "map view": f"/cases/{case}/images/{image}?view=map&label=Benign&method=smoothgrad",
            "case": f"/cases/{case}",
            "cells": f"/cases/{case}/cells",
            "worklist": "/?outcome=unfamiliar",
            "most uncertain first": "/?sort=uncertainty",
        }.items()
    }
    review_all(someone, case)
    texts["sign"] = without_choices(someone.get(f"/cases/{case}/sign").text)
    assert sign(someone, case).status_code == 302
    texts["report"] = html.unescape(someone.get(f"/cases/{case}/versions/1").text)
    texts["pdf"], document = pdf_of(someone, case)
    assert sum(len(page.images) for page in document.pages) == 1
    texts["csv"], texts["json"] = (someone.get(f"/worklist.{suffix}").text for suffix in ("csv", "json"))
    return texts


def assert_tells_nothing(text: str, name: str, computed: SmearReading, labels: list[str]) -> None:
    """No name or id of a label, no probability in any writing, no word for one and no map."""
    for label in labels:
        assert not re.search(rf"\b{re.escape(label)}\b", text), (name, label)
    for value in computed.suggestion.probabilities.values():
        for written in (repr(value), f"{value:.4f}", f"{value:.3f}"):
            # As a number by itself: a time of day may hold the same digits.
            told_here = re.search(rf"(?<!\d){re.escape(written)}(?!\d)", text)
            assert not told_here or float(written) in (0.0, 1.0), (name, written)
    for word in (">0.99", "<0.01", "alibrated", "bar-lead", "/overlay/", '"maps": {"', "Evidence for"):
        assert word not in text, (name, word)


@pytest.mark.realdata
def test_a_field_of_another_laboratory_shows_no_answer_anywhere(
    app: Flask, clinician: Someone, data: Path, tmp_path: Path
) -> None:
    """AML of another laboratory: unfamiliar, and no label, number or map wherever it is told of."""
    path = sorted((data / "leukemia_types" / "AML").iterdir())[0]
    case = clinician.open_case("A-77")
    answer = clinician.upload(case, path.read_bytes())
    assert answer.json["outcome"] == "unfamiliar"
    image = answer.json["id"]
    reading = reading_of(app, image)
    computed = SmearReading.from_json(reading.result)
    assert sum(computed.suggestion.probabilities.values()) == pytest.approx(1)  # kept, for audits
    labels = [word for label in reading.labels for word in (label.id, label.name)]
    texts = told(app, clinician, case, image) | {"upload": answer.text}
    for form in ("json", "csv", "table"):
        printed = app.test_cli_runner().invoke(args=["classify", "--format", form, str(path)])
        texts[f"classify {form}"] = printed.stdout
    header, texts["classify csv"] = texts["classify csv"].splitlines()
    row = json.loads(texts["classify json"])[0]
    assert (row["outcome"], row["label"], row["probabilities"]) == ("uncertain", None, {})
    assert len(row["reasons"]) == 1
    assert all(label.id in header for label in reading.labels)  # a column each, empty in this row
    for name, text in texts.items():
        assert_tells_nothing(text, name, computed, labels)
    for word in (
        "Unfamiliar",
        "do not look like those",
        "Look at the cells",
        "Photograph another field",
        "teach a model",
    ):
        assert word in texts["page"], word
    for name in ("case", "sign", "report"):
        assert "nfamiliar" in texts[name], name
    assert "1 unfamiliar" in texts["worklist"]


@pytest.mark.parametrize("outcome", ["unsure", "unfamiliar"])
def test_a_stored_refusal_of_any_version_shows_no_answer_anywhere(
    app: Flask, clinician: Someone, field: bytes, outcome: str
) -> None:
    """As above for a reading whose result holds a label's map and numbers, in older words and with an older reason."""
    case = clinician.open_case("A-78")
    image = clinician.upload(case, field).json["id"]
    change(app, image, outcome, None)
    reading = reading_of(app, image)
    computed = SmearReading.from_json(reading.result)
    assert computed.maps.size
    labels = [word for label in reading.labels for word in (label.id, label.name)]
    for name, text in told(app, clinician, case, image).items():
        assert_tells_nothing(text, name, computed, labels)
        assert "0.94" not in text, name


def test_a_refused_cell_shows_no_answer_either(app: Flask, clinician: Someone, field: bytes) -> None:
    """Of single cells the same: their word, one reason, and neither numbers nor a map, whatever is stored."""
    case = clinician.open_case("A-79")
    image = clinician.upload(case, field).json["id"]
    reasons = {
        "unfamiliar": (Reason("unfamiliar", "old words"), Reason("low_confidence", "its best answer has 0.87")),
        "unsure": (Reason("low_confidence", "its best answer has 0.87"),),
    }
    with app.app_context(), writing() as session:
        boxes = session.scalars(select(Detections).where(Detections.image_id == image)).one().boxes
        refused = [
            Suggestion(what, None, why, {"blast": 0.87, "other": 0.13}, 0.87, 1.7) for what, why in reasons.items()
        ]
        row = CellReading(
            image_id=image,
            bundle="leukolens-blast",
            version="1.1.0",
            suggestions=(refused * len(boxes))[: len(boxes)],
            labels=(Label("blast", "Myeloblast", "", True), Label("other", "Other cell", "", False)),
            intended_use="",
            milliseconds=1.0,
            made_by_id=session.scalars(select(User.id).limit(1)).one(),
        )
        session.add(row)
        session.flush()
        cell_reading = row.id
    for number, (outcome, word) in enumerate((("unfamiliar", "Unfamiliar"), ("unsure", "Unsure")), 1):
        address = f"/cases/{case}/cells/{image}/{number}"
        for page in (
            f"{address}?bundle=leukolens-blast%201.1.0&map=blast",
            f"/cases/{case}/cells?bundle=leukolens-blast%201.1.0",
        ):
            text = clinician.get(page).text
            assert word in text
            assert f"{'cell' if page.endswith('0') else 'suggestion'}-{outcome}" in text
            assert "0.87" not in text
            assert 'class="probabilities' not in text
        assert clinician.get(f"{address}/map/{cell_reading}/blast").status_code == 404


def test_only_the_record_itself_reads_the_whole_result() -> None:
    """What may be shown is decided once: nothing else of the application takes a reading's stored result."""
    uses = {
        path.relative_to(ROOT).as_posix()
        for folder, ending in (("app", "*.py"), ("templates", "*.html"))
        for path in (ROOT / folder).rglob(ending)
        if "migrations" not in path.parts and re.search(r"\b(?:reading|row|self|one)\.result\b", path.read_text())
    }
    assert uses == {"app/records/cases.py"}
