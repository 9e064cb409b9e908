"""JPEG in all its kinds: the usual ones by Pillow, JPEG-LS, lossless and 12-bit ones by imagecodecs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np
from PIL import Image

from smear.arrays import Array
from smear.imaging import colour_profile
from smear.imaging.formats.pillow import (
    INTEROPERABILITY,
    INTEROPERABILITY_INDEX,
    count_pages,
    load,
    open_image,
    orientation_of,
    profile_of,
)
from smear.imaging.memory import rooms
from smear.imaging.picture import MAX_PIXELS, ImageError, Picture, check_size, damaged, page_note, picture, unsupported
from smear.imaging.samples import Samples, of_image, to_rgb

_HUFFMAN = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
)  # frames that Pillow reads: baseline to progressive, arithmetic too
_LS = 0xF7
_SPECIAL = {0xC3: imagecodecs.jpegsof3_decode, _LS: imagecodecs.jpegls_decode}  # frames of lossless JPEG and JPEG-LS
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # a pass over the pixels begins; the picture ends
_NO_TRANSFORM = 0  # of Adobe's: the values are RGB
_MOST_SCANS, _MOST_WORK = 100, 12 * MAX_PIXELS  # passes; and pixels that all of them go over
_MOST_PER_BYTE = 2000  # pixels: no photograph packs better, and what says so takes its time to be found out
_FRAMES = frozenset({*range(0xC0, 0xD0), _LS}) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


@dataclass(frozen=True)
class Frame:
    """What a JPEG's frame header says: the kind of coding, bits of a sample, size in pixels, samples of a pixel."""

    kind: int
    bits: int
    width: int
    height: int
    components: int


def frame(data: bytes) -> Frame | None:
    """Return the frame header of a JPEG stream, None where there is none before the pixels."""
    for marker, place in _markers(data):
        if marker in _FRAMES:
            if place + 10 > len(data):
                return None
            height, width = (int.from_bytes(data[place + i : place + i + 2], "big") for i in (5, 7))
            return Frame(marker, data[place + 4], width, height, data[place + 9])
    return None


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker before the pixels, and where it stands; the last is that of the first pass over them."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker == 0xD9:
            return
        else:
            yield marker, place
            if marker == 0xDA:
                return
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")


def passes(data: bytes) -> int:
    """Return in how many passes over its pixels a JPEG is laid down. In the coded pixels the marker cannot stand."""
    return data.count(_SCAN)


def read(data: bytes) -> Picture:
    """Read a JPEG file."""
    header = frame(data)
    if header is not None:
        _check_scans(data, header)
    if header is not None and is_special(header):
        return _special(data, header)
    with open_image(data, "JPEG") as image:
        notes = [page_note(0, count_pages(image))]
        orientation = orientation_of(image)
        profile = profile_of(image) or _camera_profile(image)
        if image.mode == "RGB" and image.info.get("adobe_transform") != _NO_TRANSFORM:
            rgb, more = to_rgb(Samples(_plain(data, image.size), profile=profile))
        else:
            load(image, "JPEG")
            rgb, more = of_image(image, profile)
    return picture(rgb, "JPEG", notes + more, orientation)


def _plain(data: bytes, size: tuple[int, int]) -> Array:
    """Return the pixels of a usual JPEG in colour, at the price of little but themselves.

    The decoder fills with grey what is missing at the end, so that the end is looked for: in coded pixels its marker
    cannot stand.
    """
    begin = next((place for marker, place in _markers(data) if marker == _SCAN[1]), len(data))
    if data.find(_END, begin) < 0:
        raise damaged("JPEG")
    rgb = rooms.make(size[1], size[0])
    imagecodecs.jpeg8_decode(data, out=rgb)
    return rgb


def _check_scans(data: bytes, header: Frame) -> None:
    """Refuse a JPEG that is laid down in so many passes over its pixels that unpacking it takes minutes.

    Cameras and programs write a dozen at most.
    """
    check_size(header.width, header.height)
    scans = passes(data)
    if scans > _MOST_SCANS or scans * header.width * header.height > _MOST_WORK:
        raise ImageError(
            "too_many_scans",
            f"This JPEG is laid down in {scans} passes, which takes too long to unpack. Save it again as a usual JPEG.",
        )


def is_special(header: Frame) -> bool:
    """Return whether a JPEG is of a kind that Pillow does not read."""
    return not (header.kind in _HUFFMAN and header.bits == 8)


def decode(data: bytes, header: Frame) -> Array:
    """Return the samples of a JPEG stream of a special kind, uint8 or uint16 (H, W, 1 or 3); ImageError, else."""
    check_size(header.width, header.height)
    usual = header.kind in _HUFFMAN and header.bits in (8, 12)
    if header.components not in (1, 3) or not 2 <= header.bits <= 16 or not (usual or header.kind in _SPECIAL):
        raise unsupported("JPEG")
    if header.width * header.height > _MOST_PER_BYTE * len(data):
        raise damaged("JPEG")
    try:
        samples = imagecodecs.jpeg8_decode(data) if usual else _SPECIAL[header.kind](data)
    except RuntimeError as error:
        raise damaged("JPEG") from error
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.shape != (header.height, header.width, header.components) or samples.dtype not in (np.uint8, np.uint16):
        raise damaged("JPEG")
    return samples


def _special(data: bytes, header: Frame) -> Picture:
    samples = decode(data, header)
    if header.bits < 8:
        samples = np.rint(samples * (255 / (2**header.bits - 1))).astype(np.uint8)
    # Of 9 to 16 bits the header tells, except of 16, in which cameras write fewer.
    depth = header.bits if 8 < header.bits < 16 else None
    rgb, notes = to_rgb(Samples(samples, depth=depth))
    return picture(rgb, "JPEG", notes)


def _camera_profile(image: Image.Image) -> bytes:
    """Return Adobe RGB where EXIF names it (R03, by which cameras say so) and no profile is embedded."""
    try:
        named = image.getexif().get_ifd(INTEROPERABILITY).get(INTEROPERABILITY_INDEX, "")
    except Exception:  # damaged metadata is no reason to refuse the pixels
        return b""
    if str(named).rstrip("\0 ") != "R03":
        return b""
    primaries, gamma = colour_profile.ADOBE_RGB
    return colour_profile.profile_of(primaries, gamma)
