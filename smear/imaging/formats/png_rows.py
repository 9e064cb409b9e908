"""PNG of large pictures, written a few rows at a time.

OpenCV copies a picture before it packs it and doubles its buffer until that is large enough: at 120 million pixels that
is a gigabyte and more. Here there is the picture, and the rows that are being packed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from smear.arrays import Array
from smear.imaging.memory import ROWS

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_RGB = bytes([8, 2, 0, 0, 0])  # with deflate, filters, and without interlacing
_LEFT = 1  # the filter that tells what a pixel differs by from the one before
_MEMORY = 9  # the most that zlib takes to be quick, some hundred kilobytes


def pieces(rgb: Array) -> Iterator[bytes]:
    """Yield the PNG of uint8 RGB (H, W, 3) piece by piece, packed as `decode.encode` packs smaller ones."""
    height, width = rgb.shape[:2]
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, _MEMORY, zlib.Z_RLE)
    yield _SIGNATURE + _chunk(b"IHDR", struct.pack(">II", width, height) + _EIGHT_BIT_RGB)
    for top in range(0, height, ROWS):
        rows = rgb[top : top + ROWS]
        filtered = np.empty((len(rows), 1 + 3 * width), np.uint8)
        filtered[:, 0] = _LEFT
        pixels = filtered[:, 1:].reshape(rows.shape)
        pixels[:, :1] = rows[:, :1]
        np.subtract(rows[:, 1:], rows[:, :-1], out=pixels[:, 1:])
        yield _chunk(b"IDAT", packer.compress(filtered.data))
    yield _chunk(b"IDAT", packer.flush()) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
