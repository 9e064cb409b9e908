"""A refusal never ends the way: what can be done, for each of its reasons, and where."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.cases.next_steps import ANOTHER_FIELD, next_steps
from app.database import db, writing
from app.records import Case, Reading
from tests.app.steps import Someone, change


def steps(
    app: Flask, image: str, state: str = "unreviewed", code: str = "", teaches: bool = False
) -> list[tuple[str, str]]:
    """Return words and addresses of what can be done about an image; of another reason where a code is given."""
    with app.app_context(), app.test_request_context():
        if code:
            with writing() as session:
                reading = session.scalars(select(Reading).where(Reading.image_id == image)).one()
                reasons = [{"code": code, "text": "So it is."}]
                reading.result = reading.result | {"suggestion": reading.result["suggestion"] | {"reasons": reasons}}
        reading = db.session.scalars(select(Reading).where(Reading.image_id == image)).one()
        case = db.session.get_one(Case, reading.image.case_id)
        case.state = state
        return [(step.words, step.address) for step in next_steps(reading, case, teaches, 1)]


@pytest.mark.parametrize("code", [*ANOTHER_FIELD, "a reason of tomorrow"])
def test_what_is_not_gradable_says_how_to_take_another_field(
    app: Flask, clinician: Someone, blank: bytes, code: str
) -> None:
    """Each reason has its own words, a reason without any the general ones; all lead to where images are added."""
    image = clinician.upload(clinician.open_case(), blank).json["id"]
    ((words, address),) = steps(app, image, code=code)
    assert words == str(ANOTHER_FIELD.get(code, "Photograph another field of this slide."))
    assert address.endswith("#add-title")


def test_the_cells_are_offered_wherever_there_are_some(app: Flask, clinician: Someone, field: bytes) -> None:
    """First for both refusals; only the unfamiliar one leads to a model of one's own, and a suggestion to nothing."""
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    for outcome, count in (("unsure", 2), ("unfamiliar", 4)):
        change(app, image, outcome, None)
        found = steps(app, image)
        assert found[0][1] == f"/cases/{case}/cells?field=1"
        assert len(found) == count
        assert any("Ask an admin" in words for words, _address in found) == (outcome == "unfamiliar")
        taught = steps(app, image, teaches=True)
        assert ("Teach a model this laboratory.", "/teaching/?model=leukolens-field") in taught or outcome == "unsure"
        assert not any(address.endswith("#add-title") for _words, address in steps(app, image, "signed"))
    change(app, image, "suggested", "Pre")
    assert steps(app, image) == []
