"""A data set drawn on the spot, small enough to train on in seconds."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.conftest import ROOT, skip_or_fail
from tests.drawn import LABELS
from training.__main__ import main

CASES = ROOT.parent / "shared" / "cases" / "folders"
TINY = (
    """
name = "tiny"
version = "0.1.0"
title = "A tiny network on drawings, for tests"
scope = "field"
architecture = "squeezenet"
input = { height = 64, width = 64 }
intended_use = "Tests."
licence = "Apache-2.0"
attribution = "Drawn."

[[preprocess]]
name = "median"

[[preprocess]]
name = "only_leukocytes"

[augmentation]
rotation = 10

[schedule]
epochs = 2
batch_size = 8
learning_rate = 1e-3
"""
    + LABELS
)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A folder with two class folders of 24 drawings and a manifest with six groups."""
    folder = tmp_path_factory.mktemp("drawn")
    lines = ["path,label,group,source"]
    for kind in ("leukemic", "sparse"):
        (folder / kind).mkdir()
        for seed in range(24):
            name = f"{kind}/{seed:02}.png"
            (folder / name).write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
            lines.append(f"{name},{kind},{kind}-{seed % 9},drawn")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The path of a recipe that trains in seconds from random weights."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained_run(drawn, tiny, tmp_path_factory):
    """A run with a fit and a grouped cross-validation in it, that nobody changes: it takes a minute."""
    folder = tmp_path_factory.mktemp("run")
    assert main(["fit", str(tiny), "--data", str(drawn), "--out", str(folder)]) == 0
    cross = ["crossval", str(tiny), "--data", str(drawn), "--out", str(folder), "--folds", "2"]
    assert main([*cross, "--protocol", "grouped"]) == 0
    return folder


@pytest.fixture(scope="module")
def run(trained_run, tmp_path_factory):
    """The same for a module of its own, which may add to it."""
    return Path(shutil.copytree(trained_run, tmp_path_factory.mktemp("own") / "run"))


@contextmanager
def uncompiled():
    """Run TensorFlow's functions as they are written: compiling a network takes longer than the few steps of a test."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture
def eagerly():
    """One test whose network is not compiled."""
    with uncompiled():
        yield


@pytest.fixture(scope="module")
def all_eagerly():
    """A module whose networks are not compiled, those of its fixtures neither."""
    with uncompiled():
        yield


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of small inputs that once failed."""
    if not CASES.is_dir():
        skip_or_fail("The small inputs that once failed are not here.")
    return CASES
