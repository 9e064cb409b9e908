"""Which files of a folder are pictures, and which lie there because a system or a device put them there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from smear.imaging.file_signatures import ARCHIVE, ARCHIVE_SUFFIX, HEAD, SUFFIXES, begins_as_picture, recognise

# What macOS, Windows, Synology and QNAP leave behind, in lower case; names that begin with a dot are hidden everywhere.
LEFT_BEHIND = frozenset({"__macosx", "@eadir", "#recycle", "$recycle.bin", "thumbs.db", "ehthumbs.db", "desktop.ini"})


def left_out(path: PurePath) -> bool:
    """Return whether a path, told from the folder that is walked, leads to or through what nobody put there."""
    return any(part.startswith(".") or part.lower() in LEFT_BEHIND for part in path.parts)


def pictures_in(folder: Path, archives: bool = False) -> Iterator[Path]:
    """Yield every picture in a folder and the folders in it, sorted: what is called so, or is one by its first bytes.

    archives: yield ZIP archives too. Hidden files are none.
    """
    for path in sorted(folder.rglob("*")):
        if not left_out(path.relative_to(folder)) and path.is_file() and _is_wanted(path, archives):
            yield path


def _is_wanted(path: Path, archives: bool) -> bool:
    if path.suffix.lower() in SUFFIXES | ({ARCHIVE_SUFFIX} if archives else set()):
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return begins_as_picture(head) or (archives and recognise(head) == ARCHIVE)
