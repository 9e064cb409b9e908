"""Files of a backup: written and read in pieces, encrypted under a passphrase where one is given.

AES-256-GCM over pieces of a megabyte. A piece's number, whether it is the last, and the file's name are authenticated
with it, so that pieces cannot be exchanged, left out or cut off; the key comes from the passphrase by scrypt.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from smear.sentence import SentenceError

PIECE = 2**20  # bytes
NONCE, TAG = 12, 16  # bytes that a piece has more when it is encrypted, beside its length
SALT = 16
COST = 2**15  # of scrypt: 32 MB of memory and a tenth of a second


class BackupError(SentenceError):
    """A backup that cannot be made or read, with the sentence for the command line."""


@dataclass(frozen=True)
class Sealer:
    """How the files of one backup are written: plain, or under a key."""

    key: bytes | None = None

    @classmethod
    def under(cls, passphrase: str, salt: bytes) -> Sealer:
        """Return one for a passphrase and the backup's salt."""
        return cls(Scrypt(salt=salt, length=32, n=COST, r=8, p=1).derive(passphrase.encode()))

    def write(self, source: BinaryIO, target: Path, name: str) -> str:
        """Write what can be read from `source`, and return its SHA-256; on the disk when this returns."""
        digest = hashlib.sha256()
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with target.open("xb") as file:
            for number, (piece, last) in enumerate(pieces(source)):
                digest.update(piece)
                if self.key is None:
                    file.write(piece)
                    continue
                nonce = os.urandom(NONCE)
                sealed = AESGCM(self.key).encrypt(nonce, piece, about(name, number, last))
                file.write(struct.pack(">I", len(sealed)) + nonce + sealed)
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest()

    def read(self, source: Path, name: str) -> Iterator[bytes]:
        """Yield a file's content in pieces; BackupError where it was cut, changed, or is under another passphrase."""
        try:
            with source.open("rb") as file:
                if self.key is None:
                    while piece := file.read(PIECE):
                        yield piece
                    return
                yield from self.opened(file, name)
        except OSError as error:
            raise BackupError(f"{name} of the backup cannot be read: {error.strerror}.") from None

    def opened(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        """Yield the decrypted pieces of a file."""
        assert self.key is not None  # noqa: S101 -- for mypy; `read` asked
        number, head = 0, file.read(4)
        while head:
            length = struct.unpack(">I", head)[0] if len(head) == 4 else 0
            nonce, sealed = file.read(NONCE), file.read(min(length, PIECE + TAG))
            head = file.read(4)
            try:
                yield AESGCM(self.key).decrypt(nonce, sealed, about(name, number, not head))
            except (InvalidTag, ValueError):
                raise BackupError(f"{name} of the backup is damaged, or the passphrase is another one.") from None
            number += 1
        if not number:
            raise BackupError(f"{name} of the backup is damaged: it is empty.")


def pieces(source: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Yield what can be read in pieces, each with whether it is the last; one empty piece of an empty file."""
    piece = source.read(PIECE)
    while True:
        following = source.read(PIECE) if piece else b""
        yield piece, not following
        if not following:
            return
        piece = following


def about(name: str, number: int, last: bool) -> bytes:
    """Return what is authenticated with a piece."""
    return f"{name}\n{number}\n{last}".encode()
