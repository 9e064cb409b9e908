"""The processes that work for a process by Ray, so that a test may kill one."""

from collections.abc import Iterator
from pathlib import Path


def workers_of(process: int) -> Iterator[int]:
    """Yield the processes that were begun by a process, or by those, and work for it."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue  # it has ended
        parents[int(status.parent.name)] = int(text.rsplit(")", 1)[1].split()[1])
    for one in parents:
        above = one
        while above in parents and above != process:
            above = parents[above]
        if above == process and (Path("/proc") / str(one) / "cmdline").read_bytes().startswith(b"ray::_Worker"):
            yield one
