"""Pictures as a network is given them, kept on disk: a data set of thousands needs no memory of its size."""

import tempfile
from typing import Self

import numpy as np

from smear.arrays import Array


class OnDisk:
    """Pictures of one shape, written one after the other into a file without a name, which goes with its last reader.

    It lies where temporary files do (TMPDIR), and is written in a `with` block. OSError where that disk has no room.
    """

    def __init__(self) -> None:
        # Written and not mapped: a full disk is an error here, where it would end a process that writes to a map.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed at the end of the block that writes
        self._shape: tuple[int, ...] = (0,)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def append(self, picture: Array) -> None:
        """Write one, uint8; ValueError where its shape is not that of those before."""
        if self._count and picture.shape != self._shape:
            raise ValueError(f"a picture of shape {picture.shape} among those of {self._shape}")
        self._file.write(np.ascontiguousarray(picture).data)
        self._shape, self._count = picture.shape, self._count + 1

    def rows(self) -> Array:
        """Return all of them, uint8 (N, ...), to be read only, also after the block."""
        shape = (self._count, *self._shape)
        if not np.prod(shape):
            return np.zeros(shape, np.uint8)
        self._file.flush()
        # An array as any other, and not NumPy's class of maps, which every row of it would be.
        return np.asarray(np.memmap(self._file, np.uint8, "r", shape=shape))


class Chosen:
    """Some rows of an array, in an order of their own: what is asked for is read then, and nothing is copied before."""

    def __init__(self, rows: Array, which: Array) -> None:
        """rows: (N, ...); which: indices, int64 (M,)."""
        self._rows, self._which = rows, which

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array of the chosen rows, (M, ...)."""
        return (len(self._which), *self._rows.shape[1:])

    def __len__(self) -> int:
        return len(self._which)

    def __getitem__(self, index: int | slice | Array) -> Array:
        """Return what NumPy gives for an array of the chosen rows."""
        rows: Array = self._rows[self._which[index]]
        return rows

    def __array__(self, dtype: np.dtype[np.uint8] | None = None, copy: bool | None = None) -> Array:
        """Return the chosen rows, a copy."""
        return self[:].astype(dtype or self._rows.dtype, copy=False)


Pictures = Array | Chosen  # uint8 (N, h, w, 3)
