"""A lab with people in a database of its own for every test, and one real engine for all of them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_security import hash_password
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from app.database import db, writing
from app.engine import Engine
from app.records import Lab, Role, User, random_id
from app.settings import ROOT
from smear import bundle, drawing
from smear.image import encode

from ..conftest import skip_or_fail

BUNDLE = "leukolens-field"
PASSWORD = "a quiet violet morning"
PEOPLE = {
    "admin": ("Our laboratory", ["admin", "clinician"]),
    "clinician": ("Our laboratory", ["clinician"]),
    "second": ("Our laboratory", ["clinician"]),
    "stranger": ("Another laboratory", ["clinician"]),
    "chief": ("Another laboratory", ["admin", "clinician"]),
}
ENOUGH = "100000 per minute"


@pytest.fixture(scope="session")
def models() -> Path:
    """Return the folder of the published bundles."""
    folder = Path(os.environ.get("LEUKOLENS_MODELS_DIR", ROOT / "models"))
    if BUNDLE not in bundle.names(folder):
        skip_or_fail(f"The bundle {BUNDLE} is not published.")
    return folder


@pytest.fixture(scope="session")
def shared_engine(models: Path) -> Iterator[Engine]:
    """Return an engine with the real bundle, loaded once."""
    engine = Engine(models, 64)
    engine.start([BUNDLE], others=False)
    engine.load(BUNDLE)
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """Return the folder of a lab with its people, to be copied for each test."""
    folder = tmp_path_factory.mktemp("prepared") / "instance"
    app = create_app(INSTANCE_DIR=folder, MODELS_DIR=models)
    result = app.test_cli_runner().invoke(args=["init"])
    assert result.exit_code == 0, result.output
    with app.app_context(), writing() as session:
        session.delete(session.scalars(select(User)).one())
        session.add(Lab(name="Another laboratory"))
        session.flush()
        for name, (lab, roles) in PEOPLE.items():
            session.add(
                User(
                    lab_id=session.scalars(select(Lab.id).where(Lab.name == lab)).one(),
                    email=f"{name}@lab.example",
                    name=name.capitalize(),
                    password=hash_password(PASSWORD),
                    fs_uniquifier=random_id(),
                    must_change_password=False,
                    roles=list(session.scalars(select(Role).where(Role.name.in_(roles)))),
                )
            )
    with app.app_context():
        db.engine.dispose()
    return folder


@pytest.fixture
def make_app(tmp_path: Path, prepared: Path, models: Path, shared_engine: Engine) -> Iterator[Callable[..., Flask]]:
    """Return a maker of applications over one copy of the prepared lab."""
    instance = tmp_path / "instance"
    shutil.copytree(prepared, instance)
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        app = create_app(**{"INSTANCE_DIR": instance, "MODELS_DIR": models, "SIGN_IN_LIMIT": ENOUGH} | settings)
        app.extensions["engine"] = shared_engine
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Return the application with its default settings."""
    return make_app()


class Someone:
    """A browser without script: it keeps cookies and sends the form token that the page gave it."""

    def __init__(self, app: Flask, name: str | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        if name:
            answer = self.sign_in(f"{name}@lab.example", PASSWORD)
            assert answer.status_code == 302, answer.text

    def token(self) -> str:
        """Return the form token of this browser's session."""
        page = self.client.get("/account/", follow_redirects=True).text
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found
        return found[1]

    def sign_in(self, address: str, password: str) -> TestResponse:
        """Sign in through the form."""
        return self.post("/sign-in", {"email": address, "password": password})

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, buffered=True, **kwargs)

    def post(self, path: str, data: dict[str, Any] | None = None, json: bool = False) -> TestResponse:
        """Send a form, as the page's script does it where `json` is set."""
        headers = {"X-CSRFToken": self.token()} | ({"Accept": "application/json"} if json else {})
        return self.client.post(
            path, data=data or {}, headers=headers, content_type="multipart/form-data", buffered=True
        )

    def open_case(self, accession: str = "A-1", **fields: str) -> str:
        """Open a case and return its identifier."""
        data = {"accession": accession, "specimen": "PB", "stain": "", "notes": "", "confirmed": "yes"} | fields
        answer = self.post("/cases/new", data, json=True)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def upload(self, case: str, data: bytes, name: str = "field.png") -> TestResponse:
        """Send one file as the page's script does."""
        return self.post(f"/cases/{case}/images", {"image": (BytesIO(data), name)}, json=True)


@pytest.fixture
def someone(app: Flask) -> Callable[..., Someone]:
    """Return a maker of browsers, signed in under a name where one is given."""
    return lambda name=None: Someone(app, name)


@pytest.fixture
def clinician(app: Flask) -> Someone:
    """Return a signed-in clinician."""
    return Someone(app, "clinician")


@pytest.fixture(scope="session")
def field() -> bytes:
    """Return a drawn field with blasts, as PNG."""
    return encode(drawing.field(7, "leukemic", 320), "PNG")


@pytest.fixture(scope="session")
def blank() -> bytes:
    """Return a drawn empty field, as PNG."""
    return encode(drawing.field(7, "blank", 320), "PNG")
