"""A folder and a bucket keep the same promises."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.config import SettingError
from app.image_store import ImageStore, UnreadableError, place_of
from app.storage.bucket import opened
from app.storage.folder import Folder
from app.storage.place import Place, SilentError
from tests import postgres
from tests.app.steps import Someone
from tests.app.storage.conftest import ObjectStore

LATER = timedelta(days=3)  # than now: everything is old by then


def swept(place: Place, *used: str) -> list[str]:
    """Sweep as if what lies there were old."""
    return sorted(place.sweep(lambda digest: digest in used, datetime.now(UTC) + LATER))


def test_what_is_written_is_read(place: Place) -> None:
    """Once, under its hash, whatever it is."""
    store = ImageStore(place)
    digest = store.put(b"cells")
    assert store.put(b"cells") == digest
    assert store.read_bytes(digest) == b"cells"
    large = bytes(range(256)) * 40_000
    assert store.read_bytes(store.put(large)) == large
    assert place.has_room()


def test_what_is_written_in_pieces_is_read(place: Place) -> None:
    """Under the hash of the whole, and nothing is left of what was half."""
    pieces = [bytes([number]) * 400_000 for number in range(60)]
    digest = place.write_pieces(iter(pieces))
    assert digest == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert ImageStore(place).read_bytes(digest) == b"".join(pieces)
    assert swept(place, digest) == []


def test_a_failure_between_pieces_leaves_nothing(place: Place) -> None:
    """Neither a half that is read, nor one that only lies there."""

    def broken() -> Iterator[bytes]:
        yield b"cells" * 1000
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        place.write_pieces(broken())
    assert swept(place) == []


def test_a_folder_without_room_takes_no_piece(tmp_path: Path) -> None:
    """Its floor stays free, however small the pieces are."""
    place = Folder(tmp_path, floor=2**62)
    with pytest.raises(OSError, match="floor"):
        place.write_pieces([b"cells"])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_not_there_is_unreadable(place: Place) -> None:
    """In the words of the store, and it can be written."""
    store = ImageStore(place)
    digest = "0" * 64
    assert not store.renewed(digest)
    with pytest.raises(UnreadableError):
        store.read_bytes(digest)


def test_what_was_damaged_is_replaced(place: Place) -> None:
    """A file that is something else under its hash is never returned."""
    store = ImageStore(place)
    digest = store.put(b"cells")
    place.write(digest, b"other cells")
    with pytest.raises(UnreadableError):
        store.read_bytes(digest)
    assert store.put(b"cells") == digest
    assert store.read_bytes(digest) == b"cells"


def test_what_nobody_needs_is_swept_when_it_is_old(place: Place) -> None:
    """And nothing that is young, or that a row points to."""
    store = ImageStore(place)
    needed, old = store.put(b"needed"), store.put(b"old")
    assert list(place.sweep(lambda _digest: False, datetime.now(UTC) - timedelta(days=1))) == []
    assert swept(place, needed) == [f"{old}.png"]
    assert store.read_bytes(needed) == b"needed"


def test_an_upload_during_the_sweep_of_a_bucket_loses_nothing(object_store: ObjectStore) -> None:
    """It found its picture there, relied on it, and its row comes after the sweep has looked."""
    place = opened(object_store.address())
    store = ImageStore(place)
    digest = store.put(b"cells")

    def used(_digest: str) -> bool:
        store.put(b"cells")
        return False

    list(place.sweep(used, datetime.now(UTC) + LATER))
    assert store.read_bytes(digest) == b"cells"
    assert store.put(b"cells") == digest


def test_many_write_the_same_at_once(place: Place) -> None:
    """Nobody sees a half, and all of them have it."""
    store, data = ImageStore(place), b"field" * 50_000
    with ThreadPoolExecutor(8) as threads:
        digests = set(threads.map(lambda _number: store.put(data), range(40)))
    assert len(digests) == 1
    assert store.read_bytes(digests.pop()) == data


def test_what_a_bucket_swept_comes_back_where_a_row_points_to_it(object_store: ObjectStore) -> None:
    """It is readable for another day, put back by the next sweep if it is used, and gone after that if it is not."""
    place = opened(object_store.address())
    store = ImageStore(place)
    kept, gone = store.put(b"kept"), store.put(b"gone")
    assert swept(place) == sorted([f"{kept}.png", f"{gone}.png"])
    assert (store.read_bytes(kept), store.read_bytes(gone)) == (b"kept", b"gone")
    assert swept(place, kept) == []
    assert store.read_bytes(kept) == b"kept"
    with pytest.raises(UnreadableError):
        store.read_bytes(gone)
    assert swept(place) == [f"{kept}.png"]


def test_two_folders_of_a_bucket_are_two_places(object_store: ObjectStore) -> None:
    """What one lab stores, another's sweep never sees."""
    one, other = opened(object_store.address()), opened(object_store.address())
    digest = ImageStore(one).put(b"cells")
    assert not ImageStore(other).renewed(digest)
    assert swept(other) == []
    assert ImageStore(one).read_bytes(digest) == b"cells"


@pytest.mark.parametrize("address", ["s3:/bucket", "bucket", "https://host/bucket", "s3://", "s3://a/b?key=c"])
def test_an_address_that_is_none_is_refused_in_a_sentence(tmp_path: Path, address: str) -> None:
    """Before anything starts."""
    settings: dict[str, Any] = {"IMAGE_STORE": address, "INSTANCE_DIR": tmp_path, "DISK_FLOOR_MB": 0}
    with pytest.raises(SettingError, match="must be like s3://BUCKET/FOLDER"):
        place_of(settings)


def test_without_a_setting_it_is_a_folder(tmp_path: Path) -> None:
    """As on one machine."""
    found = place_of({"IMAGE_STORE": "", "INSTANCE_DIR": tmp_path, "DISK_FLOOR_MB": 1})
    assert isinstance(found, Folder)
    assert (found.root, found.floor) == (tmp_path / "images", 2**20)


def test_a_store_that_does_not_answer_is_said_and_nothing_is_half(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """503 with a sentence for the upload, and for a picture of before; one on the command line; then it goes on."""
    case = clinician.open_case()
    image = clinician.upload(case, field, "one.png").json
    place = app.extensions["image_store"].place

    def silent(*_: object) -> bytes:
        raise SilentError

    with monkeypatch.context() as broken:
        broken.setattr(type(place), "read", silent)
        answer = clinician.upload(case, field + b"again", "two.png")
        assert answer.status_code == 503
        assert "does not answer" in answer.json["error"]
        assert answer.headers["Retry-After"]
        assert clinician.get(f"/cases/{case}/cells/{image['id']}/sheet").status_code == 503
        assert clinician.get(f"/cases/{case}").status_code == 200
        backup = [] if postgres.EVERYWHERE else [["backup", str(tmp_path / "backup")]]  # there it is that server's
        for words in (*backup, ["audit", "verify"]):
            told = app.test_cli_runner().invoke(args=words)
            assert (told.exit_code, told.stderr.strip().splitlines()[-1]) == (1, f"Error: {SilentError().text}")
    assert clinician.upload(case, field + b"again", "two.png").status_code == 201
    assert clinician.get(f"/cases/{case}/cells/{image['id']}/sheet").status_code == 200
