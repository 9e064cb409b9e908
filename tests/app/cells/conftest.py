"""What the tests of cells share: a case, and what its page offers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.inference.engine import Engine
from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.app.steps import Someone


@pytest.fixture
def reads(make_app: Callable[..., Flask], cell_models: Path, cell_engine: Engine) -> Flask:
    """Return an application on which a bundle reads single cells."""
    app = make_app(MODELS_DIR=cell_models)
    app.extensions["engine"] = cell_engine
    return app


@pytest.fixture
def case(clinician: Someone, field: bytes) -> str:
    """Return a case with two fields, on an application without a bundle for cells."""
    opened = clinician.open_case("A-1")
    for data in (field, encode(synthetic.field(8, "leukemic", 320), "PNG")):
        assert clinician.upload(opened, data).status_code == 201
    return opened


def keys(page: str) -> list[str]:
    """Return what a form would send of each cell on the page, in the order of the page."""
    return re.findall(r'checkbox" name="cell" value="([^"]+)"', page)
