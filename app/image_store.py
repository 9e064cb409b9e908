"""The image store: pictures by the sha256 of their stored bytes, in a folder or in a bucket (`app.storage`).

No request removes a file: another may be about to point to it. What no row points to any more, as after a removed image
or a kill in the middle of an upload, `sweep` removes once it has lain for a day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
from flask import Flask, current_app

from app.config import SettingError
from app.storage.folder import Folder
from app.storage.place import Place
from smear.imaging.decode import ImageError, decode, encode, is_large
from smear.imaging.formats import png_rows
from smear.imaging.picture import MAX_PIXELS

THUMBNAIL_SIDE = 256
# What the largest picture takes, should nothing of it pack: whatever was taken in is read again, however large its file
# of the store became. A photograph's JPEG of 40 MB is a PNG of 200.
STORED_BYTES = 4 * MAX_PIXELS
SWEPT_AFTER = timedelta(days=1)  # that a file without a row has lain before it goes: no upload takes as long


class UnreadableError(OSError):
    """A picture of the store that is missing or damaged on the disk."""


@dataclass(frozen=True)
class Stored:
    """Where a picture and its thumbnail lie in the store."""

    pixels: str
    thumbnail: str


class ImageStore:
    """Pictures, each under the hash of its own bytes, at a place that keeps files."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def has_room(self) -> bool:
        """Return whether pictures may be written."""
        return self.place.has_room()

    def put(self, data: bytes) -> str:
        """Write bytes and return their hash; when this returns they are stored to last, and whole.

        What lies there whole already is not written again; what lies there damaged is replaced. OSError (ENOSPC) where
        there is no room for it, SilentError where the place does not answer.
        """
        digest = hashlib.sha256(data).hexdigest()
        if not self.renewed(digest):
            self.place.write(digest, data)
        return digest

    def put_picture(self, rgb: np.ndarray) -> Stored:
        """Store a picture losslessly and without any metadata, and a small one for lists."""
        pixels = self.place.write_pieces(png_rows.pieces(rgb)) if is_large(rgb) else self.put(encode(rgb, "PNG"))
        small = thumbnail(rgb)
        return Stored(pixels, pixels if small is rgb else self.put(encode(small, "PNG")))

    def renewed(self, digest: str) -> bool:
        """Return whether a file lies there whole, from now on as young as if it had just been written."""
        try:
            self.place.renew(digest, self.read_bytes(digest))
        except OSError:
            return False
        return True

    def read_bytes(self, digest: str) -> bytes:
        """Return what was stored, or UnreadableError: what was lost, damaged or exchanged is never returned.

        SilentError where the place does not answer.
        """
        try:
            data = self.place.read(digest)
        except OSError as error:
            raise UnreadableError(f"{digest} cannot be read") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise UnreadableError(f"{digest} is not what was stored")
        return data

    def read(self, digest: str) -> np.ndarray:
        """Return the pixels of a stored picture; UnreadableError where the disk has lost or changed it."""
        try:
            return decode(self.read_bytes(digest), most=STORED_BYTES).rgb
        except ImageError as error:
            raise UnreadableError(f"{digest} cannot be read") from error

    def sweep(self, used: Callable[[str], bool]) -> Iterator[str]:
        """Remove what has lain for a day and is not used; yield the names of the files that went.

        used: whether a row points to a hash.
        """
        return self.place.sweep(used, datetime.now(UTC) - SWEPT_AFTER)


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
    app.extensions["image_store"] = ImageStore(place_of(app.config))


def place_of(settings: dict[str, Any]) -> Place:
    """Return where the settings say that pictures lie; SettingError where that cannot be."""
    address = settings["IMAGE_STORE"]
    if not address:
        return Folder(settings["INSTANCE_DIR"] / "images", settings["DISK_FLOOR_MB"] * 2**20)
    try:
        from app.storage.bucket import opened  # its library is installed where a bucket is used
    except ModuleNotFoundError as error:
        raise SettingError("LEUKOLENS_IMAGE_STORE names a bucket. Install requirements-s3.txt for it.") from error
    try:
        return opened(address)
    except ValueError as error:
        raise SettingError(f"LEUKOLENS_IMAGE_STORE is {address!r}; it must be like s3://BUCKET/FOLDER.") from error


def image_store() -> ImageStore:
    """Return the store of the current application."""
    store: ImageStore = current_app.extensions["image_store"]
    return store
