"""Files in a folder of this machine, written so that a crash leaves no half."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from app.storage.place import hashed

HALF = "half"  # folder of what is being written


class Folder:
    """A folder of files by their hash.

    floor: bytes of the disk that stay free, for the database and whoever signs in.
    """

    def __init__(self, root: Path, floor: int = 0) -> None:
        self.root, self.floor = root, floor

    def has_room(self, size: int = 0) -> bool:
        """Return whether so many bytes more leave the floor free."""
        there = next((path for path in (self.root, *self.root.parents) if path.is_dir()), self.root)
        return shutil.disk_usage(there).free - size >= self.floor

    def path(self, digest: str) -> Path:
        """Return the file of a hash; two letters of it name the folder, so that none grows too large."""
        return self.root / digest[:2] / f"{digest}.png"

    def read(self, digest: str) -> bytes:
        """Return a file; OSError where it cannot be read."""
        return self.path(digest).read_bytes()

    def write(self, digest: str, data: bytes) -> None:
        """Write a file; when this returns it is on the disk and whole. OSError (ENOSPC) where there is no room."""
        self._write([data], lambda: digest)

    def write_pieces(self, pieces: Iterable[bytes]) -> str:
        """Write a file that is too large to be held whole, as `write` does, and return its hash."""
        sha256 = hashlib.sha256()
        self._write(hashed(pieces, sha256), sha256.hexdigest)
        return sha256.hexdigest()

    def _write(self, pieces: Iterable[bytes], digest: Callable[[], str]) -> None:
        """Write pieces, whose hash is asked for when all are written."""
        half = self.root / HALF / secrets.token_hex(16)
        half.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with half.open("xb") as file:
                for piece in pieces:
                    if not self.has_room(len(piece)):
                        raise OSError(errno.ENOSPC, "the disk is full up to its floor")
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            path = self.path(digest())
            path.parent.mkdir(exist_ok=True, mode=0o700)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
        sync_folder(path.parent)

    def renew(self, digest: str, data: bytes) -> None:  # noqa: ARG002 - what a bucket needs
        """Let a file that is there be as young as if it had just been written; OSError where it is gone."""
        os.utime(self.path(digest))

    def sweep(self, used: Callable[[str], bool], oldest: datetime) -> Iterator[str]:
        """Remove the files that are older and not used, also what a crash left half; yield their names.

        A file that an upload takes up again in this very moment (`renew`) is put back: it is taken away by a rename
        first, and its age is looked at once more.
        """
        before = oldest.timestamp()
        for path in sorted(self.root.glob("*/*")):
            if not path.is_file() or path.stat().st_mtime > before:
                continue
            digest = path.stem
            if path == self.path(digest) and used(digest):
                continue
            aside = path.with_name(f".swept.{path.name}")
            path.rename(aside)
            if aside.stat().st_mtime > before and not path.exists():
                aside.rename(path)
                continue
            aside.unlink()
            yield path.name


def sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
