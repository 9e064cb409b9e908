"""The case as a whole: pooled probabilities, agreement, bundles that differ, and the most uncertain first."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.cases.summary import BriefReading, differ, differing, pooled
from app.database import db, writing
from app.records import Reading
from tests.app.steps import Someone, reading_of

LABELS: dict[str, dict[str, Any]] = {
    "Benign": {"id": "Benign", "name": "Benign", "meaning": "", "malignant": False},
    "Pre": {"id": "Pre", "name": "Pre-B", "meaning": "", "malignant": True},
    "Pro": {"id": "Pro", "name": "Pro-B", "meaning": "", "malignant": True},
}
OTHERS = {
    "healthy": {"id": "healthy", "name": "Healthy", "meaning": "", "malignant": False},
    "CLL": {"id": "CLL", "name": "CLL", "meaning": "", "malignant": True},
}


def said(outcome: str, label: str | None = None, **probabilities: float) -> BriefReading:
    """Return what a bundle said of an image."""
    confidence = max(probabilities.values(), default=None)
    return BriefReading("i", "r", "field", "1", outcome, label, confidence, probabilities, LABELS)


def test_probabilities_are_the_mean_over_the_gradable_fields() -> None:
    """A field that is not gradable counts for nothing; an uncertain one counts and has no vote."""
    found = pooled(
        {
            "a": [said("suggested", "Pre", Benign=0.1, Pre=0.8, Pro=0.1)],
            "b": [said("suggested", "Pre", Benign=0.1, Pre=0.9, Pro=0.0)],
            "c": [said("uncertain", None, Benign=0.4, Pre=0.1, Pro=0.5)],
            "d": [said("not_gradable")],
        }
    )
    assert len(found) == 1
    one = found[0]
    assert (one.read, one.gradable, dict(one.votes)) == (4, 3, {"Pre": 2})
    assert one.probabilities == pytest.approx({"Benign": 0.2, "Pre": 0.6, "Pro": 0.2})
    assert one.leading == LABELS["Pre"]


def test_a_tie_leads_nowhere() -> None:
    """Of two labels suggested equally often neither leads; of none at all neither."""
    tie = {"a": [said("suggested", "Pre", Pre=0.9)], "b": [said("suggested", "Pro", Pro=0.9)]}
    assert pooled(tie)[0].leading is None
    assert pooled({"a": [said("not_gradable")]})[0].leading is None
    assert pooled({}) == []


def test_bundles_differ_by_label_or_by_leukemia() -> None:
    """Two labels of one list differ; labels of two lists only where one is leukemia and the other is not."""
    pre, pro, benign = (said("suggested", label, **{label: 0.9}) for label in ("Pre", "Pro", "Benign"))
    cll, healthy = (replace(pre, bundle="other", label=label, labels=OTHERS) for label in ("CLL", "healthy"))
    assert differ(pre, pro)
    assert not differ(pre, pre)
    assert not differ(pre, cll)
    assert differ(pre, healthy)
    assert not differ(benign, healthy)
    assert not differ(pre, said("uncertain", None, Pro=0.6))
    assert differing({"a": [pre, pro], "b": [pre, pre], "c": [pre, cll, healthy]}) == {"a", "c"}


def make(app: Flask, image_id: str, outcome: str, label: int | None, probabilities: list[float]) -> None:
    """Make the first reading of an image say this."""
    with app.app_context(), writing() as session:
        row = session.scalars(select(Reading).where(Reading.image_id == image_id)).one()
        ids = [item["id"] for item in row.labels]
        row.outcome, row.label = outcome, None if label is None else ids[label]
        row.probabilities = dict(zip(ids, probabilities, strict=True))
        row.confidence = max(probabilities)


def test_the_case_page_pools_marks_and_orders(app: Flask, clinician: Someone, field: bytes, blank: bytes) -> None:
    """Means, agreement and the mark stand on the page; most uncertain first puts the doubtful image before the sure."""
    case = clinician.open_case()
    sure, doubtful = (clinician.upload(case, data).json["id"] for data in (field, field + b" "))
    empty = clinician.upload(case, blank).json["id"]
    make(app, sure, "suggested", 2, [0.02, 0.02, 0.94, 0.02])
    make(app, doubtful, "uncertain", None, [0.3, 0.3, 0.2, 0.2])
    page = clinician.get(f"/cases/{case}").text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Mean of the calibrated probabilities of 2 gradable fields, 1 not gradable" in text
    assert "0.57" in text  # (0.94 + 0.20) / 2
    assert "1 of 2 gradable fields are suggested as" in text
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
                label=first.labels[0]["id"],
                confidence=0.9,
                probabilities={item["id"]: 0.25 for item in first.labels},
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
    """What the summary reads is what the reading says."""
    image = clinician.upload(clinician.open_case(), field).json["id"]
    row = reading_of(app, image)
    assert row.probabilities == row.result["suggestion"]["probabilities"]
    assert sum(row.probabilities.values()) == pytest.approx(1)
    with app.app_context():
        assert db.session.get_one(Reading, row.id).probabilities == row.probabilities
