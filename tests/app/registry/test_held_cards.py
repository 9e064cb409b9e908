"""A bundle's card is held to: exchanged labels do not read as truth after a restart."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from app.database import db
from app.inference.engine import Engine
from app.records import CellReading, HeldCard, SmearImage
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, events, work_done
from tests.conftest import CELL_BUNDLE, copy_bundle


def restarted(app: Flask, folder: Path, *others: str) -> Engine:
    """Give the application an engine that loads its bundles anew, as after a restart."""
    engine = Engine(folder, 16)
    engine.start([BUNDLE, *others], others=False)
    for name in (BUNDLE, *others):
        engine.load(name)
    app.extensions["engine"] = engine
    return engine


def reverse_labels(folder: Path, name: str = BUNDLE) -> None:
    """Exchange the names of a card's classes; every file that it lists stays what it was."""
    path = folder / name / "card.json"
    card = json.loads(path.read_text())
    card["labels"].reverse()
    path.write_text(json.dumps(card))


def test_a_changed_card_does_not_read_until_an_admin_activates_it(
    make_app: Callable[..., Flask], tmp_path: Path, models: Path, field: bytes, blank: bytes
) -> None:
    """Neither a new image nor an activation by somebody else's password; what was read before stays readable."""
    folder = tmp_path / "models"
    copy_bundle(models / BUNDLE, folder, BUNDLE)
    app = make_app(MODELS_DIR=folder)
    engine = restarted(app, folder)
    admin = Someone(app, "admin")
    case = admin.open_case()
    image = admin.upload(case, field).json
    assert image["outcome"]
    work_done(app)
    engine.stop()
    digest = bundle.verified_card(folder / BUNDLE)
    held = next(event for event in events(app) if event.action == "model.held")
    assert (held.subject_id, held.details["card"]) == (BUNDLE, digest)

    reverse_labels(folder)
    engine = restarted(app, folder)
    refused = admin.upload(case, blank)
    assert refused.status_code == 503
    assert "is not the one that it read with before" in refused.json["error"]
    with app.app_context():
        assert db.session.scalars(select(SmearImage.id)).all() == [image["id"]]
    assert admin.get(image["url"]).status_code == 200
    page = admin.get("/models/").text
    assert "This card is not the one that the model read with before" in page
    assert f'action="/models/{BUNDLE}/activate"' in page

    data = {"reason": "looked at it", "password": PASSWORD, "despite": "for a test"}
    assert admin.post(f"/models/{BUNDLE}/activate", data).status_code == 302
    page = admin.get("/models/").text
    assert "This card is not the one" not in page
    assert f'action="/models/{BUNDLE}/activate"' not in page
    assert admin.upload(case, blank).status_code == 201
    work_done(app)
    engine.stop()
    with app.app_context():
        assert db.session.scalars(select(HeldCard.card_sha256)).all() == [bundle.verified_card(folder / BUNDLE)]
    activated = next(event for event in events(app) if event.action == "model.activated")
    assert activated.details["card"] == bundle.verified_card(folder / BUNDLE) != digest


def test_a_model_for_cells_is_held_to_its_card_too(
    make_app: Callable[..., Flask], tmp_path: Path, cell_models: Path, field: bytes
) -> None:
    """At upload, where a job says why it types nothing, and when it is asked on the cells page; fields are read."""
    folder = tmp_path / "models"
    shutil.copytree(cell_models, folder)
    app = make_app(MODELS_DIR=folder, DEFAULT_CELL_BUNDLE=CELL_BUNDLE)
    engine = restarted(app, folder, CELL_BUNDLE)
    admin = Someone(app, "admin")
    case = admin.open_case()
    assert admin.upload(case, field).status_code == 201
    work_done(app)
    engine.stop()
    reverse_labels(folder, CELL_BUNDLE)
    engine = restarted(app, folder, CELL_BUNDLE)
    # Other pixels: those that were there are known, with the card of then.
    assert admin.upload(case, encode(synthetic.field(9, "leukemic", 320), "PNG")).status_code == 201
    work_done(app)
    page = admin.get(f"/cases/{case}/cells").text
    assert f"The card of {CELL_BUNDLE} 0.1.0 is not the one that it read with before." in html.unescape(page)
    admin.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    assert "is not the one that it read with before" in admin.get(f"/cases/{case}/cells").text
    with app.app_context():
        assert len(list(db.session.scalars(select(CellReading)))) == 1
    data = {"reason": "looked at it", "password": PASSWORD, "despite": "for a test"}
    assert f'action="/models/{CELL_BUNDLE}/activate"' in admin.get("/models/").text
    assert admin.post(f"/models/{CELL_BUNDLE}/activate", data).status_code == 302
    admin.post(f"/cases/{case}/cells/readings", {"reader": CELL_BUNDLE})
    work_done(app)
    engine.stop()
    with app.app_context():
        assert len(list(db.session.scalars(select(CellReading)))) == 2


def test_reading_on_records_nothing_more(app: Flask, clinician: Someone, field: bytes, blank: bytes) -> None:
    """A card is kept once."""
    case = clinician.open_case()
    for data in (field, blank):
        assert clinician.upload(case, data).status_code == 201
    work_done(app)
    assert [event.action for event in events(app)].count("model.held") == 1
