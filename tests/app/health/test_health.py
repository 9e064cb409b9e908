"""Health: alive at once, ready only when the active bundle is warm, and silent about patients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from app.inference.engine import Engine
from smear.inference import bundle
from tests.app.conftest import BUNDLE
from tests.app.steps import Someone


def test_ready_waits_for_the_active_bundle(make_app: Callable[..., Flask], models: Path, shared_engine: Engine) -> None:
    """503 while it loads, with when to ask again; 200 afterwards; alive all the time."""
    loaded = shared_engine.load(BUNDLE)
    gate = threading.Event()

    def load(_path: Path) -> Any:
        assert gate.wait(10)
        return loaded

    app = make_app()
    engine = Engine(models, 4, load=load)
    app.extensions["engine"] = engine
    client = app.test_client()
    waiting = client.get("/health/ready")
    assert waiting.status_code == 503
    assert waiting.json["status"] == "starting"
    assert waiting.headers["Retry-After"]
    assert client.get("/health").status_code == 200
    gate.set()
    engine.load(BUNDLE)
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json["active_bundle"] == BUNDLE
    assert ready.json["version"] == bundle.read_card(models / BUNDLE).version
    assert ready.json["device"] == loaded.network.device
    engine.stop()


def test_health_tells_nothing_of_cases_or_people(app: Flask, clinician: Someone, field: bytes) -> None:
    """Only the server's own state is in it."""
    clinician.upload(clinician.open_case("SECRET-1"), field)
    told = clinician.get("/health").json
    assert set(told) == {
        "status", "ready", "program", "active_bundle", "version", "device", "bundles", "damaged_bundles", "disk",
    }  # fmt: skip
    assert "SECRET" not in str(told)
    assert str(app.config["INSTANCE_DIR"]) not in str(told)
