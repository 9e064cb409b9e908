"""The processes that work for a process by Ray, so that a test may kill one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROCESSES = Path("/proc")
WORKER = b"ray::_Worker"  # as Ray names it
AT_WORK = b"ray::_Worker.do"  # while it does a piece


def kill_one(process: int, name: bytes = WORKER) -> bool:
    """Kill one of the processes that work for a process; return whether there was one to kill."""
    for worker in _workers_of(process, name):
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            continue
        return True
    return False


def _workers_of(process: int, name: bytes) -> Iterator[int]:
    """Yield the processes of a name that were begun by a process, or by those. They come and go meanwhile."""
    parents: dict[int, int] = {}
    for folder in PROCESSES.glob("[0-9]*"):
        if text := _read(folder / "stat"):
            parents[int(folder.name)] = int(text.rsplit(b")", 1)[1].split()[1])
    for one in parents:
        above = one
        while above in parents and above != process:
            above = parents[above]
        if above == process and _read(PROCESSES / str(one) / "cmdline").startswith(name):
            yield one


def _read(file: Path) -> bytes:
    """Return what is in a file of a process, nothing where the process has ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
