"""PNG: what is not pixels may be damaged or huge, and the picture is read all the same."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import imagecodecs
import numpy as np

from smear.arrays import Array
from smear.imaging import colour_profile
from smear.imaging.formats.pillow import open_image, orientation_of
from smear.imaging.memory import rooms
from smear.imaging.picture import Picture, animated, check_size, damaged, picture, unsupported
from smear.imaging.samples import Samples, of_image, to_rgb

_SIGNATURE = 8
_CHUNKS = 200_000  # more of them are made up: a picture of 64 MB has some thousands
_DEFLATE_RATIO = 1032  # a PNG that declares more pixels per byte than deflate can pack is damaged
_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_TEXT = 2**19  # bytes of a text that may tell the orientation
_XMP, _EXIF = b"XML:com.adobe.xmp\0\0\0", b"Raw profile type exif\0"  # how such texts begin
_SRGB_GAMMA = 45455  # times 100,000; everybody writes it for sRGB
_NEAR = 0.02

_EIGHT_BIT_RGB = b"\x08\x02"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples of a pixel by the header's colour type


@dataclass
class _Chunks:
    """The chunks of a file by name, first of each, and a PNG of those that matter to the pixels.

    orientation: whether there is one that may tell it.
    """

    png: bytes
    orientation: bool = False
    first: dict[bytes, bytes] = field(default_factory=dict)


def declared(data: bytes) -> tuple[int, int]:
    """Return the width and height that a PNG declares."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def is_plain(data: bytes) -> bool:
    """Return whether a PNG says that it is laid down row by row, with up to 8 bits a sample."""
    return data[24:25] <= b"\x08" and data[28:29] == b"\0"


def read(data: bytes) -> Picture:
    """Read a PNG file."""
    chunks = _sorted_out(data)
    header = chunks.first.get(b"IHDR", b"")
    if len(header) != 13:
        raise damaged("PNG")
    if b"CgBI" in chunks.first:  # what Xcode makes of PNG for telephones
        raise unsupported("PNG")
    width, height, bits = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big"), header[8]
    check_size(width, height, _CHANNELS.get(header[9], 1) * max(1, bits // 8))
    frames = chunks.first.get(b"acTL", b"\0\0\0\1")
    if int.from_bytes(frames[:4], "big") > 1:
        raise animated()
    with open_image(chunks.png, "PNG") as image:
        orientation = orientation_of(image) if chunks.orientation else 1  # Pillow unpacks the picture to tell it
        if width * height * bits > 8 * _DEFLATE_RATIO * len(data):
            raise damaged("PNG")
        profile, note = _profile(chunks.first)
        plain = _plain(chunks, height, width) if header[8:10] == _EIGHT_BIT_RGB and not header[12] else None
        if plain is not None:
            rgb, notes = to_rgb(Samples(plain, profile=profile))
        else:
            image.load()
            if bits <= 8:
                rgb, notes = of_image(image, profile)
    if bits > 8:  # Pillow, which keeps the high byte alone, has vouched for the file and given its memory back
        rgb, notes = to_rgb(_deep(chunks.png, chunks.first.get(b"tRNS", b""), profile))
    return picture(rgb, "PNG", [*notes, note], orientation)


def _plain(chunks: _Chunks, height: int, width: int) -> Array | None:
    """Return the pixels of a PNG of 8-bit RGB at the price of nothing but themselves; None where Pillow has to look."""
    if b"tRNS" in chunks.first:
        return None
    rgb = rooms.make(height, width)
    try:
        imagecodecs.png_decode(chunks.png, out=rgb)
    except (RuntimeError, ValueError):  # such as a wrong checksum of pixels
        return None
    return rgb


def _deep(png: bytes, transparent: bytes, profile: bytes) -> Samples:
    """Return the samples of a PNG of 16 bits; transparent: the one colour that is, as the file tells it, or empty."""
    plain = b"".join([png[:_SIGNATURE], *(chunk for name, chunk in _walk(png) if name in (b"IHDR", b"IDAT", b"IEND"))])
    stored = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        raise damaged("PNG")
    if stored.ndim == 2:
        values, alpha = stored[..., None], None
    else:
        alpha = stored[..., 3] if stored.shape[2] == 4 else None
        values = cv2.cvtColor(stored[..., :3], cv2.COLOR_BGR2RGB)
    if alpha is None and len(transparent) == 2 * values.shape[2]:
        opaque = (values != np.frombuffer(transparent, ">u2")).any(axis=2)
        alpha = np.where(opaque, 65535, 0).astype(np.uint16)
    return Samples(values, alpha, profile=profile)


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and bytes of each chunk, with length and checksum; the last may be shorter than it says."""
    place, count = _SIGNATURE, 0
    while place + 8 <= len(data):
        count += 1
        if count > _CHUNKS:
            raise damaged("PNG")
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        name = data[place + 4 : place + 8]
        yield name, data[place:end]
        if name == b"IEND":
            return
        place = end


def _sorted_out(data: bytes) -> _Chunks:
    """Leave out what is no part of the pixels: texts of megabytes, and ancillary chunks whose checksum is wrong."""
    pieces, chunks, length = [data[:_SIGNATURE]], _Chunks(data), _SIGNATURE
    for name, chunk in _walk(data):
        length += len(chunk)
        whole = len(chunk) == 12 + int.from_bytes(chunk[:4], "big")
        if name in _PIXELS or not name[:1].islower():
            # No reader is to take memory for what a length claims, and none of ours minds the checksums of pixels.
            if not whole or not (name == b"IEND" or _is_sound(chunk)):
                raise damaged("PNG")
            pieces.append(chunk)
            if name != b"IDAT":
                chunks.first.setdefault(name, chunk[8:-4])
        elif whole and _is_sound(chunk):
            chunks.first.setdefault(name, chunk[8:-4])
            tells = name == b"eXIf" or _tells_orientation(name, chunk[8:-4])
            chunks.orientation |= tells
            if tells or name == b"tRNS":
                pieces.append(chunk)
    if sum(map(len, pieces)) < length:
        chunks.png = b"".join(pieces)
    return chunks


def _is_sound(chunk: bytes) -> bool:
    return zlib.crc32(memoryview(chunk)[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _tells_orientation(name: bytes, text: bytes) -> bool:
    """Return whether a chunk is a text of a sensible size in which programs write EXIF or XMP."""
    if len(text) > _TEXT:
        return False
    if name == b"zTXt" and text.startswith(_EXIF):
        unpacker = zlib.decompressobj()
        try:
            unpacker.decompress(text[len(_EXIF) + 1 :], _TEXT)
        except zlib.error:
            return False
        return not unpacker.unconsumed_tail
    return (name == b"tEXt" and text.startswith(_EXIF)) or (name == b"iTXt" and text.startswith(_XMP))


def _profile(chunks: dict[bytes, bytes]) -> tuple[bytes, str]:
    """Return the ICC profile that the chunks hold or describe, by the precedence of the standard, and a note."""
    if len(points := chunks.get(b"cICP", b"")) == 4:
        return colour_profile.of_code_points(points[0], points[1])
    if packed := chunks.get(b"iCCP"):
        unpacker = zlib.decompressobj()
        try:
            profile = unpacker.decompress(packed.partition(b"\0")[2][1:], colour_profile.LARGEST + 1)
        except zlib.error:
            return b"", colour_profile.UNUSABLE
        return (profile, "") if profile else (b"", colour_profile.UNUSABLE)
    if b"sRGB" in chunks:
        return b"", ""
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4], "big")
    points = chunks.get(b"cHRM", b"")
    where = [int.from_bytes(points[i : i + 4], "big") / 100_000 for i in range(0, len(points), 4)]
    white, primaries = where[:2], where[2:]
    known = len(primaries) == 6
    plain = not known or all(
        abs(primary - srgb) < _NEAR for primary, srgb in zip(primaries, colour_profile.SRGB_PRIMARIES, strict=True)
    )
    usual = not gamma or abs(gamma / _SRGB_GAMMA - 1) < _NEAR
    if plain and usual:
        return b"", ""
    curve = None if usual else 100_000 / gamma
    try:
        if not known:
            return colour_profile.profile_of(colour_profile.SRGB_PRIMARIES, curve), ""
        return colour_profile.profile_of(tuple(primaries), curve, (white[0], white[1])), ""
    except ValueError:
        return b"", colour_profile.UNUSABLE
