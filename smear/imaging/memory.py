"""Pixels that another process can take over without a copy, and that go back to the system part by part.

A picture of 120 million pixels takes 360 MB. Unpacked in a process of its own (`smear.imaging.formats.apart`), turned
upright and cut, it would be there two or three times: what was copied out of it is given back while the rest waits.
Only on Linux; elsewhere this is memory like any other, and arrays are copied whole.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from smear.arrays import Array

ROWS = 512  # of a picture that are worked on at once
_LARGE = 2**24  # bytes from which memory is worth giving back, and a mapping worth its descriptor
_POSSIBLE = sys.platform == "linux"


class Rooms:
    """Where pictures are unpacked: ordinary memory, until it is said that somebody else takes them over."""

    def __init__(self) -> None:
        self._shared = False
        self._descriptors: list[int] = []
        self._by_address: dict[int, int] = {}

    def share(self) -> None:
        """Make the room for pictures from now on of what can be handed over."""
        self._shared = _POSSIBLE

    def make(self, height: int, width: int, instead: bool = False) -> Array:
        """Return room for a picture, uint8 (height, width, 3), of zeros.

        instead: of another, whose memory is given back meanwhile. MemoryError past the limit of the process (`bound`).
        """
        if not self._shared:
            return np.zeros((height, width, 3), np.uint8)
        size = height * width * 3
        if not instead:
            _lower_bound(size)
        descriptor = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._descriptors.append(descriptor)
        os.ftruncate(descriptor, size)
        array = mapped(descriptor, (height, width, 3))
        self._by_address[_address(array)] = descriptor
        return array

    def descriptor(self, rgb: Array) -> int | None:
        """Return the descriptor of a whole picture that was made here; None for any other array."""
        there = self._by_address.get(_address(rgb)) if _mapping(rgb) is not None else None
        whole = there is not None and rgb.flags.c_contiguous and os.fstat(there).st_size == rgb.nbytes
        return there if whole else None

    def close(self) -> None:
        """Give up the descriptors of all that was made; whoever took a picture over keeps it."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self._by_address.clear()


rooms = Rooms()


def mapped(descriptor: int, shape: tuple[int, ...]) -> Array:
    """Return the uint8 array that lies behind a descriptor, which it duplicates for as long as it lives."""
    array: Array = np.frombuffer(mmap.mmap(descriptor, 0), np.uint8).reshape(shape)
    return array


def taken_over(descriptor: int, shape: tuple[int, ...]) -> Array:
    """Return the array behind a descriptor of another process's room, which that process cannot make smaller any more.

    Reading beyond the end of what was made smaller would end this process. OSError for what is no such room, ValueError
    for one of another size.
    """
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return mapped(descriptor, shape)


def bound(most: int) -> None:
    """Let this process take so many bytes more than it has, rooms included; MemoryError, or what a library makes of it.

    What it keeps for itself is bounded by the system, and a room lowers that bound. Nothing but on Linux.
    """
    if _POSSIBLE:
        _bound(_own() + most)


def resident() -> int:
    """Return the bytes of this process that are in memory; 0 where that is not known."""
    return _pages(1) if _POSSIBLE else 0


def _own() -> int:
    return _pages(5)


def _pages(column: int) -> int:
    """Return bytes of this process: what of it is in memory (1), or is its own and can be written (5)."""
    return int(Path("/proc/self/statm").read_bytes().split()[column]) * mmap.PAGESIZE


def _lower_bound(size: int) -> None:
    import resource

    most, _hard = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY:
        return
    if most - size < _own():
        raise MemoryError("no room for the picture")
    _bound(most - size)


def _bound(most: int) -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def moved(rgb: Array, place: Callable[[Array], Array] = lambda target: target, shape: tuple[int, ...] = ()) -> Array:
    """Return a copy of a picture, uint8 (H, W, 3), in one piece; large pictures are given back while they are copied.

    place: returns of the copy the view in which the picture lies as it lies now, where it is turned; shape: of the
    copy's rows and columns then. Nobody may use the picture afterwards.
    """
    height, width = shape or rgb.shape[:2]
    copy = rooms.make(height, width, instead=True)
    view = place(copy)
    for top in range(0, len(rgb), ROWS):
        view[top : top + ROWS] = rgb[top : top + ROWS]
        _give_back(rgb[top : top + ROWS])
    return copy


def _give_back(rows: Array) -> None:
    """Let the system have the memory of rows that nobody reads any more, where it is a large mapping."""
    owner = _mapping(rows)
    if owner is None or len(owner) < _LARGE or not rows.size:
        return
    begin = np.frombuffer(owner, np.uint8).__array_interface__["data"][0]
    first, last = np.lib.array_utils.byte_bounds(rows)
    page = mmap.PAGESIZE
    start, end = -(-(first - begin) // page) * page, (last - begin) // page * page
    if end > start:
        owner.madvise(mmap.MADV_REMOVE, start, end - start)


def _mapping(array: Array) -> mmap.mmap | None:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
