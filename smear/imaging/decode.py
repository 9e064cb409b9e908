"""Bytes to pixels and back: the only decoder in the project.

Whatever the bytes, `decode` returns a `Picture` or raises `ImageError` with a sentence fit to be shown.

What becomes of what is not plain 8-bit RGB:

* EXIF and TIFF orientation are applied. Colour profiles are not: networks are trained on stored values too.
* More than 8 bits per sample are scaled by the depth that the values use (`smear.imaging.bit_depth`).
* Alpha is laid over white, which is what an empty part of a bright field looks like.
* Palette, 1-bit, grey, CMYK, YCCK, YCbCr and LAB are converted by Pillow.
* Of several pages the first is read and a note says so. Animations are refused: no one frame is the picture.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from smear.arrays import Array
from smear.imaging import file_signatures
from smear.imaging.bit_depth import TRANSPARENT, eight_bits
from smear.sentence import SentenceError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 120_000_000
MIN_SIDE = 16
MAX_SIDE = 30_000
MAX_PAGES = 1000  # pages counted for the note; the chain of a made-up TIFF can be millions long
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
DEFLATE_RATIO = 1032  # a PNG that declares more pixels per byte than deflate can pack is damaged

_IMAGE_WIDTH, _BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _SAMPLE_FORMAT = 256, 258, 262, 274, 339  # tags

_TURNS: dict[int, Callable[[Array], Array]] = {  # by orientation: what brings the picture upright
    2: lambda rgb: rgb[:, ::-1],
    3: lambda rgb: rgb[::-1, ::-1],
    4: lambda rgb: rgb[::-1],
    5: lambda rgb: rgb.transpose(1, 0, 2),
    6: lambda rgb: np.rot90(rgb, -1),
    7: lambda rgb: rgb[::-1, ::-1].transpose(1, 0, 2),
    8: lambda rgb: np.rot90(rgb, 1),
}

_DAMAGED = "This {0} file is damaged or incomplete. Export it again and upload the new file."
_UNSUPPORTED = "This kind of {0} file is not read here. Save it as 8-bit RGB and upload it again."
_ANIMATED = "This is an animation. Save the one picture to be read as PNG and upload it again."
_FLOAT = "This TIFF holds floating-point values. Save it with 8 or 16 bits per sample and upload it again."


class ImageError(SentenceError):
    """A file that is not read. `code` is for programs, `text` is one plain sentence or two for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    `rgb` is uint8 (H, W, 3), contiguous and read-only; `notes` are sentences on what was changed in reading.
    """

    rgb: Array
    format: str
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> Picture:
    """Read an image file. Raises ImageError, and nothing else, whatever the bytes."""
    if not data:
        raise ImageError("empty", "This file is empty. Choose the image again and upload it once more.")
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise ImageError("too_many_bytes", f"This file is larger than {limit} MB. Save it as JPEG and upload it again.")
    kind = _format(data)
    # Pillow warns of oddities that are handled or refused here. Adding a filter again does nothing, so unlike
    # `warnings.catch_warnings` this is safe when many threads decode at once.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return _read(data, kind)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # decoders raise whatever a damaged file drives them to
        raise ImageError("truncated", _DAMAGED.format(kind)) from error


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


def _format(data: bytes) -> str:
    """The accepted format that the bytes claim to be; anything else is refused by name where it has one."""
    kind = file_signatures.recognise(data)
    if kind in FORMATS:
        return kind
    if kind:
        text = f"This is {kind}. Save it as PNG, JPEG or TIFF and upload it again."
        raise ImageError("format_not_accepted", text)
    raise ImageError(
        "not_an_image",
        "This file is not an image. Choose a photograph of the smear as JPEG, PNG, TIFF, BMP or WebP.",
    )


def _read(data: bytes, kind: str) -> Picture:
    tags = _tiff_tags(data) if kind == "TIFF" else {}
    bits = data[24] if kind == "PNG" else int(np.max(tags.get(_BITS_PER_SAMPLE, 8)))
    if 3 in np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1)):
        raise ImageError("float_samples", _FLOAT)
    if bits > 16:
        raise ImageError("unsupported_mode", _UNSUPPORTED.format(kind))
    try:
        image = Image.open(io.BytesIO(data), formats=(kind,))
    except UnidentifiedImageError as error:
        if _IMAGE_WIDTH in tags:  # well-formed, but a kind of TIFF that Pillow has no reader for
            raise ImageError("unsupported_mode", _UNSUPPORTED.format(kind)) from error
        raise
    with image:
        _check_size(*image.size)
        if kind in ("PNG", "WEBP") and getattr(image, "is_animated", False):
            raise ImageError("animated", _ANIMATED)
        notes = [_pages(image)]
        # A TIFF's own orientation tag is applied while loading, by Pillow and by OpenCV alike.
        orientation = 1 if kind == "TIFF" else _orientation(image)
        if kind == "PNG" and image.width * image.height * bits > 8 * DEFLATE_RATIO * len(data):
            raise ImageError("truncated", _DAMAGED.format(kind))
        image.load()
        rgb, note = (None, "") if bits > 8 else _plain(image, kind)
    if rgb is None:  # Pillow has vouched for the file and given its memory back
        white_is_zero = tags.get(_PHOTOMETRIC) == 0
        rgb, note = _deep(_pixel_chunks(data) if kind == "PNG" else data, kind, white_is_zero)
    notes.append(note)
    if orientation in _TURNS:
        rgb = _TURNS[orientation](rgb)
    return Picture(np.ascontiguousarray(rgb), kind, tuple(note for note in notes if note))


def _tiff_tags(data: bytes) -> dict[int, Any]:
    """The tags of the first page by number; none when they cannot be read."""
    file = io.BytesIO(data)
    try:
        directory = ImageFileDirectory_v2(file.read(16 if data[2:3] == b"+" or data[3:4] == b"+" else 8))
        file.seek(directory.next)
        directory.load(file)
        return dict(directory)
    except Exception:  # a damaged file: Pillow's own opening reports it
        return {}


def _check_size(width: int, height: int) -> None:
    """Before any pixel is unpacked: 20 kB of PNG can declare gigabytes."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise _too_many_pixels()
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            "too_small",
            f"This picture is only {width} x {height} pixels. Upload the whole field as the camera took it.",
        )


def _pages(image: Image.Image) -> str:
    """Say how many pages there are and stay on the first; a broken chain ends the count."""
    count = 1
    with suppress(Exception):  # EOFError after the last page; a damaged further page does not spoil the first
        while count < MAX_PAGES:
            image.seek(count)
            count += 1
    image.seek(0)
    return f"Page 1 of {count} was read." if count > 1 else ""


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata is no reason to refuse the pixels
        return 1


def _plain(image: Image.Image, kind: str) -> tuple[Array, str]:
    """Samples of up to 8 bits, any colour model, alpha over white: uint8 (H, W, 3), and a note."""
    note = ""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        raise ImageError("unsupported_mode", _UNSUPPORTED.format(kind))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            note = TRANSPARENT
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB")), note


def _pixel_chunks(png: bytes) -> bytes:
    """A PNG of pixels only, no chunk longer than the file: OpenCV takes memory for what a chunk claims."""
    kept, place = [png[:8]], 8
    while place < len(png) and kept[-1][4:8] != b"IEND":
        end = place + 12 + int.from_bytes(png[place : place + 4], "big")
        if end > len(png):
            raise ImageError("truncated", _DAMAGED.format("PNG"))
        if png[place + 4 : place + 8] in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(png[place:end])
        place = end
    return b"".join(kept)


def _deep(data: bytes, kind: str, white_is_zero: bool) -> tuple[Array, str]:
    """Samples of more than 8 bits: uint8 (H, W, 3), and a note.

    Read by OpenCV, because Pillow keeps only the high byte of 16-bit colour.
    """
    samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None and kind == "PNG":
        raise ImageError("truncated", _DAMAGED.format(kind))
    if samples is None or samples.dtype != np.uint16:
        raise ImageError("unsupported_mode", _UNSUPPORTED.format(kind))
    return eight_bits(samples, white_is_zero)


def _too_many_pixels() -> ImageError:
    limits = f"more than {MAX_PIXELS // 1_000_000} million pixels or a side over {MAX_SIDE}"
    return ImageError("too_many_pixels", f"This picture has {limits}. Cut out the field to be read and upload that.")
