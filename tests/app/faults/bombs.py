"""What an upload takes of the server: `python -m tests.app.faults.bombs [NAME...]` prints it of tests/data/bombs.py.

A process of its own takes each file in as a request does, with the whole program in it; its memory and that of the
processes that it began are looked at all the while, and what they share is counted once.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from app import create_app
from app.config import ROOT
from tests.app.conftest import prepare
from tests.app.faults.worker import person
from tests.data import bombs, pictures

SECONDS_BETWEEN = 0.1


class Taken(NamedTuple):
    """What one upload took: its status and sentence, seconds, seconds of computing, and bytes above rest."""

    name: str
    sent: int
    status: int
    text: str
    seconds: float
    computing: float
    memory: int


class Watch:
    """The most memory that this process and those below it had at once."""

    def __init__(self) -> None:
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN):
            self.most = max(self.most, used())

    @contextmanager
    def running(self) -> Iterator[Watch]:
        self.most = used()
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()


def family() -> list[int]:
    """Return this process and those that it began."""
    threads = Path("/proc/self/task").glob("*/children")
    return [os.getpid(), *(int(pid) for thread in threads for pid in thread.read_text().split())]


def used() -> int:
    """Return the bytes of memory that the family has: its share of what several processes have."""
    total = 0
    for pid in family():
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def computed() -> float:
    """Return the seconds that the family has computed."""
    ticks = 0
    for pid in family():
        try:
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def upload(settings: dict[str, str], names: list[str], told: Connection) -> None:
    """Take the files in one after the other, and tell of each what it took."""
    someone = person(settings, "clinician", reads=True)
    case = someone.open_case()
    for data in (pictures.suggested(), pictures.smear("TIFF")):  # so that everything is begun
        assert someone.upload(case, data).status_code == 201
    for name in names:
        data = bombs.MAKE[name]()
        rest, begun, computing = used(), time.perf_counter(), computed()
        with Watch().running() as watch:
            answer = someone.upload(case, data, "bomb")
        seconds, text = time.perf_counter() - begun, (answer.json or {}).get("error", "")
        sent = len(data)
        del data
        told.send(Taken(name, sent, answer.status_code, text, seconds, computed() - computing, watch.most - rest))
    told.close()


class _Printed:
    """In the place of a connection: a line of a table for what is told."""

    def send(self, taken: Taken) -> None:
        said = "read" if taken.status == 201 else taken.text.split(". ")[0]
        sys.stdout.write(
            f"| {taken.name} | {taken.sent / 2**20:.2f} | {taken.memory / 2**20:.0f} | {taken.computing:.1f}"
            f" | {taken.seconds:.1f} | {said} |\n"
        )
        sys.stdout.flush()

    def close(self) -> None:
        pass


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"INSTANCE_DIR": folder, "MODELS_DIR": str(ROOT / "models"), "DEFAULT_CELL_BUNDLE": ""}
        prepare(create_app(**chosen))
        wanted = [name for name in bombs.MAKE if not sys.argv[1:] or name in sys.argv[1:]]
        sys.stdout.write("| file | MB | memory above rest, MB | computing, s | by the clock, s | |\n")
        sys.stdout.write("|---|--:|--:|--:|--:|---|\n")
        upload(chosen, wanted, _Printed())  # type: ignore[arg-type]
