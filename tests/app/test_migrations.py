"""A database of any age, with rows in every table, comes to the newest revision; and its pages open."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_security import hash_password

from app import create_app
from app.database import db, migrate, writing
from app.ledger import canonical
from app.records import Annotation, BlindReview, Case, Detections, Lab, Reading, Review, Role, User
from app.signing import report_key
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference.reading import Reading as SmearReading
from tests import postgres
from tests.app.steps import PASSWORD, Someone

pytestmark = pytest.mark.both_databases

REVISIONS = [f"{number:04d}" for number in range(1, 30)]
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)
LABELS = [
    {"id": "Benign", "name": "Benign", "meaning": "Hematogones.", "malignant": False},
    {"id": "Pre", "name": "Pre-B", "meaning": "Blasts.", "malignant": True},
]
# A reading as the first version wrote it.
RESULT = {
    "bundle": "leukolens-field",
    "version": "0.1.0",
    "suggestion": {
        "outcome": "uncertain",
        "label": None,
        "reasons": [{"code": "novel", "text": "These leukocytes do not look like those."}],
        "probabilities": {"Benign": 0.75, "Pre": 0.25},
        "confidence": 0.75,
        "novelty": 1.75,
    },
    "leukocytes": 1,
    "boxes": [[10, 10, 60, 60]],
    "findings": [{"code": "sharp", "text": "Sharp.", "value": 1.0, "unit": "px edge width", "severity": "info"}],
    "notes": [],
    "maps": [[[0.0, 1.0], [0.5, 0.25]]] * 2,
    "width": 224,
    "height": 224,
    "milliseconds": 20.0,
}
REVIEW = {"verdict": "label", "label": "Pre", "label_name": "Pre-B", "comment": "blasts", "by": "A", "at": "2026-01-02"}
SIGNED = {
    "schema": 1,
    "case": {"id": "c" * 32, "accession": "OLD-1", "specimen": "PB", "stain": "", "notes": "", "opened": "2026-01-02"},
    "version": 1,
    "images": [
        {
            "id": "i" * 32,
            "place": 1,
            "name": "field.png",
            "source_sha256": "5" * 64,
            "pixels_sha256": "6" * 64,
            "width": 224,
            "height": 224,
            "drawn": False,
            "reading": {
                "id": "r" * 32,
                "bundle": "leukolens-field",
                "version": "0.1.0",
                "outcome": "uncertain",
                "label": None,
                "label_name": None,
                "confidence": 0.75,
                "reasons": ["Not sure."],
                "leukocytes": 1,
                "findings": [],
                "intended_use": "Decision support.",
            },
            "review": REVIEW,
        }
    ],
    "diagnosis": {"code": "Pre", "name": "Pre-B", "remark": ""},
    "signed": {"by": "A", "at": "2026-01-02T03:04:05+00:00", "email": "a@lab.example"},
    "lab": "Our laboratory",
    "reason": None,
}
# What a row needs to be more than its types: by table and column.
VALUES: dict[str, dict[str, Any]] = {
    "lab": {"name": "Old laboratory"},
    "role": {"name": "clinician", "description": "Cases."},
    "user": {"email": "old@lab.example", "password": "x", "active": True, "fs_uniquifier": "u" * 32},
    "case": {
        "id": "c" * 32,
        "accession": "OLD-1",
        "accession_key": "old-1",
        "specimen": "PB",
        "image_count": 1,
        "uncertain_count": 1,
        "suggested_count": 0,
        "not_gradable_count": 0,
        "state": "in_review",
        "version": 1,
    },
    "smear_image": {"id": "i" * 32, "position": 1, "width": 224, "height": 224, "display_name": "field.png"},
    "reading": {
        "id": "r" * 32,
        "bundle": "leukolens-field",
        "version": "0.1.0",
        "outcome": "uncertain",
        "label": None,
        "confidence": 0.75,
        "result": RESULT,
        "labels": LABELS,
    },
    "review": {"verdict": "label", "kind": "label", "label": "Pre", "label_name": "Pre-B", "version": 1},
    "signature": {"content": SIGNED, "sha256": hashlib.sha256(canonical(SIGNED)).hexdigest(), "version": 1},
    "amendment": {"version": 2},
    "second_reading": {"state": "done"},
    "blind_verdict": {"verdict": "uncertain", "label": None},
    "cell_survey": {"finder": "finder 1", "boxes": [[10, 10, 60, 60]], "cut": [False], "measured": [{}]},
    "cell_reading": {"suggestions": [RESULT["suggestion"]], "labels": LABELS, "version": "0.1.0"},
    "cell_verdict": {"verdict": "label", "label": "blast", "label_name": "Blast", "number": 1, "version": 1},
    "blind_reading": {"state": "done"},
    "blind_review": {"kind": "uncertain", "label": None},
    "annotation": {"kind": "label", "label": "blast", "label_name": "Blast", "number": 1, "version": 1},
    "detections": {"segmenter": "finder 1", "boxes": [[10, 10, 60, 60]], "cut": [False], "label_map_sha256": ""},
    "redrawing": {"kind": "add", "replaced": [], "added": [1], "label_map_sha256": ""},
    "notification": {"told": "the ward", "rules": []},
    "shadow_reading": {"suggestions": [RESULT["suggestion"]], "scope": "field"},
    "frozen_panel": {"items": [], "scope": "field"},
    "saved_filter": {"query": {"state": "signed"}},
    "audit_event": {"id": 1, "action": "case.opened", "details": {}, "previous_hash": "0" * 64, "hash": "1" * 64},
    "authenticator": {"recovery": []},
    "server_session": {"data": {}},
    "explanation": {"label": "Pre", "method": "smoothgrad", "grid": [[0.0, 1.0]]},
    "leukocyte_evidence": {"changes": [0.5], "outlines": [[10, 10, 60, 10, 60, 60]]},
    "job": {"kind": "cells", "state": "done", "text": ""},
    "job_item": {"state": "done", "text": ""},
}
# What of them was written otherwise from 0012 on.
LATER: dict[str, dict[str, Any]] = {
    "case": {"unsure_count": 0, "unfamiliar_count": 1, "uncertainty": 3.0},
    "reading": {"outcome": "unfamiliar", "confidence": None, "probabilities": {}},
}


def plain_value(column: sa.Column[Any]) -> Any:
    """Return something that a column takes."""
    kind = column.type
    if column.nullable:
        return None
    if isinstance(kind, sa.Boolean):
        return True
    if isinstance(kind, sa.Integer):
        return 1
    if isinstance(kind, sa.Float):
        return 0.5
    if isinstance(kind, sa.DateTime):
        return THEN
    if isinstance(kind, sa.JSON):
        return {}
    return uuid.uuid4().hex[: getattr(kind, "length", None) or 32]


def fill(connection: sa.Connection, pixels: str) -> None:
    """Add a row to every table that has none yet, pointing to the rows that there are."""
    metadata = sa.MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if table.name == "alembic_version" or connection.scalar(sa.select(sa.func.count()).select_from(table)):
            continue
        row: dict[str, Any] = {}
        later = LATER if "unsure_count" in metadata.tables["case"].columns else {}
        for column in table.columns:
            given = VALUES.get(table.name, {}) | later.get(table.name, {})
            if column.name in given:
                value = given[column.name]
            elif column.foreign_keys:
                target = next(iter(column.foreign_keys)).column
                value = connection.scalar(sa.select(target).limit(1))
            else:
                value = pixels if column.name in ("pixels_sha256", "thumbnail_sha256") else plain_value(column)
            row[column.name] = json.dumps(value) if isinstance(value, (dict, list)) and is_text(column) else value
        connection.execute(sa.insert(table), row)


def is_text(column: sa.Column[Any]) -> bool:
    """Return whether JSON has to be given as text: SQLite's reflection knows no more."""
    return not isinstance(column.type, sa.JSON)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty database of either kind."""
    if request.param == "sqlite":
        yield ""
        return
    with postgres.database() as url:
        yield url


@pytest.fixture
def old_app(address: str, tmp_path: Path, models: Path, shared_engine: Any) -> Iterator[Flask]:
    """Return an application over a database without any table."""
    app = create_app(INSTANCE_DIR=tmp_path / "instance", DATABASE_URL=address, MODELS_DIR=models, SECRET_KEY="k" * 40)
    (tmp_path / "instance").mkdir(exist_ok=True)
    app.extensions["engine"] = shared_engine
    yield app
    with app.app_context():
        db.engine.dispose()


def grown(app: Flask, first: str) -> None:
    """Fill the tables at a revision, go on to the newest one by one, and fill what each adds."""
    with app.app_context():
        pixels = app.extensions["image_store"].put(encode(synthetic.field(5, "leukemic", 224), "PNG"))
        for revision in REVISIONS[REVISIONS.index(first) :]:
            migrate(revision)
            with db.engine.connect() as connection:
                fill(connection, pixels)
                count_on(connection)
                connection.commit()
        migrate()


def count_on(connection: sa.Connection) -> None:
    """Let PostgreSQL number rows after those that `fill` has numbered itself; SQLite does so of its own accord."""
    if connection.dialect.name != "postgresql":
        return
    for table in sa.inspect(connection).get_table_names():
        quoted = connection.dialect.identifier_preparer.quote(table)
        columns = {column["name"]: column for column in sa.inspect(connection).get_columns(table)}
        if "id" in columns and isinstance(columns["id"]["type"], sa.Integer):
            connection.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence(:table, 'id'), max(id)) FROM {quoted} HAVING max(id) > 0"
                ),
                {"table": quoted},
            )


def test_the_list_of_revisions_is_whole() -> None:
    """A new migration is tried with rows too."""
    from app.database import MIGRATIONS

    assert sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py")) == REVISIONS


@pytest.mark.parametrize("first", REVISIONS)
def test_rows_of_any_age_survive(old_app: Flask, first: str) -> None:
    """Nothing stops at a table to which others point, and what was written is there under today's names."""
    grown(old_app, first)
    with old_app.app_context():
        review = db.session.scalars(sa.select(Review)).one()
        assert (review.kind, review.label, review.label_name) == ("label", "Pre", "Pre-B")
        assert db.session.scalars(sa.select(BlindReview)).one().blind_reading.state == "done"
        assert db.session.scalars(sa.select(Annotation)).one().kind == "label"
        detections = db.session.scalars(sa.select(Detections)).one()
        assert (detections.segmenter, detections.label_map_sha256) == ("finder 1", "")
        reading = db.session.scalars(sa.select(Reading)).one()
        assert (reading.outcome, reading.confidence, reading.probabilities) == ("unfamiliar", None, {})
        assert reading.detail.suggestion.reasons[0].code == "unfamiliar"
        case = db.session.scalars(sa.select(Case)).one()
        assert (case.unsure_count, case.unfamiliar_count, case.uncertainty) == (0, 1, 3)
        assert SmearReading.from_json(reading.result).suggestion.ood_score == 1.75


@pytest.mark.parametrize("first", ["0001", "0004"])
def test_the_pages_of_an_old_lab_open(old_app: Flask, first: str) -> None:
    """Worklist, case, reading, its pictures, cells, one cell, and the report that an old version signed."""
    grown(old_app, first)
    settings = old_app.config
    report_key.make(settings["REPORT_KEY_FILE"], settings["REPORT_CERTIFICATE_FILE"], "Lab")  # as `init` does
    with old_app.app_context(), writing() as session:
        lab = session.scalars(sa.select(Lab)).one()
        roles = [Role(name="admin", description="")]
        roles += session.scalars(sa.select(Role).where(Role.name == "clinician")).all()
        session.add(
            User(
                lab_id=lab.id,
                email="admin@lab.example",
                name="Admin",
                password=hash_password(PASSWORD),
                fs_uniquifier="f" * 32,
                must_change_password=False,
                roles=roles,
            )
        )
    someone = Someone(old_app, "admin")
    case, image, reading = f"/cases/{'c' * 32}", f"/cases/{'c' * 32}/images/{'i' * 32}", f"/readings/{'r' * 32}"
    pages = ["/", case, image, f"{case}/cells", f"{case}/cells/{'i' * 32}/1", f"{case}/cells/{'i' * 32}/sheet"]
    pages += [f"{reading}/views/mask", f"{case}/versions/1", f"{case}/versions/1/report.pdf"]
    pages += ["/audit/", "/models/", "/agreement", f"{case}/blind"]
    for page in pages:
        answer = someone.get(page)
        assert answer.status_code == (404 if page.endswith("/blind") else 200), (page, answer.status_code)
    assert someone.get(f"{reading}/overlay/Pre").status_code == 404  # it was refused as unfamiliar: there is no map
    assert "0.75" not in someone.get(image).text + someone.get(f"{case}/versions/1").text
    result = old_app.test_cli_runner().invoke(args=["maintenance"])
    assert result.exit_code == 0, result.output
    assert "Outlined: 1. Not readable: 0." in result.output
    with old_app.app_context():
        detections = db.session.scalars(sa.select(Detections)).one()
        assert detections.boxes == [[10, 10, 60, 60]]
        assert detections.label_map_sha256
    assert someone.get(f"{case}/cells/{'i' * 32}/1").status_code == 200
    again = old_app.test_cli_runner().invoke(args=["maintenance"])
    assert "Nothing is left to do" in again.output
