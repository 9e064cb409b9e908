"""`classify --ray`: the same rows as by one process, with a worker that is killed half-way."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.conftest import ROOT
from tests.ray_workers import kill_one

pytestmark = pytest.mark.faults
COMMAND = [sys.executable, "-m", "flask", "--app", "wsgi", "classify", "--format", "csv"]
FIELDS = 60
AFTER = 12  # rows a worker is killed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of drawn fields, an archive of two, and a file that is none."""
    for seed in range(FIELDS):
        kind = ("leukemic", "sparse")[seed % 2]
        (tmp_path / f"{seed:03}.png").write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
    with zipfile.ZipFile(tmp_path / "pair.zip", "w") as archive:
        for seed in (0, 1):
            archive.write(tmp_path / f"{seed:03}.png", f"slide/{seed}.png")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    return tmp_path


def rows(lines: list[str]) -> list[dict[str, Any]]:
    """Return what was printed, but for how long each took."""
    return [{name: value for name, value in row.items() if name != "milliseconds"} for row in csv.DictReader(lines)]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="workers are found by /proc")
def test_a_killed_worker_changes_nothing(folder: Path) -> None:
    """Nothing is missing, nothing is there twice, and the order is that of the files."""
    files = [*sorted(folder.glob("*.png")), folder / "pair.zip", folder / "bad.jpg"]
    alone = subprocess.run([*COMMAND, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert alone.returncode == 1, alone.stderr
    expected = rows(alone.stdout.splitlines())
    assert len(expected) == FIELDS + 3
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    printed, killed = [], False
    with subprocess.Popen(
        [*COMMAND, "--ray", "local", *files], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as shared:
        assert shared.stdout
        for line in shared.stdout:
            printed.append(line)
            if len(printed) == AFTER:
                killed = kill_one(shared.pid)
    assert killed
    assert shared.returncode == 1
    assert rows(printed) == expected
