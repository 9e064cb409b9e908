"""TIFF: plain 8-bit pages by Pillow, everything else that a microscope or a camera writes by tifffile."""

from __future__ import annotations

import io
import logging
from contextlib import suppress

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from smear.arrays import Array
from smear.imaging import bit_depth
from smear.imaging.bit_depth import depth_of
from smear.imaging.formats import jpeg, jpeg2000
from smear.imaging.formats.pillow import load, open_image, profile_of
from smear.imaging.formats.tiff_pages import Field, fields_of
from smear.imaging.picture import (
    ImageError,
    Picture,
    check_size,
    damaged,
    no_such_page,
    page_note,
    picture,
    unsupported,
)
from smear.imaging.samples import Samples, of_image, to_rgb

_ORIENTATION, _SAMPLE_FORMAT, _PROFILE = 274, 339, 34675
_UNSIGNED, _SIGNED, _FLOAT, _COMPLEX = 1, 2, 3, (5, 6)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_PREMULTIPLIED, _ALPHA = 1, 2  # kinds of extra samples; any other is no alpha
_BY_PILLOW = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946})
_JPEG, _JPEG_XR = frozenset({6, 7, 33007}), frozenset({34934})
_JPEG_2000 = frozenset({33003, 33004, 33005, 34712})  # by Aperio in YCbCr, and in RGB; by others
_YCBCR_JPEG_2000, _RGB_JPEG_2000, _WEBP, _JPEG_XL = 33003, 33005, 50001, frozenset({50002, 52546})
_BY_TIFFFILE = frozenset({1, 5, 8, 32773, 32946, 34925, 50000, _WEBP}) | _JPEG | _JPEG_2000 | _JPEG_XR | _JPEG_XL
_GIVING_RGB = _JPEG | _JPEG_XL | {_YCBCR_JPEG_2000, _RGB_JPEG_2000, _WEBP}  # whatever the photometric tag says
_COMPONENTS = 8  # of a pixel, at most

_FLOATS = "This TIFF holds floating-point values. Save it with 8 or 16 bits per sample and upload it again."
_SIGNED_WORDS = "This TIFF holds signed values, whose black and white nobody can tell."
_JOINED = "Its three channels were read as red, green and blue."

# What it says of damaged files may quote their texts, and people's names stand in those.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


def read(data: bytes, page: int = 0) -> Picture:
    """Read one picture of a TIFF, from 0."""
    try:
        tif = TiffFile(io.BytesIO(data), _multifile=False)  # a description cannot name other files of this machine
    except Exception as error:  # whatever a damaged file drives it to
        raise damaged("TIFF") from error
    with tif:
        fields = fields_of(tif)
        if not fields:
            raise damaged("TIFF")
        if page >= len(fields):
            raise no_such_page(page)
        chosen = fields[page]
        for channel_page in chosen:
            _check(channel_page)
        notes = [page_note(page, len(fields))]
        first = chosen[0]
        if len(chosen) == 1 and len(first.treeindex) == 1 and _is_plain(tif, first):
            with suppress(UnidentifiedImageError):  # an arrangement of samples that Pillow does not know
                rgb, more = _plain(data, first.index)
                return picture(rgb, "TIFF", notes + more)  # turned already: Pillow does while loading
        rgb, more = _special(chosen, data)
        return picture(rgb, "TIFF", notes + more, _number(first, _ORIENTATION, 1))


def count(data: bytes) -> int:
    """Return how many pictures a TIFF has, at most one more than MAX_PICTURES; ImageError where it is refused."""
    try:
        with TiffFile(io.BytesIO(data), _multifile=False) as tif:
            return len(fields_of(tif))
    except ImageError:
        raise
    except Exception as error:
        raise damaged("TIFF") from error


def _check(page: TiffPage) -> None:
    """Raise ImageError before anything is unpacked: for values that are no colours, sizes and kinds not read."""
    formats = {int(value) for value in np.atleast_1d(page.tags.valueof(_SAMPLE_FORMAT, _UNSIGNED))}
    bits = max(int(value) for value in np.atleast_1d(page.bitspersample))
    if _FLOAT in formats or formats & set(_COMPLEX):
        raise ImageError("float_samples", _FLOATS)
    if _SIGNED in formats:
        raise unsupported("TIFF", _SIGNED_WORDS)
    if bits > 16:
        raise unsupported("TIFF", f"This TIFF has {bits} bits per sample; up to 16 are read.")
    check_size(page.imagewidth, page.imagelength, page.samplesperpixel * max(1, bits // 8))
    if page.imagedepth != 1 or page.samplesperpixel > _COMPONENTS:
        raise unsupported("TIFF")


def _is_plain(tif: TiffFile, page: TiffPage) -> bool:
    """Return whether Pillow reads a page as it is meant."""
    bits = max(int(value) for value in np.atleast_1d(page.bitspersample))
    return (
        bits <= 8
        and page.compression in _BY_PILLOW
        and (page.planarconfig or 1) == 1
        and not (tif.is_bigtiff and tif.byteorder == ">")
    )


def _plain(data: bytes, index: int) -> tuple[Array, list[str]]:
    with open_image(data, "TIFF") as image:
        if index:
            image.seek(index)
            check_size(*image.size)
        load(image, "TIFF")
        return of_image(image, profile_of(image))


def _special(pages: Field, data: bytes) -> tuple[Array, list[str]]:
    """Return pages that Pillow does not read, or the three channels of one field, as sRGB."""
    first = pages[0]
    profile = first.tags.valueof(_PROFILE, b"")
    profile = profile if isinstance(profile, bytes) else b""
    if len(pages) == 3:
        if any((page.shape, page.dtype, page.samplesperpixel) != (first.shape, first.dtype, 1) for page in pages):
            raise unsupported("TIFF")
        values = np.dstack([_unpacked(page, data)[..., 0] for page in pages])
        rgb, notes = to_rgb(Samples(values, depth=_depth(first), profile=profile))
        return rgb, [*notes, _JOINED]
    values = _unpacked(first, data)
    if first.photometric == _CMYK and values.shape[2] >= 4:
        inks, deep = values[..., :4], values.dtype == np.uint16
        bits = (_depth(first) or depth_of(inks)) if deep else 8
        eight = bit_depth.scaled(inks, bits) if deep else inks
        image = Image.frombytes("CMYK", (values.shape[1], values.shape[0]), np.ascontiguousarray(eight).tobytes())
        rgb, notes = of_image(image, profile)
        return rgb, [bit_depth.depth_note(bits), *notes] if deep else notes
    if first.photometric == _PALETTE and first.colormap is not None:
        return to_rgb(Samples(np.ascontiguousarray(first.colormap.T[values[..., 0]]), depth=16, profile=profile))
    if first.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        colours = 1
    elif first.photometric == _RGB or (first.photometric == _YCBCR and first.compression in _GIVING_RGB):
        colours = 3
    else:
        raise unsupported("TIFF")
    if values.shape[2] < colours:
        raise unsupported("TIFF")
    alpha, premultiplied = _alpha(first, values, colours)
    depth = _depth(first)
    values = values[..., :colours]
    if first.photometric == _WHITE_IS_ZERO:
        depth = depth or (depth_of(values) if values.dtype == np.uint16 else 8)
        values = (2**depth - 1 - np.minimum(values, 2**depth - 1)).astype(values.dtype)
    return to_rgb(Samples(np.ascontiguousarray(values), alpha, premultiplied, depth, profile))


def _unpacked(page: TiffPage, data: bytes) -> Array:
    """Return the values of a page, uint8 or uint16 (H, W, samples)."""
    _check_segments(page, data)
    if page.compression in _GIVING_RGB - _JPEG:  # of what calls itself YCbCr tifffile refuses all but JPEG
        page.photometric = PHOTOMETRIC.RGB if page.photometric == _YCBCR else page.photometric
    try:
        values = page.asarray(squeeze=False, maxworkers=1)
    except NotImplementedError as error:
        raise unsupported("TIFF") from error
    if values.ndim != 5 or values.dtype.kind != "u" or values.dtype.itemsize > 2:
        raise unsupported("TIFF")
    values = values[:, 0]  # (planes, H, W, samples of a plane): one of the two is 1
    values = values[0] if len(values) == 1 else np.moveaxis(values[..., 0], 0, -1)
    if values.shape[:2] != (page.imagelength, page.imagewidth):
        raise damaged("TIFF")
    if page.compression == _YCBCR_JPEG_2000 and values.dtype == np.uint8 and values.shape[2] == 3:
        values = cv2.cvtColor(np.ascontiguousarray(values[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    bits = int(np.max(page.bitspersample))
    if bits < 8 and page.photometric != _PALETTE:  # whose values are numbers of colours
        values = (values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    return values


def _check_segments(page: TiffPage, data: bytes) -> None:
    """Raise ImageError where strips or tiles are missing, or hold pictures that are larger than they are."""
    if page.compression not in _BY_TIFFFILE:
        raise unsupported("TIFF", f"This TIFF is compressed in a way that is not read here ({page.compression}).")
    if page.predictor not in (1, 2):
        raise unsupported("TIFF", f"This TIFF is predicted in a way that is not read here ({page.predictor}).")
    if not page.dataoffsets or len(page.dataoffsets) != len(page.databytecounts):
        raise damaged("TIFF")
    most = 4 * max(page.tilewidth * page.tilelength, page.imagewidth * (page.rowsperstrip or page.imagelength), 2**16)
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        if not offset or not length or offset + length > len(data):
            raise damaged("TIFF")
        if page.compression in _JPEG | _JPEG_2000 | _JPEG_XR:
            width, height = _declared(data[offset : offset + length])
            if width * height > most:
                raise damaged("TIFF")


def _declared(segment: bytes) -> tuple[int, int]:
    """Return the width and height that an image in a strip or tile declares, 0 where it is of no known kind."""
    if segment.startswith(b"\xff\xd8"):
        frame = jpeg.frame(segment)
        return (frame.width, frame.height) if frame else (0, 0)
    stream = jpeg2000.header(segment)
    if stream is not None:
        if stream.subsampled:
            raise unsupported("TIFF", jpeg2000.SUBSAMPLED)
        return stream.width, stream.height
    if segment.startswith(b"II\xbc"):
        return _declared_jpeg_xr(segment)
    return 0, 0


def _declared_jpeg_xr(segment: bytes) -> tuple[int, int]:
    place = int.from_bytes(segment[4:8], "little")
    sides = {0xBC80: 0, 0xBC81: 0}
    for number in range(min(64, int.from_bytes(segment[place : place + 2], "little"))):
        entry = segment[place + 2 + 12 * number : place + 14 + 12 * number]
        tag, short = int.from_bytes(entry[:2], "little"), entry[2:4] == b"\3\0"
        if tag in sides:
            sides[tag] = int.from_bytes(entry[8 : 10 if short else 12], "little")
    return sides[0xBC80], sides[0xBC81]


def _alpha(page: TiffPage, values: Array, colours: int) -> tuple[Array | None, bool]:
    """Return the first extra sample that calls itself alpha, and whether the colours are told times it."""
    for number, kind in enumerate(page.extrasamples):
        if int(kind) in (_PREMULTIPLIED, _ALPHA) and colours + number < values.shape[2]:
            return np.ascontiguousarray(values[..., colours + number]), int(kind) == _PREMULTIPLIED
    return None, False


def _depth(page: TiffPage) -> int | None:
    """Return the bits of a page's samples where they are packed; 16 are what cameras write fewer into: None."""
    bits = int(np.max(page.bitspersample))
    return bits if 8 < bits < 16 else None


def _number(page: TiffPage, tag: int, default: int) -> int:
    try:
        return int(page.tags.valueof(tag, default))
    except (TypeError, ValueError):
        return default
