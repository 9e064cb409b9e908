"""An application whose lab types every cell at upload, with a bundle that has learnt nothing and suggests."""

from __future__ import annotations

import pytest
from flask import Flask


@pytest.fixture
def app(typing_app: Flask) -> Flask:
    """Return an application on which cells are typed at upload."""
    return typing_app
