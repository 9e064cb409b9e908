"""The image store: by content, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from app.image_store import ImageStore, thumbnail


def files(folder: Path) -> list[Path]:
    """Return every file under a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_equal_bytes_are_stored_once_under_their_hash(tmp_path: Path) -> None:
    """The name is the sha256 of the content."""
    store = ImageStore(tmp_path)
    digest = store.put(b"cells")
    assert store.put(b"cells") == digest == hashlib.sha256(b"cells").hexdigest()
    assert [path.read_bytes() for path in files(tmp_path)] == [b"cells"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failing_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """When the write does not get through, there is nothing, not even a temporary file."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if broken == "fsync" else Path, broken, fail)
    with pytest.raises(OSError, match="No space"):
        ImageStore(tmp_path).put(b"cells")
    assert files(tmp_path) == []


def test_pixels_come_back_as_they_were(tmp_path: Path) -> None:
    """The store is lossless, and a small picture is its own thumbnail."""
    store = ImageStore(tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    stored = store.put_picture(rgb)
    assert np.array_equal(store.read(stored.pixels), rgb)
    assert stored.thumbnail == stored.pixels


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1024, 512), (256, 128)), ((400, 30_000), (16, 256)), ((100, 100), (100, 100)), ((16, 20), (16, 20))],
)
def test_thumbnails_keep_the_shape(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    """The long side is at most 256, and no side is too small to be decoded."""
    assert thumbnail(np.zeros((*shape, 3), np.uint8)).shape[:2] == expected


def test_discarding_twice_is_no_error(tmp_path: Path) -> None:
    """Two requests may find the same picture unused."""
    store = ImageStore(tmp_path)
    digest = store.put(b"cells")
    store.discard(digest)
    store.discard(digest)
    assert files(tmp_path) == []
