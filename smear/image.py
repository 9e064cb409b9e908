"""Bytes to pixels and back: the only decoder in the project.

Whatever the bytes, `decode` returns a `Picture` or raises `ImageError` with a sentence fit to be shown.

What becomes of what is not plain 8-bit RGB:

* EXIF and TIFF orientation are applied. Colour profiles are not: networks are trained on stored values too.
* More than 8 bits per sample are scaled by the depth that the values use: the smallest of 8, 10, 12, 14 and
  16 bits that holds the largest value. Cameras store 12-bit values in 16-bit files without saying so, and
  scaled by the container such a picture is black. A bright field reaches near the top of its range, so this
  seldom mistakes the depth; the note tells which was used.
* Alpha is laid over white, which is what an empty part of a bright field looks like.
* Palette, 1-bit, grey, CMYK, YCCK, YCbCr and LAB are converted by Pillow.
* Of several pages the first is read and a note says so. Animations are refused: no one frame is the picture.
"""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 120_000_000
MIN_SIDE = 16
MAX_SIDE = 30_000
MAX_PAGES = 1000  # pages counted for the note; the chain of a made-up TIFF can be millions long
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras use

# How files begin: offset, bytes, and what they are. The first five are read, the others refused by name.
_BEGINNINGS = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "a GIF"),
    (0, b"%PDF", "a PDF document"),
    (128, b"DICM", "a DICOM file"),
    (4, b"ftyphei", "an HEIC photo"),
    (4, b"ftyphev", "an HEIC photo"),
    (4, b"ftypmif1", "an HEIC photo"),
    (4, b"ftypmsf1", "an HEIC photo"),
    (4, b"ftypavi", "an AVIF image"),
    (4, b"ftyp", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"ZISRAWFILE", "a Zeiss CZI file"),
    (0, b"\xda\xce\xbe\n", "a Nikon ND2 file"),
    (0, b"\x70\0\0\0", "a Leica LIF file"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
)

_IMAGE_WIDTH, _BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _SAMPLE_FORMAT = 256, 258, 262, 274, 339  # tags

_TRANSPOSES = {  # by orientation: what brings the picture upright (EXIF 2.32, tag 274)
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_DAMAGED = "This {0} file is damaged or incomplete. Export it again and upload the new file."
_UNSUPPORTED = "This kind of {0} file is not read here. Save it as 8-bit RGB and upload it again."
_ANIMATED = "This is an animation. Save the one picture to be read as PNG and upload it again."
_FLOAT = "This TIFF holds floating-point values. Save it with 8 or 16 bits per sample and upload it again."


class ImageError(ValueError):
    """A file that is not read. `code` is for programs, `text` is one plain sentence or two for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    `rgb` is uint8 (H, W, 3), contiguous and read-only; `notes` are sentences on what was changed in reading.
    """

    rgb: np.ndarray
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


def encode(rgb: np.ndarray, format: Literal["PNG", "JPEG", "WEBP"] = "PNG", quality: int = 92) -> bytes:
    """Write uint8 RGB (H, W, 3) as a file without metadata. `quality` 1 to 100 is for JPEG and WEBP."""
    options: dict[str, dict[str, int]] = {
        "PNG": {"compress_level": 4},
        "JPEG": {"quality": quality, "subsampling": 0},  # full colour resolution: the stain is the finding
        "WEBP": {"quality": quality, "method": 2},
    }
    if format not in options:
        raise ValueError(f"format must be one of {', '.join(options)}, not {format!r}")
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, format, **options[format])
    return file.getvalue()


def _format(data: bytes) -> str:
    """The accepted format that the bytes claim to be; anything else is refused by name where it has one."""
    for offset, beginning, name in _BEGINNINGS:
        if data.startswith(beginning, offset):
            if name in FORMATS:
                return name
            raise _not_accepted(name)
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text):
        raise _not_accepted("an SVG drawing")
    if text.startswith((b"<!doctype html", b"<html")):
        raise _not_accepted("a web page")
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
        image.load()
        if bits > 8:
            page, note = _deep(data, kind, inverted=tags.get(_PHOTOMETRIC) == 0)
            notes.append(note)
        elif image.mode in ("I", "F") or image.mode.startswith("I;16"):
            raise ImageError("unsupported_mode", _UNSUPPORTED.format(kind))
        else:
            page = image
        page, note = _over_white(page)
        notes.append(note)
        if page.mode != "RGB":
            page = page.convert("RGB")
        if orientation in _TRANSPOSES:
            page = page.transpose(_TRANSPOSES[orientation])
        return Picture(np.asarray(page), kind, tuple(note for note in notes if note))


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


def _deep(data: bytes, kind: str, inverted: bool) -> tuple[Image.Image, str]:
    """Samples of more than 8 bits, scaled to 8: round(value * 255 / (2^depth - 1)).

    Read by OpenCV, because Pillow keeps only the high byte of 16-bit colour; Pillow has vouched for the file.
    """
    samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16:
        raise ImageError("unsupported_mode", _UNSUPPORTED.format(kind))
    colours = samples[..., :3] if samples.ndim == 3 else samples  # the alpha channel is always full range
    largest = int(colours.max())
    depth = next(depth for depth in DEPTHS if largest < 2**depth)
    eight: np.ndarray = cv2.convertScaleAbs(samples, alpha=255 / (2**depth - 1))
    note = f"Values of {depth} bits were scaled to 8 bits."
    channels = 1 if eight.ndim == 2 else eight.shape[-1]
    if channels == 1:
        return Image.fromarray(255 - eight if inverted else eight), note
    if channels == 3:
        return Image.fromarray(cv2.cvtColor(eight, cv2.COLOR_BGR2RGB)), note
    eight[..., 3] = cv2.convertScaleAbs(samples[..., 3], alpha=1 / 257)
    return Image.fromarray(cv2.cvtColor(eight, cv2.COLOR_BGRA2RGBA)), note


def _over_white(image: Image.Image) -> tuple[Image.Image, str]:
    if not image.has_transparency_data:
        return image, ""
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() == (255, 255):
        return image, ""
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image), "Transparent parts were laid over white."


def _not_accepted(name: str) -> ImageError:
    return ImageError("format_not_accepted", f"This is {name}. Save it as PNG, JPEG or TIFF and upload it again.")


def _too_many_pixels() -> ImageError:
    megapixels = MAX_PIXELS // 1_000_000
    return ImageError(
        "too_many_pixels",
        f"This picture has more than {megapixels} million pixels or a side over {MAX_SIDE}. "
        "Cut out the field to be read and upload that.",
    )
