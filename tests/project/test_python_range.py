"""Which Pythons LeukoLens runs on is said the same everywhere, and said before anything is installed."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

SUPPORTED = ["3.11", "3.12", "3.13"]


# The tests may themselves have been started by make, which hands its options down.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_file_says_the_same_range():
    assert tomllib.loads(text("pyproject.toml"))["project"]["requires-python"] == ">=3.11,<3.14"
    assert re.search(r"^PYTHONS := (.+)$", text("Makefile"), re.MULTILINE)[1].split() == SUPPORTED
    assert "Python 3.11, 3.12 or 3.13" in text("Makefile")
    assert "Python 3.11, 3.12 or 3.13" in text("README.md")


def make(tmp_path: Path, target: str, python: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run make with an interpreter of its own and a folder for what it would install."""
    command = ["make", *options, target, f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)


def pretend(tmp_path: Path, version: str) -> str:
    """Write an interpreter that answers with its version whatever it is asked."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    python.chmod(0o755)
    return str(python)


@pytest.mark.parametrize("target", ["run", "test", "lint", "install"])
@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_another_python_ends_in_one_sentence_before_anything_is_installed(tmp_path, target, version):
    python = pretend(tmp_path, version)
    done = make(tmp_path, target, python)
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"LeukoLens runs on Python 3.11, 3.12 or 3.13, but {python} is {version}" in done.stderr
    assert "PYTHON=python3.12 make run" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_python_at_all_is_said_too(tmp_path):
    done = make(tmp_path, "run", str(tmp_path / "python3.12"))
    assert done.returncode != 0
    assert "python3.12 is not there" in done.stderr


def test_an_old_environment_is_looked_at_and_not_only_the_interpreter(tmp_path):
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    pretend(tmp_path / "venv" / "bin", "3.14")
    done = make(tmp_path, "run", pretend(tmp_path, "3.12"))
    assert done.returncode != 0
    assert "venv/bin/python is 3.14" in done.stderr


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_python_that_works_is_taken(tmp_path, version):
    done = make(tmp_path, "install", pretend(tmp_path, version), "--dry-run")
    assert done.returncode == 0
    assert "--require-hashes -r requirements.txt" in done.stdout
