"""Files that are no field of a smear, and how each is met: refused with a sentence, or kept and not suggested."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from smear import drawing
from smear.image import encode

REFUSED = "refused"
KEPT = "kept"


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png() -> bytes:
    """Return some 20 kB that declare 13,000 x 13,000 pixels."""
    side = 13_000
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1 + side // 8) * side, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """Return the file of a Pillow image."""
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def animated_gif() -> bytes:
    """Return three frames that differ."""
    frames = [Image.new("RGB", (64, 64), (shade, 90, 160)) for shade in (10, 120, 230)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def float_tiff() -> bytes:
    """Return a TIFF of floating-point samples."""
    return saved(Image.fromarray(np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)), "TIFF")


def field(form: str = "PNG") -> bytes:
    """Return a drawn field."""
    return encode(drawing.field(3, "leukemic", 256), form)  # type: ignore[arg-type]


def meadow() -> bytes:
    """Return a landscape: a sky that pales towards a meadow, a sun and a fence."""
    height, width = 300, 400
    rows, columns = np.mgrid[:height, :width]
    sky = np.stack([120 + rows * 0.3, 170 + rows * 0.2, 235 - rows * 0.05], axis=-1)
    grass = np.stack([60 + columns * 0.05, 130 - rows * 0.1 + 20 * np.sin(columns / 3), 40 + rows * 0.05], axis=-1)
    picture = np.where((rows > 180)[..., None], grass, sky)
    picture[(rows - 60) ** 2 + (columns - 310) ** 2 < 900] = (255, 240, 170)
    picture[(rows > 150) & (rows < 230) & (columns % 50 < 6)] = (90, 60, 40)
    return encode(picture.clip(0, 255).astype(np.uint8), "JPEG")


def white() -> bytes:
    """Return a field without anything on it."""
    return encode(np.full((256, 256, 3), 255, np.uint8), "PNG")


# name of the case: file name, bytes, what becomes of it
BAD_FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "not an image": ("letter.png", lambda: b"Dear colleague, the smear follows by mail.", REFUSED),
    "empty": ("empty.png", lambda: b"", REFUSED),
    "truncated": ("cut.jpg", lambda: field("JPEG")[:900], REFUSED),
    "169 megapixels in 20 kB": ("huge.png", huge_png, REFUSED),
    "an animated GIF": ("film.gif", animated_gif, REFUSED),
    "a TIFF of floats": ("float.tiff", float_tiff, REFUSED),
    "one pixel": ("dot.png", lambda: saved(Image.new("RGB", (1, 1)), "PNG"), REFUSED),
    "an all-white field": ("white.png", white, KEPT),
    "a photograph of something else": ("meadow.jpg", meadow, KEPT),
}

BAD_NAMES = {
    "a path": ("../../x", "x"),
    "a path of another system": ("C:\\smears\\x.png", "x.png"),
    "300 characters": ("y" * 300 + ".png", "y" * 120),
    "a script tag": ("<script>alert(1)</script>.png", "script>.png"),
    "control characters": ("a\x1b[31mb\u202egnp.exe", "a[31mbgnp.exe"),
    "nothing but a slash": ("/", "unnamed image"),
}
