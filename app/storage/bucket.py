"""Files in a bucket of an object store that speaks S3, which several machines share.

A bucket has no rename: what is swept is copied aside before it is removed, and read from there for another day. So an
upload that relied on it in that very moment loses nothing, and the next sweep puts it back.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, S3Store

from app.storage.place import SilentError, hashed

SCHEME = "s3"
HALF = "half"  # folder of what is being written
SWEPT = "swept"  # folder of what was swept
ANSWER = timedelta(seconds=10)  # for one answer, and for all tries together
TRIES = 3


class Bucket:
    """A bucket, or a folder in it, of files by their hash."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def has_room(self, size: int = 0) -> bool:  # noqa: ARG002 - what a folder needs
        """Return True: nobody can tell how much a bucket still takes, and it says so when it takes no more."""
        return True

    def read(self, digest: str) -> bytes:
        """Return a file, also what was swept a short while ago; FileNotFoundError where there is none."""
        with _answering():
            try:
                return self._bytes(name_of(digest))
            except FileNotFoundError:
                return self._bytes(f"{SWEPT}/{name_of(digest)}")

    def write(self, digest: str, data: bytes) -> None:
        """Write a file; when this returns the store has it whole."""
        with _answering():
            obstore.put(self._store, name_of(digest), data)

    def write_pieces(self, pieces: Iterable[bytes]) -> str:
        """Write a file that is too large to be held whole, as `write` does, and return its hash.

        Its name is known when all is written, so it lies aside until then; what a crash leaves there is swept.
        """
        sha256, half = hashlib.sha256(), f"{HALF}/{secrets.token_hex(16)}"
        with _answering():
            obstore.put(self._store, half, hashed(pieces, sha256))
            obstore.copy(self._store, half, name_of(sha256.hexdigest()))
            obstore.delete(self._store, half)
        return sha256.hexdigest()

    def renew(self, digest: str, data: bytes) -> None:
        """Write the same once more: in a bucket that alone makes a file younger."""
        self.write(digest, data)

    def sweep(self, used: Callable[[str], bool], oldest: datetime) -> Iterator[str]:
        """Remove the files that are older and not used; yield their names.

        What an earlier sweep laid aside is put back if a row points to it by now, and goes for good otherwise.
        """
        with _answering():
            for name in [stored for stored, at in self._names() if at <= oldest]:
                aside, digest = name.startswith(f"{SWEPT}/"), PurePosixPath(name).stem
                if used(digest):
                    if aside and not self._is_there(name_of(digest)):
                        obstore.copy(self._store, name, name_of(digest))
                    elif not aside:
                        continue
                elif not aside:
                    obstore.copy(self._store, name, f"{SWEPT}/{name}")
                obstore.delete(self._store, name)
                if not aside:
                    yield PurePosixPath(name).name

    def _names(self) -> Iterator[tuple[str, datetime]]:
        for block in obstore.list(self._store):
            yield from ((str(entry["path"]), entry["last_modified"]) for entry in block)

    def _bytes(self, name: str) -> bytes:
        return bytes(obstore.get(self._store, name).bytes())

    def _is_there(self, name: str) -> bool:
        try:
            obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True


def opened(address: str) -> Bucket:
    """Return the bucket at s3://BUCKET or s3://BUCKET/FOLDER; keys, region and endpoint are read from AWS_* variables.

    ValueError where that is no such address.
    """
    parts = urlsplit(address)
    if parts.scheme != SCHEME or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(address)
    private = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")  # a store in the house, without TLS
    return Bucket(
        S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options={"timeout": ANSWER, "connect_timeout": ANSWER, "allow_http": private},
            retry_config={"max_retries": TRIES, "retry_timeout": ANSWER},
        )
    )


def name_of(digest: str) -> str:
    """Return how the file of a hash is called in a bucket."""
    return f"{digest[:2]}/{digest}.png"


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the store says of itself, with names and addresses in it, into one error that says nothing of them."""
    try:
        yield
    except BaseError as error:
        raise SilentError from error
