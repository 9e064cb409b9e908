"""What the image store asks of the place where its files lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from smear.sentence import SentenceError

if TYPE_CHECKING:
    from hashlib import _Hash as Hash


class SilentError(SentenceError):
    """The place does not answer, or lets nobody in: nothing can be said of the file, and a later try may succeed.

    It is no OSError: those speak of one file, and whoever takes them for a lost picture must not take this for one.
    """

    def __init__(self) -> None:
        super().__init__("The store of the pictures does not answer. Wait a moment and try again.")


def hashed(pieces: Iterable[bytes], hash_: Hash) -> Iterator[bytes]:
    """Yield pieces that a hash takes in as they pass."""
    for piece in pieces:
        hash_.update(piece)
        yield piece


class Place(Protocol):
    """Files by their hash. What they hold is checked by whoever reads them (`app.image_store`)."""

    def has_room(self, size: int = 0) -> bool:
        """Return whether so many bytes more may be written."""
        ...

    def read(self, digest: str) -> bytes:
        """Return a file; OSError where there is none, SilentError where the place does not answer."""
        ...

    def write(self, digest: str, data: bytes) -> None:
        """Write a file: whole, and to last when this returns, or not at all. OSError where that fails."""
        ...

    def write_pieces(self, pieces: Iterable[bytes]) -> str:
        """Write a file that is too large to be held whole, as `write` does, and return its hash."""
        ...

    def renew(self, digest: str, data: bytes) -> None:
        """Let a file that is there, and holds `data`, be as young as if it had just been written; OSError, else."""
        ...

    def sweep(self, used: Callable[[str], bool], oldest: datetime) -> Iterator[str]:
        """Remove the files that are older and not used, and yield their names.

        used: whether a row points to a hash. A file that an upload takes up again in this very moment is kept.
        """
        ...
