"""The case as a whole: pooled probabilities, agreement, bundles that differ, and the most uncertain first."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from app.cases.summary import BriefReading, differ, differing, pooled
from app.database import db, writing
from app.records import Reading
from smear.inference.card import Label
from tests.app.steps import Someone, reading_of

LABELS: dict[str, Label] = {
    "Benign": Label("Benign", "Benign", "", False),
    "Pre": Label("Pre", "Pre-B", "", True),
    "Pro": Label("Pro", "Pro-B", "", True),
}
OTHERS = {
    "healthy": Label("healthy", "Healthy", "", False),
    "CLL": Label("CLL", "CLL", "", True),
}


def brief(outcome: str, label: str | None = None, **probabilities: float) -> BriefReading:
    """Return what a bundle said of an image."""
    confidence = max(probabilities.values(), default=None)
    return BriefReading("i", "r", "field", "1", outcome, label, confidence, probabilities, LABELS)


def test_probabilities_are_the_mean_over_the_fields_with_a_suggestion() -> None:
    """Refused fields are counted by their outcome and in no mean, even where numbers came along with them."""
    found = pooled(
        {
            "a": [brief("suggested", "Pre", Benign=0.1, Pre=0.8, Pro=0.1)],
            "b": [brief("suggested", "Pre", Benign=0.1, Pre=0.9, Pro=0.0)],
            "c": [brief("unsure", None, Benign=0.4, Pre=0.1, Pro=0.5)],
            "d": [brief("not_gradable")],
            "e": [brief("unfamiliar", None, Benign=0.99, Pre=0.01, Pro=0.0)],
        }
    )
    assert len(found) == 1
    one = found[0]
    assert (one.read, dict(one.votes)) == (5, {"Pre": 2})
    assert one.outcomes == {"suggested": 2, "unsure": 1, "unfamiliar": 1, "not_gradable": 1}
    assert one.probabilities == pytest.approx({"Benign": 0.1, "Pre": 0.85, "Pro": 0.05})
    assert one.leading == LABELS["Pre"]
    refused = pooled({"a": [brief("unfamiliar", None, Benign=0.99, Pre=0.01)]})[0]
    assert (refused.probabilities, refused.leading) == ({}, None)


def test_a_tie_leads_nowhere() -> None:
    """Of two labels suggested equally often neither leads; of none at all neither."""
    tie = {"a": [brief("suggested", "Pre", Pre=0.9)], "b": [brief("suggested", "Pro", Pro=0.9)]}
    assert pooled(tie)[0].leading is None
    assert pooled({"a": [brief("not_gradable")]})[0].leading is None
    assert pooled({}) == []


def test_bundles_differ_by_label_or_by_leukemia() -> None:
    """Two labels of one list differ; labels of two lists only where one is leukemia and the other is not."""
    pre, pro, benign = (brief("suggested", label, **{label: 0.9}) for label in ("Pre", "Pro", "Benign"))
    cll, healthy = (replace(pre, bundle="other", label=label, labels=OTHERS) for label in ("CLL", "healthy"))
    assert differ(pre, pro)
    assert not differ(pre, pre)
    assert not differ(pre, cll)
    assert differ(pre, healthy)
    assert not differ(benign, healthy)
    assert not differ(pre, brief("unsure", None, Pro=0.6))
    assert differing({"a": [pre, pro], "b": [pre, pre], "c": [pre, cll, healthy]}) == {"a", "c"}


def make(app: Flask, image_id: str, outcome: str, label: int | None, probabilities: list[float]) -> None:
    """Make the first reading of an image say this."""
    with app.app_context(), writing() as session:
        row = session.scalars(select(Reading).where(Reading.image_id == image_id)).one()
        ids = [label.id for label in row.labels]
        row.outcome, row.label = outcome, None if label is None else ids[label]
        row.probabilities = dict(zip(ids, probabilities, strict=True))
        row.confidence = max(probabilities)


def test_the_case_page_pools_marks_and_orders(app: Flask, clinician: Someone, field: bytes, blank: bytes) -> None:
    """Means, agreement and the mark stand on the page; most uncertain first puts the doubtful image before the sure."""
    case = clinician.open_case()
    sure, doubtful = (clinician.upload(case, data).json["id"] for data in (field, field + b" "))
    empty = clinician.upload(case, blank).json["id"]
    make(app, sure, "suggested", 2, [0.02, 0.02, 0.94, 0.02])
    make(app, doubtful, "unsure", None, [0.3, 0.3, 0.2, 0.2])
    page = clinician.get(f"/cases/{case}").text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Mean of the calibrated probabilities of 1 field with a suggestion, 1 unsure, 1 not gradable" in text
    assert "0.94" in text
    assert "0.30" not in text
    assert "is suggested for 1 of 3 fields." in text
    assert "chip-differs" not in page

    def order(query: str) -> list[str]:
        return re.findall(r'class="tile-link" href="[^"]*/([0-9a-f]{32})"', clinician.get(f"/cases/{case}{query}").text)

    assert order("") == [sure, doubtful, empty]
    assert order("?order=uncertainty") == [doubtful, sure, empty]
    assert order("?order=dragon") == [sure, doubtful, empty]

    first = reading_of(app, sure)
    with app.app_context(), writing() as session:
        session.add(
            Reading(
                image_id=sure,
                bundle="another",
                version="1",
                outcome="suggested",
                label=first.labels[0].id,
                confidence=0.9,
                probabilities={label.id: 0.25 for label in first.labels},
                result=first.result,
                labels=first.labels,
                intended_use="",
                made_by_id=first.made_by_id,
            )
        )
    page = clinician.get(f"/cases/{case}").text
    assert page.count("models differ") == 1
    assert "Bundles suggest different things for 1 image" in page


def test_a_new_reading_keeps_its_probabilities_beside_it(app: Flask, clinician: Someone, field: bytes) -> None:
    """What the summary reads is what the reading says, where it suggests a label; a refusal has none there."""
    image = clinician.upload(clinician.open_case(), field).json["id"]
    row = reading_of(app, image)
    computed = row.result["suggestion"]["probabilities"]
    assert sum(computed.values()) == pytest.approx(1)
    assert row.probabilities == (computed if row.outcome == "suggested" else {})
    with app.app_context():
        assert db.session.get_one(Reading, row.id).probabilities == row.probabilities
