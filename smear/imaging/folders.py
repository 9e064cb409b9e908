"""Which files of a folder are pictures, and which lie there because a system or a device put them there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from smear.imaging.file_signatures import SUFFIXES

# What macOS, Windows, Synology and QNAP leave behind, in lower case; names that begin with a dot are hidden everywhere.
LEFT_BEHIND = frozenset({"__macosx", "@eadir", "#recycle", "$recycle.bin", "thumbs.db", "ehthumbs.db", "desktop.ini"})


def left_out(path: PurePath) -> bool:
    """Return whether a path, told from the folder that is walked, leads to or through what nobody put there."""
    return any(part.startswith(".") or part.lower() in LEFT_BEHIND for part in path.parts)


def pictures_in(folder: Path) -> Iterator[Path]:
    """Yield every file with the suffix of a picture in a folder and the folders in it, sorted; no hidden ones."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and not left_out(path.relative_to(folder)) and path.is_file():
            yield path
