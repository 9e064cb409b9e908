"""Files named on the command line: which they are, and what is in them, or a sentence why it is not read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from smear.imaging.decode import MAX_BYTES, ImageError
from smear.imaging.file_signatures import SUFFIXES


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the named files, and of folders every file with the suffix of an image, sorted."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                found for found in path.rglob("*") if found.suffix.lower() in SUFFIXES and found.is_file()
            )
        else:
            yield path


def read_bytes(path: Path) -> bytes:
    """Return what is in a file; ImageError where it is too large to be a picture or cannot be opened."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # and no more, however long: a device has no end
    except OSError as error:
        raise ImageError("cannot_open", f"This file cannot be opened: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise ImageError("too_many_bytes", f"This file is larger than {MAX_BYTES // 2**20} MB.")
    return data


def printable(path: Path) -> str:
    """Return a path as text that can be written anywhere; bytes that are no text become replacement signs."""
    return os.fsencode(path).decode(errors="replace")
