"""What comes of a file: a picture, or an error with a sentence; and the limits that hold for every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smear.arrays import Array
from smear.imaging.memory import moved
from smear.sentence import SentenceError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 120_000_000
MAX_SAMPLE_BYTES = 4 * MAX_PIXELS  # as a file keeps its samples: of 16 bits there are fewer pixels
MEMORY = 560 * 2**20  # bytes that unpacking one picture may take, its file and what becomes of it included
MIN_SIDE = 16
MAX_SIDE = 30_000
MAX_PICTURES = 100  # in one file: pages, frames, members

TURNS: dict[int, Callable[[Array], Array]] = {  # by orientation of EXIF and TIFF: what brings the picture upright
    2: lambda rgb: rgb[:, ::-1],
    3: lambda rgb: rgb[::-1, ::-1],
    4: lambda rgb: rgb[::-1],
    5: lambda rgb: rgb.transpose(1, 0, 2),
    6: lambda rgb: np.rot90(rgb, -1),
    7: lambda rgb: rgb[::-1, ::-1].transpose(1, 0, 2),
    8: lambda rgb: np.rot90(rgb, 1),
}
_UNDONE_BY = {6: 8, 8: 6}  # the others by themselves
_ON_THE_SIDE = (5, 6, 7, 8)

_TOO_LARGE = (
    f"This picture has more than {MAX_PIXELS // 1_000_000} million pixels or a side over {MAX_SIDE}."
    " Cut out the field to be read and upload that."
)

_TOO_DEEP = (
    "This picture is too large for samples of 16 bits. Save it with 8 bits a sample, or cut out the field to be read,"
    " and upload that."
)

_TOO_MUCH_MEMORY = (
    "This picture takes too much memory to unpack. Save it as a usual JPEG or as PNG of 8 bits, or cut out the field to"
    " be read, and upload that."
)


class ImageError(SentenceError):
    """A file that is not read. `code` is for programs, `text` is one plain sentence or two for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Let it travel from a process to another."""
        return type(self), (self.code, self.text)


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    `rgb` is uint8 (H, W, 3), contiguous and read-only; `notes` are sentences on what was changed in reading.
    """

    rgb: Array
    format: str
    notes: tuple[str, ...] = ()


def picture(rgb: Array, kind: str, notes: list[str], orientation: int = 1) -> Picture:
    """Return a picture brought upright from the orientation that its file names; empty notes are left out.

    Nobody may use `rgb` afterwards.
    """
    if orientation in TURNS:
        shape = rgb.shape[1::-1] if orientation in _ON_THE_SIDE else rgb.shape[:2]
        rgb = moved(rgb, TURNS[_UNDONE_BY.get(orientation, orientation)], shape)
    rgb = np.ascontiguousarray(rgb)
    rgb.setflags(write=False)
    return Picture(rgb, kind, tuple(note for note in notes if note))


def check_size(width: int, height: int, of_a_pixel: int = 1) -> None:
    """Raise ImageError before any pixel is unpacked: 20 kB of PNG can declare gigabytes.

    of_a_pixel: bytes of its samples as the file keeps them, where that is known.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise too_many_pixels()
    if width * height * of_a_pixel > MAX_SAMPLE_BYTES:
        raise ImageError("too_many_pixels", _TOO_DEEP)
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            "too_small",
            f"This picture is only {width} x {height} pixels. Upload the whole field as the camera took it.",
        )


def too_many_pixels() -> ImageError:
    """Return the error of a picture that is too large."""
    return ImageError("too_many_pixels", _TOO_LARGE)


def check_memory(needed: int) -> None:
    """Raise ImageError where unpacking needs more bytes than there are: not every library says so when it gets none."""
    if needed > MEMORY:
        raise too_much_memory()


def too_much_memory() -> ImageError:
    """Return the error of a picture that takes more memory than any may have."""
    return ImageError("too_much_memory", _TOO_MUCH_MEMORY)


def damaged(kind: str) -> ImageError:
    """Return the error of a file that ends too early or contradicts itself."""
    return ImageError(
        "truncated", f"This {kind} file is damaged or incomplete. Export it again and upload the new file."
    )


def unsupported(kind: str, why: str = "") -> ImageError:
    """Return the error of a whole file of a kind that is not read; why: a sentence on what it holds."""
    what = why or f"This kind of {kind} file is not read here."
    return ImageError("unsupported_mode", f"{what} Save it as 8-bit RGB and upload it again.")


def animated(what: str = "This is an animation.") -> ImageError:
    """Return the error of a file whose pictures are moments of one film: no one of them is the picture."""
    return ImageError("animated", f"{what} Save the one picture to be read as PNG and upload it again.")


def no_such_page(page: int) -> ImageError:
    """Return the error of a page, from 0, that the file does not have."""
    return ImageError("no_such_page", f"This file has no page {page + 1}. Choose one that it has.")


def page_note(page: int, count: int) -> str:
    """Say which page, from 0, was read of how many; nothing where there is but one."""
    if count < 2:
        return ""
    many = f"more than {MAX_PICTURES}" if count > MAX_PICTURES else str(count)
    return f"Page {page + 1} of {many} was read."
