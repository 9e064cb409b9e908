"""The one list of formats and their readers: bytes of a known kind in, a picture or an error out, in this process."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from smear.imaging.formats import bmp, dicom, heif, jpeg, jpeg2000, png, tiff, webp
from smear.imaging.picture import ImageError, Picture, damaged, no_such_page, too_many_pixels, too_much_memory

# Of these every file is one picture.
_SINGLE: dict[str, Callable[[bytes], Picture]] = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "BMP": bmp.read,
    "WEBP": webp.read,
    "JPEG 2000": jpeg2000.read,
    "HEIC": heif.read,
    "AVIF": heif.read_avif,
}
_PAGED: dict[str, Callable[[bytes, int], Picture]] = {"TIFF": tiff.read, "DICOM": dicom.read}
_COUNTS: dict[str, Callable[[bytes], int]] = {"TIFF": tiff.count, "DICOM": dicom.count}
PAGED = frozenset(_COUNTS)
_OUT_OF_MEMORY = ("memory", "alloc", "decoder error -9")  # the last is Pillow's number for it


def unpack(data: bytes, kind: str, page: int = 0) -> Picture:
    """Return a picture of a file of a kind, its pixels read-only; ImageError, and nothing else, whatever the bytes."""
    try:
        if kind in _PAGED:
            return _PAGED[kind](data, page)
        if page:
            raise no_such_page(page)
        return _SINGLE[kind](data)
    except ImageError as error:
        if _is_for_want_of_memory(error.__cause__):
            raise too_much_memory() from error
        raise
    except Image.DecompressionBombError as error:
        raise too_many_pixels() from error
    except Exception as error:  # decoders raise whatever a damaged file drives them to
        raise (too_much_memory() if _is_for_want_of_memory(error) else damaged(kind)) from error


def count(data: bytes, kind: str) -> int:
    """Return how many pictures a file of a kind of PAGED has; ImageError where it is refused."""
    return _COUNTS[kind](data)


def _is_for_want_of_memory(error: BaseException | None) -> bool:
    """Return whether a library met the limit of the process: each says so in its own words."""
    return isinstance(error, MemoryError) or any(word in str(error or "").lower() for word in _OUT_OF_MEMORY)
