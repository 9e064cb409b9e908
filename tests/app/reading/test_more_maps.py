"""More maps of a reading: computed as a job by tf-keras-vis, drawn afterwards, refused where the model has changed."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db, writing
from app.reading import more_maps
from app.records import Job, Reading
from smear.rendering import explain
from tests.app.steps import Someone, reading_of, work_done
from tests.data.pictures import suggested

LABEL = "Pre"


@pytest.fixture
def read(app: Flask, clinician: Someone) -> tuple[str, Reading]:
    """Return the path of an image whose reading shows maps, and that reading."""
    case = clinician.open_case()
    image = clinician.upload(case, suggested()).json["id"]
    work_done(app)  # its evidence
    return f"/cases/{case}/images/{image}", reading_of(app, image)


def ask(someone: Someone, read: tuple[str, Reading], label: str = LABEL) -> Any:
    """Press the button, and return the page that comes back."""
    path, reading = read
    answer = someone.post(f"{path}/maps", {"reading": reading.id, "label": label})
    assert answer.status_code == 302
    return someone.get(answer.headers["Location"]).text


def test_they_are_drawn_by_a_job_and_offered_then(
    app: Flask, clinician: Someone, read: tuple[str, Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each method has its map, in 0..1, the page names it, and the picture with it on differs from Grad-CAM's."""
    # The same way with fewer steps: what more of them would add is known from the tests of `explain`.
    monkeypatch.setattr(explain, "SCORE_CAM_CHANNELS", 4)
    monkeypatch.setattr(explain, "SMOOTHGRAD_SAMPLES", 2)
    path, reading = read
    assert 'class="methods"' not in clinician.get(f"{path}?view=map").text
    ask(clinician, read)
    work_done(app)
    with app.app_context():
        assert db.session.scalars(select(Job.state).where(Job.kind == more_maps.KIND)).one() == "done"
        drawn = more_maps.drawn(db.session.get_one(Reading, reading.id))
    assert set(drawn) == set(more_maps.SLOW)
    for method, maps in drawn.items():
        values = [value for row in maps[LABEL] for value in row]
        assert 0 <= min(values) <= max(values) <= 1, method
        assert len(maps[LABEL]) <= more_maps.LARGEST
    page = clinician.get(f"{path}?view=map").text
    assert all(f'data-method="{method}"' in page for method in explain.METHODS)
    closed_form, *slower = (
        clinician.get(f"/readings/{reading.id}/overlay/{LABEL}", query_string={"method": method}).data
        for method in explain.METHODS
    )
    assert len({closed_form, *slower}) == len(explain.METHODS)


def test_another_version_cannot_draw_them(app: Flask, clinician: Someone, read: tuple[str, Reading]) -> None:
    """The maps would be of another network than the reading."""
    with app.app_context(), writing() as session:
        session.get_one(Reading, read[1].id).version = "0.0.0"
    assert "not loaded any more" in ask(clinician, read)


def test_a_label_of_no_model_is_refused(clinician: Someone, read: tuple[str, Reading]) -> None:
    """Nothing is queued for it."""
    assert "There are no maps of this reading." in ask(clinician, read, "rubbish")
