"""Files that hold several pictures: the pages of a TIFF, the frames of a DICOM, the members of a ZIP archive.

Nothing is written to the disk, and of an archive one member at a time is unpacked. What an archive declares is believed
of no member beyond its own limit, and what would unpack to more than the limits is refused before anything is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from smear.imaging import file_signatures
from smear.imaging.decode import count, decode
from smear.imaging.field_of_view import framed
from smear.imaging.file_signatures import ARCHIVE, ARCHIVE_SUFFIX, DOCUMENTS, HEAD, SUFFIXES
from smear.imaging.folders import left_out
from smear.imaging.picture import MAX_BYTES, MAX_PICTURES, ImageError, Picture

MAX_UNPACKED = 512 * 2**20  # bytes of all pictures of an archive together
MAX_RATIO, FREE_OF_RATIO = 200, 16 * 2**20  # unpacked over packed; small archives may have any
MAX_MEMBERS = 10_000  # of any kind; more are a directory that takes long to list
_ENTRY = b"PK\x01\x02"  # begins each entry of an archive's directory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a bound
_LOCKED = 1  # bit of the flags

_AGAIN = "Pack the pictures again and upload the new archive."
_MANY = (
    f"This file holds more than {MAX_PICTURES} pictures."
    " Save the fields to be read as files of their own, or in several files, and upload those."
)


@dataclass(frozen=True)
class Enclosed:
    """One picture of a file, or what is wrong with it.

    name: of the file, or of the member of an archive without its folder; member: its whole name in the archive, else
    empty; page: from 0, None where the file has but one picture; data: the bytes of the file or of the member.
    """

    name: str
    data: bytes = b""
    member: str = ""
    page: int | None = None
    error: ImageError | None = None

    def decode(self) -> Picture:
        """Return the picture, cut to its round field of view if it has one; ImageError where it cannot be read."""
        if self.error is not None:
            raise self.error
        return framed(decode(self.data, self.page or 0))

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the bytes and, from the second page on, of the page's number, in hexadecimal."""
        digest = hashlib.sha256(self.data)
        if self.page:
            digest.update(f"page {self.page}".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Contents:
    """The pictures of a file, in order; `several` where it is an archive, or has more than one.

    names: of the members of an archive that are wanted, without folders; known before any is unpacked.
    """

    several: bool
    pictures: Iterator[Enclosed]
    names: tuple[str, ...] = ()


def open_file(data: bytes, name: str = "") -> Contents:
    """Return the pictures of a file, each of which may still turn out to be unreadable.

    ImageError for an archive that is damaged, unpacks to too much or holds no picture, and for more than MAX_PICTURES.
    A file that is no picture at all is the one thing it holds.
    """
    if file_signatures.recognise(data[:HEAD]) == ARCHIVE:
        if len(data) > MAX_BYTES:
            raise ImageError("too_many_bytes", f"This archive is larger than {MAX_BYTES // 2**20} MB. Split it in two.")
        archive, wanted = _members(data)
        pictures = (picture for info in wanted for picture in _of_member(archive, info))
        return Contents(True, _limited(pictures), tuple(_name(info) for info in wanted))
    pages = _pages(data)
    if pages > MAX_PICTURES:
        raise ImageError("too_many_pictures", _MANY)
    if pages < 2:
        return Contents(False, iter([Enclosed(name, data)]))
    return Contents(True, (Enclosed(name, data, page=page) for page in range(pages)))


def _pages(data: bytes) -> int:
    """Return how many pictures a file that is no archive has; 1 where it cannot be read, which `decode` explains."""
    if len(data) > MAX_BYTES:
        return 1
    try:
        return count(data)
    except ImageError:
        return 1


def _limited(pictures: Iterator[Enclosed]) -> Iterator[Enclosed]:
    """Stop after MAX_PICTURES with an error of its own: a member may have many pages."""
    for number, picture in enumerate(pictures):
        if number == MAX_PICTURES:
            yield Enclosed(picture.name, member=picture.member, error=ImageError("too_many_pictures", _MANY))
            return
        yield picture


def _members(data: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Return an archive, whose directory is checked now, and which of its members are pictures, in order."""
    if data.count(_ENTRY) > MAX_MEMBERS:
        raise ImageError("too_many_pictures", _MANY)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise _bad("This ZIP archive is damaged or incomplete.") from error
    names = {info.filename for info in archive.infolist()}
    if names & {"[Content_Types].xml", "mimetype"}:
        raise ImageError("format_not_accepted", file_signatures.refusal("an office document"))
    wanted = [info for info in archive.infolist() if _is_wanted(archive, info)]
    if not wanted:
        raise ImageError("no_pictures", "There is no picture in this ZIP archive. Choose one that holds pictures.")
    if len(wanted) > MAX_PICTURES:
        raise ImageError("too_many_pictures", _MANY)
    unpacked = sum(info.file_size for info in wanted)
    if unpacked > MAX_UNPACKED:
        raise _bad(f"This ZIP archive unpacks to more than {MAX_UNPACKED // 2**20} MB.", "Pack fewer pictures in it.")
    if unpacked > FREE_OF_RATIO and unpacked > MAX_RATIO * len(data):
        raise _bad(f"This ZIP archive unpacks to more than {MAX_RATIO} times its size, as no archive of pictures does.")
    return archive, sorted(wanted, key=lambda info: info.filename)


def _path(info: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(info.filename.replace("\\", "/"))


def _name(info: zipfile.ZipInfo) -> str:
    return _path(info).name or "?"


def _is_wanted(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Return whether a member is called as pictures and archives are, or is one by its first bytes.

    Of pictures that are not read, such as a camera's raw files, it is told why; documents beside them are left out.
    """
    path = _path(info)
    if info.is_dir() or left_out(PurePosixPath(*(part for part in path.parts if part != ".."))):
        return False
    if path.suffix.lower() in SUFFIXES | {ARCHIVE_SUFFIX}:
        return True
    if info.flag_bits & _LOCKED or info.compress_type not in _METHODS:
        return False
    try:
        with archive.open(info) as file:
            kind = file_signatures.recognise(file.read(HEAD))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, OSError, EOFError, RuntimeError):
        return False
    return bool(kind) and kind not in DOCUMENTS


def _of_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[Enclosed]:
    """Yield the pictures of one member."""
    path, name = _path(info), _name(info)
    try:
        data = _unpacked(archive, info, path)
        contents = open_file(data, name)
        for picture in contents.pictures:
            yield Enclosed(name, data, str(path), picture.page)
    except ImageError as error:
        yield Enclosed(name, member=str(path), error=error)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: PurePosixPath) -> bytes:
    if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
        raise _bad("This name leads out of the ZIP archive, as none of a picture does.")
    if info.flag_bits & _LOCKED:
        raise _bad("This file is locked with a password.", "Pack the pictures without one.")
    if info.compress_type not in _METHODS:
        raise _bad("This file is packed in a way that is not read here.", "Pack the pictures as ordinary ZIP.")
    if info.file_size > MAX_BYTES:
        text = f"This file is larger than {MAX_BYTES // 2**20} MB. Save it as JPEG and upload it again."
        raise ImageError("too_many_bytes", text)
    try:
        with archive.open(info) as file:
            data = file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, OSError, EOFError, RuntimeError) as error:
        raise _bad("This file of the ZIP archive is damaged.") from error
    if file_signatures.recognise(data) == ARCHIVE:
        raise _bad("This is a ZIP archive in a ZIP archive, which is not opened.", "Put all pictures into one archive.")
    return data


def _bad(what: str, step: str = _AGAIN) -> ImageError:
    """Return the error of an archive, or of a file in it."""
    return ImageError("bad_archive", f"{what} {step}")
