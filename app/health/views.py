"""Health, for whoever runs the server: no case, no person, no path."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app.health.blueprint import bp
from app.image_store import image_store
from app.inference.engine import engine
from app.registry.activation import wanted_bundles
from app.version import __version__


def report() -> dict[str, Any]:
    """Say how the server and its models are."""
    running = engine()
    wanted = [running.loaded(name) for name in wanted_bundles()]
    damaged = {loaded.name: loaded.text for loaded in running.all_loaded() if loaded.state == "damaged"}
    ready = all(loaded.bundle is not None for loaded in wanted)
    broken = any(loaded.state == "damaged" for loaded in wanted)
    loaded = wanted[0].bundle
    roomy = image_store().has_room()
    return {
        "status": "degraded" if broken or not roomy else "ok" if ready else "starting",
        "ready": ready,
        "active_bundle": wanted[0].name,
        "version": loaded.card.version if loaded else None,
        "program": __version__,
        "disk": "ok" if roomy else "full",
        "device": running.device(),
        "bundles": {loaded.name: loaded.state for loaded in running.all_loaded()},
        "damaged_bundles": damaged,
    }


@bp.get("")
def live() -> Any:
    """Answer as long as the process does."""
    return jsonify(report())


@bp.get("/ready")
def ready() -> Any:
    """Answer 200 only once the active bundle is verified, loaded and warm."""
    state = report()
    if state["ready"]:
        return jsonify(state)
    return jsonify(state), 503, {"Retry-After": "2"}
