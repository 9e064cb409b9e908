"""A lab with people in a database of its own for every test, and one real engine for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_security import hash_password
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import select

from app import create_app, security
from app.config import ROOT
from app.database import db, writing
from app.inference.engine import Engine
from app.records import Lab, Role, User, random_id
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from tests import postgres
from tests.app.steps import PASSWORD, Someone, review_all
from tests.conftest import CELL_BUNDLE, skip_or_fail

BUNDLE = "leukolens-field"
PEOPLE = {
    "admin": ("Our laboratory", ["admin", "clinician"]),
    "clinician": ("Our laboratory", ["clinician"]),
    "second": ("Our laboratory", ["clinician"]),
    "stranger": ("Another laboratory", ["clinician"]),
    "chief": ("Another laboratory", ["admin", "clinician"]),
}
# No cells are typed at upload but in the tests that are about it.
QUIET = {"DEFAULT_CELL_BUNDLE": ""}


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Let a password's hash cost next to nothing: what it is made of is not tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            security, "HASHING", {"argon2__time_cost": 1, "argon2__memory_cost": 64, "argon2__parallelism": 1}
        )
        yield


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
    prepare(create_app(INSTANCE_DIR=folder, MODELS_DIR=models))
    return folder


@pytest.fixture(scope="session")
def prepared_on_postgres(prepared: Path, models: Path) -> Iterator[str]:
    """Return the URL of the same lab on PostgreSQL, to be copied for each test."""
    with postgres.database() as url:
        prepare(create_app(INSTANCE_DIR=prepared, MODELS_DIR=models, DATABASE_URL=url))
        yield url


def prepare(app: Flask) -> None:
    """Make the lab and its people."""
    result = app.test_cli_runner().invoke(args=["init"])
    assert result.exit_code == 0, result.output
    with app.app_context(), writing() as session:
        first = session.scalars(select(User)).one()
        session.add(Lab(name="Another laboratory"))
        session.flush()
        for name, (lab, roles) in PEOPLE.items():
            user = first if name == "admin" else User(email=f"{name}@lab.example", fs_uniquifier=random_id())
            user.lab_id = session.scalars(select(Lab.id).where(Lab.name == lab)).one()
            user.name, user.password = name.capitalize(), hash_password(PASSWORD)
            user.must_change_password = False
            user.roles = list(session.scalars(select(Role).where(Role.name.in_(roles))))
            session.add(user)
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return where the records of a test are: "" for the file in its folder, or the URL of a database on PostgreSQL."""
    if not postgres.EVERYWHERE:
        yield ""
        return
    with postgres.database(request.getfixturevalue("prepared_on_postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Return what keeps templates compiled from one application to the next."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(
    tmp_path: Path,
    prepared: Path,
    models: Path,
    shared_engine: Engine,
    compiled_templates: FileSystemBytecodeCache,
    database_url: str,
) -> Iterator[Callable[..., Flask]]:
    """Return a maker of applications over one copy of the prepared lab."""
    instance = tmp_path / "instance"
    shutil.copytree(prepared, instance)
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        app = create_app(
            **{"INSTANCE_DIR": instance, "MODELS_DIR": models, "DATABASE_URL": database_url, **QUIET} | settings
        )
        app.extensions["engine"] = shared_engine
        app.jinja_env.bytecode_cache = compiled_templates
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["jobs"].stop()
        app.extensions["lab_jobs"].stop()
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Return the application with its default settings."""
    return make_app()


@pytest.fixture
def someone(app: Flask) -> Callable[..., Someone]:
    """Return a maker of browsers, signed in under a name where one is given."""
    return lambda name=None: Someone(app, name)


@pytest.fixture
def clinician(app: Flask) -> Someone:
    """Return a signed-in clinician."""
    return Someone(app, "clinician")


@pytest.fixture
def reviewed_case(clinician: Someone, field: bytes, blank: bytes) -> str:
    """Return a case with two images that are reviewed."""
    case = clinician.open_case("A-1")
    for data in (field, blank):
        clinician.upload(case, data)
    review_all(clinician, case)
    return case


@pytest.fixture(scope="session")
def field() -> bytes:
    """Return a drawn field with blasts, as PNG."""
    return encode(synthetic.field(7, "leukemic", 320), "PNG")


@pytest.fixture(scope="session")
def blank() -> bytes:
    """Return a drawn empty field, as PNG."""
    return encode(synthetic.field(7, "blank", 320), "PNG")


@pytest.fixture(scope="session")
def cell_engine(cell_models: Path) -> Iterator[Engine]:
    """Return an engine with the shipped field bundle and one for cells; it takes seconds to load."""
    engine = Engine(cell_models, 64)
    engine.start([BUNDLE])
    engine.load(CELL_BUNDLE)
    yield engine
    engine.stop()


@pytest.fixture
def typing_app(make_app: Callable[..., Flask], cell_models: Path, cell_engine: Engine) -> Flask:
    """Return an application on which cells are typed at upload."""
    made = make_app(MODELS_DIR=cell_models, DEFAULT_CELL_BUNDLE=CELL_BUNDLE)
    made.extensions["engine"] = cell_engine
    return made
