"""JPEG 2000: the file (.jp2) with its colour profile and transparency, and the bare codestream (.j2k)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np

from smear.arrays import Array
from smear.imaging.picture import Picture, check_memory, check_size, damaged, picture, unsupported
from smear.imaging.samples import Samples, to_rgb

_CODESTREAM = b"\xff\x4f\xff\x51"  # begins the stream, with the size of its picture
_HEAD = 2**16  # bytes of a file in which the stream begins, but for profiles
_HEADER_BOX, _BOXES = b"jp2h", 64
_ENUMERATED, _PROFILES = 1, (2, 3)  # methods by which colours are told
_READ_COLOURS = (16, 17, 18)  # sRGB, grey, sYCC: as they come out of the decoder
_OPACITY, _PREMULTIPLIED = 1, 2  # types of channels
_UNPACKED = 4  # bytes of a sample while it is unpacked

SUBSAMPLED = "Its colours are kept at a lower resolution than its light, which is not read here of JPEG 2000."


@dataclass(frozen=True)
class Header:
    """What a codestream says of its picture: size, and bits of each component's samples.

    signed, subsampled: whether a component has signed samples, or fewer than there are pixels.
    """

    width: int
    height: int
    bits: tuple[int, ...]
    signed: bool
    subsampled: bool


@dataclass
class _Colours:
    profile: bytes = b""
    alpha: int | None = None  # the channel
    premultiplied: bool = False


def header(data: bytes) -> Header | None:
    """Return the header of the first codestream in bytes; None where there is none."""
    place = data.find(_CODESTREAM)
    if place < 0 or place + 42 > len(data):
        return None
    right, bottom, left, top = (int.from_bytes(data[place + i : place + i + 4], "big") for i in (8, 12, 16, 20))
    count = int.from_bytes(data[place + 40 : place + 42], "big")
    components = data[place + 42 : place + 42 + 3 * count]
    depths, steps = components[::3], components[1::3] + components[2::3]
    bits = tuple((depth & 0x7F) + 1 for depth in depths)
    return Header(
        right - left, bottom - top, bits, any(depth & 0x80 for depth in depths), any(step != 1 for step in steps)
    )


def read(data: bytes) -> Picture:
    """Read a JPEG 2000 file or codestream."""
    stream = header(data)
    if stream is None or not stream.bits:
        raise damaged("JPEG 2000")
    colours = _colours(data)
    depth = max(stream.bits)
    if stream.subsampled:
        raise unsupported("JPEG 2000", SUBSAMPLED)
    if stream.signed or depth > 16 or len(set(stream.bits)) > 1 or len(stream.bits) > 4:
        raise unsupported("JPEG 2000")
    values = decode(data, stream)
    if values.dtype not in (np.uint8, np.uint16):
        raise unsupported("JPEG 2000")
    channels = 1 if values.shape[2] < 3 else 3
    alpha = None
    if colours.alpha is not None and channels <= colours.alpha < values.shape[2]:
        alpha = np.ascontiguousarray(values[..., colours.alpha])
    values = np.ascontiguousarray(values[..., :channels])
    if depth < 8:
        values = np.rint(values * np.float32(255 / (2**depth - 1))).astype(np.uint8)
    # As for TIFF: of 9 to 15 bits the header tells, and 16 are what cameras write fewer into.
    known_depth = depth if 8 < depth < 16 else None
    rgb, notes = to_rgb(Samples(values, alpha, colours.premultiplied, known_depth, colours.profile))
    return picture(rgb, "JPEG 2000", notes)


def decode(data: bytes, stream: Header) -> Array:
    """Return the samples of a file or codestream with this header, (H, W, components); ImageError or RuntimeError."""
    check_size(stream.width, stream.height)
    samples = stream.width * stream.height * len(stream.bits)
    check_memory(samples * (_UNPACKED + 2 * (1 + (max(stream.bits) > 8))))
    values: Array = imagecodecs.jpeg2k_decode(data, numthreads=1)
    return values.reshape(*values.shape[:2], -1)


def _colours(data: bytes) -> _Colours:
    """Return what the boxes around the codestream say; ImageError for colours that are not read."""
    colours = _Colours()
    if data.startswith(_CODESTREAM):
        return colours
    inside = next((body for name, body in _boxes(data) if name == _HEADER_BOX), b"")
    colours_read = False
    for name, body in _boxes(inside):
        if name == b"colr" and not colours_read:
            colours_read = True
            if body[:1] == bytes([_ENUMERATED]) and int.from_bytes(body[3:7], "big") not in _READ_COLOURS:
                raise unsupported("JPEG 2000", "This JPEG 2000 image has colours that are not read here.")
            colours.profile = body[3:] if body[:1] and body[0] in _PROFILES else b""
        if name == b"cdef":
            for place in range(2, len(body) - 5, 6):
                channel, kind = (int.from_bytes(body[place + i : place + i + 2], "big") for i in (0, 2))
                if kind in (_OPACITY, _PREMULTIPLIED):
                    colours.alpha, colours.premultiplied = channel, kind == _PREMULTIPLIED
    return colours


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each box, until they end or are none."""
    place = 0
    for _ in range(_BOXES):
        length, name, head = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        elif length == 0:
            length = len(data) - place
        if length < head or place + length > len(data):
            return
        yield name, data[place + head : place + length]
        place += length
