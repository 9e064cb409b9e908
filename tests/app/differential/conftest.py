"""An application whose lab types every cell at upload, with a bundle that has learnt nothing and suggests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.inference.engine import Engine
from tests.app.conftest import BUNDLE
from tests.conftest import CELL_BUNDLE


@pytest.fixture(scope="package")
def cell_engine(cell_models: Path) -> Iterator[Engine]:
    """Return an engine with the shipped field bundle and one for cells."""
    engine = Engine(cell_models, 64)
    engine.start([BUNDLE])
    engine.load(CELL_BUNDLE)
    yield engine
    engine.stop()


@pytest.fixture
def app(make_app: Callable[..., Flask], cell_models: Path, cell_engine: Engine) -> Flask:
    """Return an application on which cells are typed at upload."""
    made = make_app(MODELS_DIR=cell_models, DEFAULT_CELL_BUNDLE=CELL_BUNDLE)
    made.extensions["engine"] = cell_engine
    return made
