"""Passwords that were stolen elsewhere, from the list of Have I Been Pwned as a file: nothing is asked of a network.

The file is what its downloader writes: a line for each password, the SHA-1 of the password in hexadecimal, a colon and
how often it was seen, in the order of the hashes. It has tens of gigabytes, so that it is searched where it lies.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from app.config import SettingError

LINE = re.compile(rb"[0-9A-Fa-f]{40}:\d+\r?\n?")
LONGEST_LINE = 64  # bytes


def check(file: Path) -> None:
    """Raise SettingError where a file cannot be read or is no such list."""
    try:
        with file.open("rb") as lines:
            first = lines.readline(LONGEST_LINE)
    except OSError as error:
        raise SettingError(
            f"The list of breached passwords {file} cannot be read ({error.strerror}). Correct"
            " LEUKOLENS_BREACHED_PASSWORDS."
        ) from error
    if not LINE.fullmatch(first):
        raise SettingError(
            f"{file} is no list of breached passwords: a line is the SHA-1 of a password, a colon and a number, sorted"
            " by hash. Correct LEUKOLENS_BREACHED_PASSWORDS."
        )


def is_breached(password: str, file: Path) -> bool:
    """Return whether a password is in a list; OSError where the file cannot be read any more."""
    # The list is made so; nothing here rests on SHA-1 being hard to turn back.
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with file.open("rb") as lines:
        low, high = 0, lines.seek(0, 2)  # the line that is wanted begins in [low, high), if anywhere
        while low < high:
            middle = (low + high) // 2
            start, line = _line_from(lines, middle)
            digest = line[:40].upper()
            if digest == wanted:
                return True
            if not line or digest > wanted:
                high = middle
            else:
                low = start + len(line)
    return False


def _line_from(lines: BinaryIO, place: int) -> tuple[int, bytes]:
    """Return the first line that begins at a place or after it, and where it begins; b"" where none does."""
    lines.seek(max(0, place - 1))
    if place:
        lines.readline()  # the rest of the line before, or its end alone
    start = lines.tell()
    return start, lines.readline()
