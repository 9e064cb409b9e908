"""WebP: by libwebp itself, because Pillow, which unpacks animations, takes seventeen bytes for a pixel."""

from __future__ import annotations

from collections.abc import Iterator

import imagecodecs
from PIL import Image

from smear.imaging.formats.pillow import ORIENTATION
from smear.imaging.memory import rooms
from smear.imaging.picture import Picture, animated, check_memory, check_size, damaged, picture
from smear.imaging.samples import Samples, of_image, to_rgb

_ANIMATED, _ALPHA = 0x02, 0x10  # flags of the extended header
_CHUNKS = 1000
_LOSSLESS = 4  # bytes of a pixel while it is unpacked, beside the picture


def declared(data: bytes) -> tuple[int, int]:
    """Return the width and height that a WebP declares, 0 where it is damaged."""
    for name, body in _walk(data):
        if name == b"VP8X" and len(body) >= 10:
            return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        if name == b"VP8L" and len(body) >= 5:
            bits = int.from_bytes(body[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if name == b"VP8 " and len(body) >= 10:
            return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return 0, 0


def read(data: bytes) -> Picture:
    """Read a WebP file."""
    chunks: dict[bytes, bytes] = {}
    for name, body in _walk(data):
        chunks.setdefault(name, body)
    flags = chunks.get(b"VP8X", b"\0")[0]
    if flags & _ANIMATED or b"ANIM" in chunks:
        raise animated()
    width, height = declared(data)
    if not width or not height:
        raise damaged("WEBP")
    check_size(width, height)
    lossless = chunks.get(b"VP8L", b"")
    alpha = bool(flags & _ALPHA) or (len(lossless) >= 5 and bool(lossless[4] & 0x10))
    profile = chunks.get(b"ICCP", b"")
    if alpha:  # the picture with its alpha, in Pillow, and laid over white
        check_memory(width * height * (4 + 4 + 3))
        rgb, notes = of_image(Image.fromarray(imagecodecs.webp_decode(data, hasalpha=True)), profile)
    else:
        check_memory(width * height * (3 + _LOSSLESS * bool(lossless)))
        rgb = rooms.make(height, width)
        imagecodecs.webp_decode(data, hasalpha=False, out=rgb)
        rgb, notes = to_rgb(Samples(rgb, profile=profile))
    return picture(rgb, "WEBP", notes, _orientation(chunks.get(b"EXIF", b"")))


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk; the last may be shorter than it says."""
    place = 12
    for _ in range(_CHUNKS):
        if place + 8 > len(data):
            return
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        yield data[place : place + 4], data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _orientation(exif: bytes) -> int:
    try:
        tags = Image.Exif()
        tags.load(exif)
        return int(tags.get(ORIENTATION, 1))
    except Exception:  # damaged metadata is no reason to refuse the pixels
        return 1
