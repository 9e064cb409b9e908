"""The screenshots that the documentation shows: WebP, small, and written anew only where the page looks different."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

SHOWN = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
PAGES = ("case", "cells", "reading", "report", "worklist")
VARIANTS = ("1280-light", "1280-dark", "390-light")
LARGEST = 80_000  # bytes
QUALITIES = range(90, 9, -5)
# Mean absolute difference of two pictures in grey values of 255: a date or a clock on a page is less.
VISIBLE = 0.5


class TooLargeError(ValueError):
    """A picture takes more than `LARGEST` bytes even at the lowest quality."""


def names() -> list[str]:
    """Return the name of every shown picture, without its ending."""
    return [f"{page}-{variant}" for page in PAGES for variant in VARIANTS]


def encoded(picture: Image.Image) -> bytes:
    """Return a picture as WebP of at most `LARGEST` bytes, as good as it can be."""
    attempts = ({"lossless": True}, *({"quality": quality} for quality in QUALITIES))
    for options in attempts:
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "WEBP", method=6, **options)
        if buffer.tell() <= LARGEST:
            return buffer.getvalue()
    raise TooLargeError(f"{picture.width} x {picture.height} px do not fit into {LARGEST} bytes.")


def difference(one: bytes, other: bytes) -> float:
    """Return the mean absolute difference of two encoded pictures; pictures of two sizes differ in everything."""
    first, second = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16) for data in (one, other))
    if first.shape != second.shape:
        return 255.0
    return float(np.abs(first - second).mean())


def document(drawn: Path, shown: Path = SHOWN) -> list[str]:
    """Write the shown pages from a folder of PNGs where they look different; return the names of what was written."""
    shown.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names():
        with Image.open(drawn / f"{name}.png") as picture:
            now = encoded(picture)
        path = shown / f"{name}.webp"
        if not path.exists() or difference(path.read_bytes(), now) > VISIBLE:
            path.write_bytes(now)
            written.append(path.name)
    for path in shown.iterdir():
        if path.suffix != ".webp" or path.stem not in names():
            path.unlink()
    return written
