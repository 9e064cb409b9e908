"""BMP: by Pillow, with the colour profile that a header of version 5 may carry."""

from __future__ import annotations

import struct

from smear.imaging.formats.pillow import load, open_image
from smear.imaging.picture import Picture, picture, unsupported
from smear.imaging.samples import of_image

_FILE_HEADER, _VERSION_5 = 14, 124
_COLOUR_SPACE, _PROFILE_PLACE = 14 + 56, 14 + 112
_EMBEDDED = 0x4D424544  # "MBED"
_COMPRESSION, _JPEG_OR_PNG = 14 + 16, (4, 5)


def read(data: bytes) -> Picture:
    """Read a BMP file."""
    header = int.from_bytes(data[_FILE_HEADER : _FILE_HEADER + 4], "little")
    if header >= 40 and data[_COMPRESSION : _COMPRESSION + 4] in [n.to_bytes(4, "little") for n in _JPEG_OR_PNG]:
        raise unsupported("BMP")
    with open_image(data, "BMP") as image:
        load(image, "BMP")
        rgb, notes = of_image(image, _profile(data) if header >= _VERSION_5 else b"")
    return picture(rgb, "BMP", notes)


def _profile(data: bytes) -> bytes:
    if int.from_bytes(data[_COLOUR_SPACE : _COLOUR_SPACE + 4], "little") != _EMBEDDED:
        return b""
    place, length = struct.unpack_from("<II", data, _PROFILE_PLACE)
    return data[_FILE_HEADER + place : _FILE_HEADER + place + length]
