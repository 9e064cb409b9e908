"""The peak of a process's own memory."""

import re
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
SELF = "self"  # in the place of a process's number
GIGABYTE = 2**20  # in kilobytes
needs_proc = pytest.mark.skipif(not STATUS.is_file(), reason="The peak of a process's memory is read from /proc.")


def peak() -> int:
    """Return the most memory that this process has held, in kilobytes.

    Not by getrusage: a process that was just started has the peak of the one that started it in its ru_maxrss.
    """
    return _told("VmHWM")


def anonymous(process: int | str = SELF) -> int:
    """Return how much memory a process holds now that is no file's, in kilobytes: the system cannot take it back."""
    return _told("RssAnon", process)


def _told(entry: str, process: int | str = SELF) -> int:
    found = re.search(rf"{entry}:\s*(\d+)", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1])
