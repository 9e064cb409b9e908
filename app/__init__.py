"""The Flask application of LeukoLens: people, cases, readings and models."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask
from flask.logging import default_handler
from flask_babel import Babel
from flask_bootstrap import Bootstrap5
from werkzeug.middleware.proxy_fix import ProxyFix

from app import (
    audit,
    auth,
    cases,
    cells,
    cli,
    comparison,
    database,
    errors,
    examples,
    health,
    image_store,
    lab,
    monitoring,
    moved,
    reading,
    registry,
    report,
    request_checks,
    reviewed,
    reviews,
    security,
    signing,
    teaching,
    template_filters,
    worklist,
)
from app import config as settings_table
from app.audit import viewings
from app.auth import sessions, two_factor
from app.cases import opinions
from app.cells import outlines
from app.comparison import reading as compared
from app.differential import classification
from app.inference import engine, evidence, jobs, lab_jobs
from app.reading import more_maps
from app.registry import activation, held_cards
from app.reviewed import exporting
from app.shadow import reading as shadow
from app.teaching import adaptation, picks
from app.version import __version__

__all__ = ["__version__", "create_app"]

STATIC_SECONDS = 7 * 24 * 3600


def create_app(**overrides: Any) -> Flask:
    """Build the application from the settings; overrides are settings too, for tests."""
    settings = settings_table.load(**overrides)
    root = settings_table.ROOT
    app = Flask(
        __name__,
        instance_path=str(settings["INSTANCE_DIR"]),
        template_folder=str(root / "templates"),
        static_folder=str(root / "static"),
    )
    app.config.update(settings)
    app.config.update(
        MAX_CONTENT_LENGTH=settings["MAX_UPLOAD_BYTES"],
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    logging.getLogger("leukolens").addHandler(default_handler)
    Babel(app)
    Bootstrap5(app)
    # Sessions come before security, which opens one for its form tokens.
    for part in (
        request_checks,
        database,
        sessions,
        security,
        two_factor,
        image_store,
        template_filters,
        errors,
        viewings,
        cli,
    ):
        part.init_app(app)
    # Around all that looks at the request, so that it sees what the browser asked for.
    if settings["TRUSTED_PROXIES"]:
        hops = settings["TRUSTED_PROXIES"]
        believed = dict.fromkeys(("x_for", "x_proto", "x_host", "x_port", "x_prefix"), hops)
        app.wsgi_app = ProxyFix(app.wsgi_app, **believed)  # type: ignore[method-assign]
    engine.init_app(app, activation.first_bundles, held_cards.hold)
    jobs.init_app(
        app, {module.KIND: module.do for module in (evidence, opinions, outlines, classification, more_maps, shadow)}
    )
    lab_jobs.init_app(app, {module.KIND: module.do for module in (exporting, picks, adaptation, compared)})
    for feature in (
        worklist,
        examples,
        cases,
        reading,
        reviews,
        signing,
        cells,
        report,
        reviewed,
        registry,
        monitoring,
        teaching,
        comparison,
        lab,
        audit,
        auth,
        health,
    ):
        app.register_blueprint(feature.bp)
    app.register_blueprint(lab.members_bp)
    moved.init_app(app)
    return app
