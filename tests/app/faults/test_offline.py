"""The server needs no network at run time, and writes nowhere but to its own folder: as its container has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import ROOT
from tests.conftest import skip_or_fail

# A network of its own without any interface, its own folder in memory, and every other file system read-only.
ALONE = r"""
mount -t tmpfs -o mode=700,noexec,nosuid,nodev tmpfs "$1"
awk '{print $2}' /proc/self/mounts | while read -r place; do
    case "$place" in "$1" | /dev* | /proc* | /sys*) ;; *) mount -o remount,bind,ro "$place" || true ;; esac
done
exec "$2" -m tests.app.faults.offline "$1"
"""
NAMESPACES = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--propagation", "private")


@pytest.fixture
def namespaces() -> tuple[str, ...]:
    """Return what starts a command in namespaces of its own, where the platform allows it."""
    if not shutil.which("unshare") or subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode:
        skip_or_fail("This platform gives no namespaces to whoever asks: use Linux, and allow user namespaces.")
    return NAMESPACES


def test_the_server_works_without_a_network_and_on_a_read_only_system(
    namespaces: tuple[str, ...], tmp_path: Path
) -> None:
    """From `init` over a picture that is read to the signed report."""
    done = subprocess.run(
        [*namespaces, "bash", "-c", ALONE, "bash", tmp_path, sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all of it\n")
    assert list(tmp_path.iterdir()) == []  # what was written was in memory
    assert "elemetry" not in done.stderr
    assert "client ID" not in done.stderr
