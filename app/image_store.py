"""The image store: pictures by the sha256 of their stored bytes, written so that a crash leaves no half."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from flask import Flask, current_app

from smear.imaging.decode import ImageError, decode, encode
from smear.imaging.picture import MAX_PIXELS

THUMBNAIL_SIDE = 256
# What the largest picture takes, should nothing of it pack: whatever was taken in is read again, however large its file
# of the store became. A photograph's JPEG of 40 MB is a PNG of 200.
STORED_BYTES = 4 * MAX_PIXELS


class UnreadableError(OSError):
    """A picture of the store that is missing or damaged on the disk."""


@dataclass(frozen=True)
class Stored:
    """Where a picture and its thumbnail lie in the store."""

    pixels: str
    thumbnail: str


class ImageStore:
    """A folder of pictures, each under the hash of its own bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Return the file of a hash; two letters of it name the folder, so that none grows too large."""
        return self.folder / digest[:2] / f"{digest}.png"

    def put(self, data: bytes) -> str:
        """Write bytes and return their hash; when this returns they are on the disk and whole."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{digest}.{secrets.token_hex(4)}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
        return digest

    def put_picture(self, rgb: np.ndarray) -> Stored:
        """Store a picture losslessly and without any metadata, and a small one for lists."""
        pixels = self.put(encode(rgb, "PNG"))
        small = thumbnail(rgb)
        return Stored(pixels, pixels if small is rgb else self.put(encode(small, "PNG")))

    def read(self, digest: str) -> np.ndarray:
        """Return the pixels of a stored picture; UnreadableError where the disk has lost it."""
        try:
            return decode(self.path(digest).read_bytes(), most=STORED_BYTES).rgb
        except (OSError, ImageError) as error:
            raise UnreadableError(f"{digest} cannot be read") from error

    def discard(self, digest: str) -> None:
        """Remove a picture to which no row points any more."""
        with contextlib.suppress(FileNotFoundError):
            self.path(digest).unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """Reduce a picture to the size of a thumbnail, keeping its shape."""
    height, width = rgb.shape[:2]
    if max(height, width) <= THUMBNAIL_SIDE:
        return rgb
    ratio = THUMBNAIL_SIDE / max(height, width)
    # A picture of 30,000 x 16 still gets a thumbnail that every decoder accepts.
    size = max(16, round(width * ratio)), max(16, round(height * ratio))
    return np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def init_app(app: Flask) -> None:
    """Open the store of the application."""
    app.extensions["image_store"] = ImageStore(app.config["INSTANCE_DIR"] / "images")


def image_store() -> ImageStore:
    """Return the store of the current application."""
    store: ImageStore = current_app.extensions["image_store"]
    return store
