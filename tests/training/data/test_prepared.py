"""What a network is given lies on disk, and a part of it is no copy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.memory import needs_proc
from training.data.prepared import Chosen, OnDisk

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)


def on_disk(pictures: np.ndarray) -> np.ndarray:
    """Return pictures that were written to disk."""
    with OnDisk() as written:
        for picture in pictures:
            written.append(picture)
        return written.rows()


def test_what_was_written_is_read() -> None:
    """Also what is not in one piece in memory, and pictures without pixels; nothing can be written over it."""
    rows = on_disk(PICTURES[:, ::-1])
    assert np.array_equal(rows, PICTURES[:, ::-1])
    assert type(rows) is type(rows[0]) is np.ndarray
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0
    assert on_disk(PICTURES[:, :0]).shape == (7, 0, 5, 3)


def test_another_shape_is_refused() -> None:
    """What would shift all pictures behind it."""
    with OnDisk() as written:
        written.append(PICTURES[0])
        with pytest.raises(ValueError, match="shape"):
            written.append(PICTURES[0, :2])


@pytest.mark.parametrize("index", [0, np.int64(-1), slice(1, 3), slice(None), np.array([2, 0, 0]), np.zeros(0, int)])
def test_chosen_rows_are_what_a_copy_would_be(index: int | slice | np.ndarray) -> None:
    """By a number, a slice and indices, and as a whole."""
    which = np.array([5, 1, 1, 6])
    chosen, copy = Chosen(on_disk(PICTURES), which), PICTURES[which]
    assert np.array_equal(chosen[index], copy[index])
    assert np.array_equal(np.asarray(chosen), copy)
    assert np.asarray(chosen, np.float32).dtype == np.float32
    assert (len(chosen), chosen.shape) == (len(copy), copy.shape)


MEASURED = """
import numpy as np
from tests.memory import anonymous
from training.data.prepared import Chosen, OnDisk
before = anonymous()
with OnDisk() as written:
    for seed in range(200):
        written.append(np.full((512, 512, 3), seed, np.uint8))
    part = Chosen(written.rows(), np.arange(199))
assert all(part[i].max() == i for i in range(199))
print((anonymous() - before) / 2**10)
"""


@needs_proc
def test_pictures_on_disk_take_no_memory() -> None:
    """In a process of its own: writing, choosing and reading 157 MB leaves and takes next to nothing."""
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 20
