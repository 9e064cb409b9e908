"""Health, for whoever runs the server: no case, no person, no path."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app.health.blueprint import bp
from app.inference.engine import engine
from app.registry.activation import wanted_bundles


def report() -> dict[str, Any]:
    """Say how the server and its models are."""
    running = engine()
    wanted = [running.shelf(name) for name in wanted_bundles()]
    damaged = {shelf.name: shelf.text for shelf in running.shelves() if shelf.state == "damaged"}
    ready = all(shelf.bundle is not None for shelf in wanted)
    broken = any(shelf.state == "damaged" for shelf in wanted)
    loaded = wanted[0].bundle
    return {
        "status": "degraded" if broken else "ok" if ready else "starting",
        "ready": ready,
        "active_bundle": wanted[0].name,
        "version": loaded.card.version if loaded else None,
        "device": running.device(),
        "bundles": {shelf.name: shelf.state for shelf in running.shelves()},
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
