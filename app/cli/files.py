"""Files named on the command line: which they are, and what is in them, or a sentence why it is not read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from smear.imaging import containers, file_signatures
from smear.imaging.containers import Enclosed
from smear.imaging.decode import MAX_BYTES, ImageError
from smear.imaging.folders import pictures_in

_SEVERAL = frozenset({"TIFF", "DICOM", file_signatures.ARCHIVE})  # kinds that may hold more than one picture


@dataclass(frozen=True)
class Named:
    """One picture of a file that was named: `enclosed` where the file holds several, or could not be opened."""

    path: Path
    enclosed: Enclosed | None = None

    def read(self) -> Enclosed:
        """Return the picture with its bytes, which a file of one picture gives up only now; ImageError as it says."""
        enclosed = self.enclosed or Enclosed(self.path.name, read_bytes(self.path))
        if enclosed.error is not None:
            raise enclosed.error
        return enclosed

    @property
    def stem(self) -> str:
        """Return the picture's name without its suffix, with its page where there are several."""
        if self.enclosed is None:
            return self.path.stem
        stem = Path(self.enclosed.name).stem
        return stem if self.enclosed.page is None else f"{stem}-page{self.enclosed.page + 1}"

    @property
    def place(self) -> dict[str, str | int]:
        """Return which picture of a file of several this is: `member` of an archive, and `page` from 1."""
        if self.enclosed is None:
            return {}
        member = {"member": self.enclosed.member} if self.enclosed.member else {}
        return member | ({} if self.enclosed.page is None else {"page": self.enclosed.page + 1})


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the named files, and of folders every picture and archive of pictures, sorted."""
    for path in paths:
        if path.is_dir():
            yield from pictures_in(path, archives=True)
        else:
            yield path


def pictures_of(paths: Iterable[Path]) -> Iterator[Named]:
    """Yield every picture of files in order; one whose file cannot be opened says so when it is read."""
    for path in paths:
        try:
            if not _may_hold_several(path):
                yield Named(path)
                continue
            contents = containers.open_file(read_bytes(path), path.name)
        except ImageError as error:
            yield Named(path, Enclosed(path.name, error=error))
            continue
        for enclosed in contents.pictures:
            yield Named(path, enclosed)


def _may_hold_several(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file_signatures.recognise(file.read(file_signatures.HEAD)) in _SEVERAL
    except OSError:
        return False


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
