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
from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from smear.arrays import Array
from smear.imaging import file_signatures
from smear.imaging.formats import bmp, dicom, heif, jpeg, pillow, png, tiff
from smear.imaging.picture import MAX_BYTES, MAX_PIXELS, ImageError, Picture, damaged, no_such_page, too_many_pixels

__all__ = ["MAX_BYTES", "ImageError", "Picture", "decode", "encode"]

_NOT_AN_IMAGE = (
    "This file is not an image. Choose a photograph of the smear as JPEG, PNG, TIFF, BMP, WebP, HEIC, AVIF or DICOM."
)
_ARCHIVE = "This is a ZIP archive. Unpack it and choose the pictures in it."

# Of these every file is one picture.
_SINGLE: dict[str, Callable[[bytes], Picture]] = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "BMP": bmp.read,
    "WEBP": lambda data: pillow.read(data, "WEBP"),
    "HEIC": heif.read,
    "AVIF": heif.read_avif,
}
_PAGED: dict[str, Callable[[bytes, int], Picture]] = {"TIFF": tiff.read, "DICOM": dicom.read}


def decode(data: bytes, page: int = 0, most: int | None = None) -> Picture:
    """Read an image file; ImageError, and nothing else, whatever the bytes.

    page: of a TIFF or DICOM of several pictures the one to be read, from 0; most: bytes that a file may have, None for
    MAX_BYTES.
    """
    if not data:
        raise ImageError("empty", "This file is empty. Choose the image again and upload it once more.")
    most = MAX_BYTES if most is None else most
    if len(data) > most:
        text = f"This file is larger than {most // 2**20} MB. Save it as JPEG and upload it again."
        raise ImageError("too_many_bytes", text)
    kind = format_of(data)
    try:
        if kind in _PAGED:
            return _PAGED[kind](data, page)
        if page:
            raise no_such_page(page)
        return _SINGLE[kind](data)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise too_many_pixels() from error
    except Exception as error:  # decoders raise whatever a damaged file drives them to
        raise damaged(kind) from error


def declared_pixels(data: bytes) -> int:
    """Return how many pixels a file declares, without unpacking any; MAX_PIXELS where only unpacking would tell."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.width * image.height
    except Exception:  # no file that Pillow knows, or a damaged one
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


def encode(rgb: Array, format: Literal["PNG", "JPEG", "WEBP"] = "PNG", quality: int = 92) -> bytes:
    """Write uint8 RGB (H, W, 3) as a file without metadata. `quality` 1 to 100 is for JPEG and WEBP.

    Raises ValueError for another format or another kind of array.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    rgb = np.ascontiguousarray(rgb)
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
