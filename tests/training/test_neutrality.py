"""Training is neutral between Keras' backends, and its graphs hold nothing that a file could smuggle in."""

import ast

import pytest

from tests.conftest import ROOT

MODULES = sorted((ROOT / "training").rglob("*.py"))
BACKENDS = {"tensorflow", "jax", "torch"}


def imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_imports_a_backend_or_pickles(path):
    source = path.read_text(encoding="utf-8")
    assert not set(imported(source)) & {*BACKENDS, "pickle", "joblib", "dill"}
    assert "Lambda(" not in source


def test_the_guard_would_see_one():
    assert set(imported("def f():\n    import tensorflow as tf\n")) == {"tensorflow"}
    assert set(imported("from jax.numpy import sum")) == {"jax"}
