"""Bytes to pixels and back: the only decoder in the project.

Whatever the bytes, `decode` returns a `Picture` or raises `ImageError` with a sentence fit to be shown.

What becomes of what is not plain 8-bit RGB:

* EXIF and TIFF orientation are applied.
* Colour profiles are applied: a picture is told in sRGB (`smear.imaging.colour_profile`).
* More than 8 bits per sample are scaled by the depth that the values use (`smear.imaging.bit_depth`).
* Alpha is laid over white, which is what an empty part of a bright field looks like (`smear.imaging.samples`).
* Palette, 1-bit, grey, CMYK, YCCK, YCbCr and LAB are converted to RGB.
* Of several pages the asked one is read and a note says so; `smear.imaging.containers` knows them all. Animations are
  refused: no one frame is the picture.
"""

from __future__ import annotations

import io
import math
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from smear.arrays import Array
from smear.imaging import file_signatures
from smear.imaging.formats import apart, jpeg, jpeg2000, png, png_rows, webp
from smear.imaging.formats.unpack import PAGED, unpack
from smear.imaging.picture import MAX_BYTES, MAX_PIXELS, ImageError, Picture

__all__ = ["MAX_BYTES", "ImageError", "Picture", "decode", "encode"]

_NOT_AN_IMAGE = (
    "This file is not an image. Choose a photograph of the smear as JPEG, PNG, TIFF, BMP, WebP, HEIC, AVIF, JPEG 2000"
    " or DICOM."
)
_ARCHIVE = "This is a ZIP archive. Unpack it and choose the pictures in it."

ORDINARY_PIXELS = 30_000_000  # up to which a usual JPEG or PNG is unpacked in this process: 300 MB, and a second
_HEADED = ("BMP", "TIFF")  # of which Pillow reads no more than the header to know the size
_ORDINARY_WORK = 10 * ORDINARY_PIXELS  # pixels that all passes of a JPEG go over


def decode(data: bytes, page: int = 0, most: int | None = None) -> Picture:
    """Read an image file; ImageError, and nothing else, whatever the bytes.

    page: of a TIFF or DICOM of several pictures the one to be read, from 0; most: bytes that a file may have, where it
    is one of our own; None for anybody's file, which may have MAX_BYTES.
    """
    if not data:
        raise ImageError("empty", "This file is empty. Choose the image again and upload it once more.")
    if len(data) > (MAX_BYTES if most is None else most):
        text = f"This file is larger than {(most or MAX_BYTES) // 2**20} MB. Save it as JPEG and upload it again."
        raise ImageError("too_many_bytes", text)
    kind = format_of(data)
    if most is not None or is_ordinary(data):
        return unpack(data, kind, page)
    return apart.unpack(data, kind, page)


def count(data: bytes) -> int:
    """Return how many pictures a file has, at most one more than MAX_PICTURES; ImageError where it is refused."""
    kind = file_signatures.recognise(data)
    return apart.count(data, kind) if kind in PAGED else 1


def is_ordinary(data: bytes) -> bool:
    """Return whether a file is bounded by what its first bytes declare, and unpacked here.

    Those are JPEG and PNG of 8 bits, of a usual size. The rest is unpacked in a process with bounds of its own.
    """
    kind = file_signatures.recognise(data)
    if kind == "PNG":
        return png.is_plain(data) and declared_pixels(data) <= ORDINARY_PIXELS
    frame = jpeg.frame(data) if kind == "JPEG" else None
    if frame is None or jpeg.is_special(frame):
        return False
    pixels = declared_pixels(data)
    return pixels <= ORDINARY_PIXELS and jpeg.passes(data) * pixels <= _ORDINARY_WORK


def declared_pixels(data: bytes) -> int:
    """Return how many pixels a file declares, without unpacking any; MAX_PIXELS where only unpacking would tell."""
    kind = file_signatures.recognise(data)
    try:
        if kind == "PNG":
            return math.prod(png.declared(data))
        if kind == "JPEG" and (frame := jpeg.frame(data)) is not None:
            return frame.width * frame.height
        if kind == "WEBP":
            return math.prod(webp.declared(data)) or MAX_PIXELS
        if kind == "JPEG 2000" and (stream := jpeg2000.header(data)) is not None:
            return stream.width * stream.height
        if kind in _HEADED:
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                return image.width * image.height
    except Exception:  # a damaged one
        return MAX_PIXELS
    return MAX_PIXELS


def format_of(data: bytes) -> str:
    """Return the accepted format that the bytes claim to be; anything else is refused by name where it has one."""
    kind = file_signatures.recognise(data)
    if kind in file_signatures.FORMATS:
        return kind
    if kind == file_signatures.ARCHIVE:
        raise ImageError("format_not_accepted", _ARCHIVE)
    if kind:
        raise ImageError("format_not_accepted", file_signatures.refusal(kind))
    raise ImageError("not_an_image", _NOT_AN_IMAGE)


def is_large(rgb: Array) -> bool:
    """Return whether a picture has more pixels than are ordinary: its PNG is not to be held whole beside it."""
    height, width = rgb.shape[:2]
    return bool(height * width > ORDINARY_PIXELS)


def encode(rgb: Array, format: Literal["PNG", "JPEG", "WEBP"] = "PNG", quality: int = 92) -> bytes:
    """Write uint8 RGB (H, W, 3) as a file without metadata. `quality` 1 to 100 is for JPEG and WEBP.

    Raises ValueError for another format or another kind of array.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    rgb = np.ascontiguousarray(rgb)
    if format == "PNG" and is_large(rgb):
        return b"".join(png_rows.pieces(rgb))
    if format == "PNG":  # run lengths of filtered rows: a third of Pillow's time, and smaller for a photograph
        options = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
        return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    file = io.BytesIO()
    if format == "JPEG":  # full colour resolution: the stain is the finding
        Image.fromarray(rgb).save(file, "JPEG", quality=quality, subsampling=0)
    elif format == "WEBP":
        Image.fromarray(rgb).save(file, "WEBP", quality=quality, method=2)
    else:
        raise ValueError(f"format must be one of PNG, JPEG, WEBP, not {format!r}")
    return file.getvalue()
