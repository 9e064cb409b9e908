"""What the readers of the formats leave to Pillow."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress

from PIL import Image

from smear.imaging.picture import MAX_PICTURES, check_size, unsupported

ORIENTATION, INTEROPERABILITY, INTEROPERABILITY_INDEX = 274, 0xA005, 1  # tags of EXIF
_WORDS_FOR_UNSUPPORTED = ("unsupported", "not supported", "unknown", "unrecognized", "cannot handle")


def open_image(data: bytes, kind: str) -> Image.Image:
    """Return a picture of one format, nothing of it unpacked; its size is checked. Raises what Pillow raises."""
    # Pillow warns of oddities that are handled or refused here. Adding a filter again does nothing, so unlike
    # `warnings.catch_warnings` this is safe when many threads decode at once.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    image = Image.open(io.BytesIO(data), formats=(kind,))
    try:
        check_size(*image.size)
    except BaseException:
        image.close()
        raise
    return image


def load(image: Image.Image, kind: str) -> None:
    """Unpack a picture; ImageError where the file is whole and of a kind that Pillow does not know."""
    try:
        image.load()
    except (OSError, SyntaxError, NotImplementedError) as error:
        if any(word in str(error).lower() for word in _WORDS_FOR_UNSUPPORTED):
            raise unsupported(kind) from error
        raise
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        raise unsupported(kind)


def profile_of(image: Image.Image) -> bytes:
    """Return the ICC profile that came with a picture; empty where there is none."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else b""


def orientation_of(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 where it says nothing that can be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged metadata is no reason to refuse the pixels
        return 1


def count_pages(image: Image.Image) -> int:
    """Return how many pages there are, at most one more than are read of a file, and stay on the first."""
    count = 1
    with suppress(Exception):  # EOFError after the last page; a damaged further page does not spoil the first
        while count <= MAX_PICTURES:
            image.seek(count)
            count += 1
    image.seek(0)
    return count
