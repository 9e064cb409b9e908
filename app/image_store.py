"""The image store: pictures by the sha256 of their stored bytes, written so that a crash leaves no half.

No request removes a file: another may be about to point to it. What no row points to any more, as after a removed image
or a kill in the middle of an upload, `sweep` removes once it has lain for a day.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
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


SWEPT_SECONDS = 24 * 3600  # that a file without a row has lain before it goes: no upload takes as long


class UnreadableError(OSError):
    """A picture of the store that is missing or damaged on the disk."""


@dataclass(frozen=True)
class Stored:
    """Where a picture and its thumbnail lie in the store."""

    pixels: str
    thumbnail: str


class ImageStore:
    """A folder of pictures, each under the hash of its own bytes."""

    def __init__(self, folder: Path, floor: int = 0) -> None:
        """floor: bytes of the disk that pictures leave free, for the database and whoever signs in."""
        self.folder, self.floor = folder, floor

    def has_room(self, size: int = 0) -> bool:
        """Return whether so many bytes more leave the floor free."""
        there = next((path for path in (self.folder, *self.folder.parents) if path.is_dir()), self.folder)
        return shutil.disk_usage(there).free - size >= self.floor

    def path(self, digest: str) -> Path:
        """Return the file of a hash; two letters of it name the folder, so that none grows too large."""
        return self.folder / digest[:2] / f"{digest}.png"

    def put(self, data: bytes) -> str:
        """Write bytes and return their hash; when this returns they are on the disk and whole.

        What lies there whole already is not written again; what lies there damaged is replaced. OSError (ENOSPC) where
        the disk has no room for it.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if self.renewed(digest):
            return digest
        if not self.has_room(len(data)):
            raise OSError(errno.ENOSPC, "the disk is full up to its floor")
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

    def renewed(self, digest: str) -> bool:
        """Return whether a file lies there whole, from now on as young as if it had just been written."""
        try:
            self.read_bytes(digest)
            os.utime(self.path(digest))
        except OSError:
            return False
        return True

    def read_bytes(self, digest: str) -> bytes:
        """Return what was stored, or UnreadableError: what the disk lost, damaged or exchanged is never returned."""
        try:
            data = self.path(digest).read_bytes()
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

        used: whether a row points to a hash. A file that an upload takes up again in this very moment (`renewed`) is
        put back: it is taken away by a rename first, and its age is looked at once more.
        """
        oldest = time.time() - SWEPT_SECONDS
        for path in sorted(self.folder.glob("*/*")):
            if not path.is_file() or path.stat().st_mtime > oldest:
                continue
            digest = path.stem
            if path == self.path(digest) and used(digest):
                continue
            aside = path.with_name(f".swept.{path.name}")
            path.rename(aside)
            if aside.stat().st_mtime > oldest and not path.exists():
                aside.rename(path)
                continue
            aside.unlink()
            yield path.name


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
    floor = app.config["DISK_FLOOR_MB"] * 2**20
    app.extensions["image_store"] = ImageStore(app.config["INSTANCE_DIR"] / "images", floor)


def image_store() -> ImageStore:
    """Return the store of the current application."""
    store: ImageStore = current_app.extensions["image_store"]
    return store
