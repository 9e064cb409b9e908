"""How many pictures are unpacked and searched at the same time, by what they cost.

A usual picture takes one of a few slots. A large one has the place of large ones besides, so that one of them is there
at a time; and of those that a process of its own unpacks, for as long as a file can make it compute, few stand in line:
whoever sends the next is told to come back, and threads are left for everybody else. Of uploads of any kind no more are
let in than may wait for the model: the rest hear so before their files are opened, which takes longer than a reading.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from app.inference.waiting import MANY, EngineBusyError
from smear.imaging.decode import ORDINARY_PIXELS, declared_pixels, is_ordinary

AT_ONCE = 4
CROWDED = "Many large or unusual pictures are being read just now."


class Slots:
    """The slots of one engine.

    line: unusual pictures that may be at work or wait; None for any number, where nobody else waits for a thread.
    uploads: files that may be at work or wait; None for any number.
    """

    def __init__(self, line: int | None = None, uploads: int | None = None) -> None:
        self._usual = threading.BoundedSemaphore(AT_ONCE)
        self._large = threading.RLock()
        self._line = None if line is None else threading.BoundedSemaphore(line)
        self._uploads = None if uploads is None else threading.BoundedSemaphore(uploads)
        self._mine = threading.local()

    def admitted(self) -> AbstractContextManager[object]:
        """Be one of the uploads let in, from before its file is opened on; EngineBusyError where they are many."""
        return _a_place_of(self._uploads, MANY)

    @contextmanager
    def stored(self, pixels: int) -> Iterator[None]:
        """Hold a slot while a stored picture of so many pixels is unpacked and worked on."""
        with self._place(pixels), self._usual:
            yield

    @contextmanager
    def upload(self, data: bytes, pixels: int | None = None) -> Iterator[None]:
        """Hold what a file costs, from before it is opened until its pixels are stored; within it, once is enough.

        pixels: how many of them will be unpacked; None: as many as the file declares. EngineBusyError where the line is
        full. The slot itself is held by `unpacking`, for as long as that takes.
        """
        if not data or is_ordinary(data) or getattr(self._mine, "held", False):
            yield
            return
        with _a_place_of(self._line, CROWDED):
            self._mine.held = True
            try:
                with self._place(declared_pixels(data) if pixels is None else pixels):
                    yield
            finally:
                self._mine.held = False

    def unpacking(self) -> AbstractContextManager[object]:
        """Return the slot to hold while a file is unpacked and searched."""
        return self._usual

    def _place(self, pixels: int) -> AbstractContextManager[object]:
        return self._large if pixels > ORDINARY_PIXELS else nullcontext()


@contextmanager
def _a_place_of(places: threading.BoundedSemaphore | None, crowded: str) -> Iterator[None]:
    """Hold one of the places, any number of which there are where None; EngineBusyError with that sentence if full."""
    if places is None:
        yield
        return
    if not places.acquire(blocking=False):
        raise EngineBusyError(crowded)
    try:
        yield
    finally:
        places.release()
