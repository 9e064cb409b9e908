"""The image store: by content, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from app.image_store import SWEPT_AFTER, ImageStore, UnreadableError, thumbnail
from app.records import Record
from app.storage.folder import Folder
from app.stored_fields import STORED, stored_columns
from smear.imaging import decode


def files(folder: Path) -> list[Path]:
    """Return every file under a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_equal_bytes_are_stored_once_under_their_hash(tmp_path: Path) -> None:
    """The name is the sha256 of the content."""
    store = ImageStore(Folder(tmp_path))
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
        ImageStore(Folder(tmp_path)).put(b"cells")
    assert files(tmp_path) == []


def test_pixels_come_back_as_they_were(tmp_path: Path) -> None:
    """The store is lossless, and a small picture is its own thumbnail."""
    store = ImageStore(Folder(tmp_path))
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    stored = store.put_picture(rgb)
    assert np.array_equal(store.read(stored.pixels), rgb)
    assert stored.thumbnail == stored.pixels


def test_a_large_picture_is_never_packed_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same file as when its PNG is made at once."""
    monkeypatch.setattr(decode, "ORDINARY_PIXELS", 1000)
    rgb = np.random.default_rng(0).integers(0, 256, (1100, 300, 3), dtype=np.uint8)
    store = ImageStore(Folder(tmp_path))
    written: list[int] = []
    put = store.put
    monkeypatch.setattr(store, "put", lambda data: written.append(len(data)) or put(data))
    stored = store.put_picture(rgb)
    assert np.array_equal(store.read(stored.pixels), rgb)
    assert store.read_bytes(stored.pixels) == decode.encode(rgb)
    assert len(written) == 1  # the thumbnail


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1024, 512), (256, 128)), ((400, 30_000), (16, 256)), ((100, 100), (100, 100)), ((16, 20), (16, 20))],
)
def test_thumbnails_keep_the_shape(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    """The long side is at most 256, and no side is too small to be decoded."""
    assert thumbnail(np.zeros((*shape, 3), np.uint8)).shape[:2] == expected


def age(path: Path, seconds: float = SWEPT_AFTER.total_seconds() + 60) -> None:
    """Let a file have lain for so long."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_nobody_needs_is_swept_after_a_day(tmp_path: Path) -> None:
    """Neither what a row points to, nor what is young; what a kill left half goes too."""
    store = ImageStore(Folder(tmp_path))
    needed, young, old = (store.put(data) for data in (b"needed", b"young", b"old"))
    half = store.place.path(old).with_name(f".{old}.0badcafe")
    half.write_bytes(b"ol")
    for path in (store.place.path(needed), store.place.path(old), half):
        age(path)
    assert sorted(store.sweep(lambda digest: digest == needed)) == sorted([half.name, f"{old}.png"])
    assert sorted(path.stem for path in files(tmp_path)) == sorted([needed, young])


def test_storing_it_again_keeps_an_old_file(tmp_path: Path) -> None:
    """An upload that finds its picture there relies on it, before any row points to it."""
    store = ImageStore(Folder(tmp_path))
    digest = store.put(b"cells")
    age(store.place.path(digest))
    store.put(b"cells")
    assert list(store.sweep(lambda _digest: False)) == []
    assert store.read_bytes(digest) == b"cells"


def test_an_upload_during_the_sweep_keeps_its_file(tmp_path: Path) -> None:
    """In the moment between the look at the rows and the removal."""
    store = ImageStore(Folder(tmp_path))
    digest = store.put(b"cells")
    age(store.place.path(digest))

    def used(_digest: str) -> bool:
        store.put(b"cells")
        return False

    assert list(store.sweep(used)) == []
    assert store.read_bytes(digest) == b"cells"


def test_a_damaged_file_is_replaced_by_the_good_one(tmp_path: Path) -> None:
    """What lies under a hash and is something else is never taken for it."""
    store = ImageStore(Folder(tmp_path))
    digest = store.put(b"cells")
    store.place.path(digest).write_bytes(b"other cells")
    with pytest.raises(UnreadableError):
        store.read_bytes(digest)
    assert store.put(b"cells") == digest
    assert store.read_bytes(digest) == b"cells"


def test_every_column_of_hashes_names_files_or_is_known_not_to() -> None:
    """A new table of files cannot be forgotten by sweep, backup and verification."""
    others = {"source_sha256", "sha256", "card_sha256"}
    named = {column.name for table in Record.metadata.sorted_tables for column in table.c if "sha256" in column.name}
    assert named - others == set(STORED)
    assert {str(column) for column in stored_columns()} >= {"smear_image.pixels_sha256", "redrawing.label_map_sha256"}
