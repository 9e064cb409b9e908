"""A bundle's card is held to: exchanged labels do not read as truth after a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from app.database import db
from app.inference.engine import Engine
from app.records import HeldCard, SmearImage
from smear.inference import bundle
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, events, work_done
from tests.conftest import copy_bundle


def restarted(app: Flask, folder: Path) -> Engine:
    """Give the application an engine that loads its bundle anew, as after a restart."""
    engine = Engine(folder, 16)
    engine.start([BUNDLE], others=False)
    engine.load(BUNDLE)
    app.extensions["engine"] = engine
    return engine


def reverse_labels(folder: Path) -> None:
    """Exchange the names of a card's classes; every file that it lists stays what it was."""
    path = folder / BUNDLE / "card.json"
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

    data = {"reason": "looked at it", "password": PASSWORD, "despite": "for a test"}
    assert admin.post(f"/models/{BUNDLE}/activate", data).status_code == 302
    assert admin.upload(case, blank).status_code == 201
    work_done(app)
    engine.stop()
    with app.app_context():
        assert db.session.scalars(select(HeldCard.card_sha256)).all() == [bundle.verified_card(folder / BUNDLE)]
    activated = next(event for event in events(app) if event.action == "model.activated")
    assert activated.details["card"] == bundle.verified_card(folder / BUNDLE) != digest


def test_reading_on_records_nothing_more(app: Flask, clinician: Someone, field: bytes, blank: bytes) -> None:
    """A card is kept once."""
    case = clinician.open_case()
    for data in (field, blank):
        assert clinician.upload(case, data).status_code == 201
    work_done(app)
    assert [event.action for event in events(app)].count("model.held") == 1
