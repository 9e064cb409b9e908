"""Strangers' files in processes of their own: what ends one of them is one picture; memory and time have an end."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from smear.imaging import memory
from smear.imaging.decode import ImageError, decode, is_ordinary
from smear.imaging.field_of_view import framed
from smear.imaging.formats import apart, unpack
from smear.imaging.picture import MEMORY
from smear.imaging.synthetic import field
from tests.data import bombs, pictures

pytestmark = pytest.mark.faults
linux = pytest.mark.skipif(sys.platform != "linux", reason="The memory of a process is bounded on Linux.")

SIDE = 64


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", SIDE)


@pytest.fixture
def new_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes that begin with what a test changed, and are gone after it."""
    fresh = apart._Pool()
    monkeypatch.setattr(apart, "_pool", fresh)
    yield
    fresh.close()


def in_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Let a shell script run in the place of Python."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))


@pytest.mark.parametrize("format", ["TIFF", "BMP", "WEBP"])
def test_what_comes_back_is_what_the_reader_says(drawn: np.ndarray, format: str) -> None:
    data = pictures.file(drawn, format)
    assert not is_ordinary(data)
    there, here = decode(data), unpack.unpack(data, format)
    np.testing.assert_array_equal(there.rgb, here.rgb)
    assert (there.format, there.notes) == (here.format, here.notes)
    assert not there.rgb.flags.writeable


@pytest.mark.parametrize("side", [640, 2600])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_large_pictures_are_the_same_however_they_lie(side: int, orientation: int) -> None:
    """They are turned, and cut to their round field of view, while their memory is given back."""
    rgb = np.tile(field(3, "leukemic", 640), (5, 5, 1))[: side // 2 * 2, : side - 100]
    away = np.hypot(*(np.indices(rgb.shape[:2]) - np.array([side / 2, side / 2])[:, None, None]))
    rgb = np.where(away[..., None] < 0.45 * side, rgb, 0).astype(np.uint8)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(rgb).save(file, "TIFF", exif=exif)
    there, here = decode(file.getvalue()), unpack.unpack(file.getvalue(), "TIFF")
    np.testing.assert_array_equal(there.rgb, here.rgb)
    np.testing.assert_array_equal(framed(there).rgb, framed(here).rgb)
    assert framed(decode(file.getvalue())).notes


def test_the_next_picture_does_not_change_the_last(new_pool: None) -> None:
    """Whoever has a picture keeps it, while the process unpacks others."""
    files = [pictures.file(np.full((1300, 1300, 3), level, np.uint8), "TIFF") for level in range(1, 6)]
    read = [decode(data).rgb for data in files]
    assert [int(rgb.min()) for rgb in read] == [int(rgb.max()) for rgb in read] == [1, 2, 3, 4, 5]


def test_a_process_is_kept_warm_and_knows_no_secret(
    drawn: np.ndarray, new_pool: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEUKOLENS_SECRET", "hidden")
    monkeypatch.chdir(tmp_path)
    data = pictures.file(drawn, "BMP")
    decode(data)
    (process,) = apart._pool.free
    decode(data)
    assert apart._pool.free == [process]
    if sys.platform == "linux":
        assert b"hidden" not in Path(f"/proc/{process._child.pid}/environ").read_bytes()


def test_a_process_loads_what_decodes_and_nothing_more() -> None:
    code = "import sys, smear.imaging.formats.child; print(*(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "openvino", "onnxruntime", "flask", "sqlalchemy"} & set(done.stdout.split())


@pytest.mark.parametrize("data", ["", "no stream at all" * 100])
def test_no_stream_is_no_picture(data: str) -> None:
    with pytest.raises(ImageError) as refused:
        decode(b"\xff\xd8\xff\xf7" + data.encode())
    assert refused.value.code == ("too_many_pixels" if data else "truncated")  # letters are large numbers


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("kill -SEGV $$", "truncated"),
        ("kill -KILL $$", "too_much_memory"),
        ("kill -XCPU $$", "too_slow"),
        ("exec sleep 100", "too_slow"),
        ("echo no answer", "truncated"),
    ],
)
def test_what_ends_a_process_refuses_one_picture(
    drawn: np.ndarray, new_pool: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, code: str
) -> None:
    """With the sentence for it; the next picture gets a new process."""
    data = imagecodecs.jpegls_encode(drawn)
    with monkeypatch.context() as patched:
        in_its_place(patched, tmp_path, script)
        patched.setattr(apart, "SECONDS", 1 if "sleep" in script else 60)
        with pytest.raises(ImageError) as refused:
            decode(data)
    assert refused.value.code == code
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@linux
def test_one_that_computes_without_end_is_ended(drawn: np.ndarray) -> None:
    """By the system: the process is past asking."""
    code = """
import smear.imaging.formats.child as child
child.SECONDS = 0
child.limit(0)
while True:
    pass
"""
    begun = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == -24
    assert time.monotonic() - begun < 60


@linux
@pytest.mark.parametrize("name", bombs.MAKE)
def test_no_picture_takes_more_than_its_share(name: str, new_pool: None) -> None:
    """However little its file has: it is read or, with a sentence, not; and the process goes on."""
    data = bombs.MAKE[name]()
    decode(pictures.file(field(3, "leukemic", SIDE), "BMP"))
    (process,) = apart._pool.free
    rest = peak(process)
    if name in bombs.READ:
        assert decode(data).rgb.size >= 3 * 16_000_000
    else:
        with pytest.raises(ImageError) as refused:
            decode(data)
        assert refused.value.code == ("truncated" if name == "TIFF of endless tags" else "too_much_memory")
    assert peak(process) - rest <= MEMORY


def peak(process: apart._Process) -> int:
    """Return the most memory that a process had at once, in bytes."""
    lines = Path(f"/proc/{process._child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@linux
def test_a_fork_has_processes_of_its_own(drawn: np.ndarray) -> None:
    """Nobody reads the other's answers."""
    data = pictures.file(drawn, "BMP")
    decode(data)
    before = len(apart._pool.free)
    pid = os.fork()
    if pid == 0:
        same = np.array_equal(decode(data).rgb, drawn)
        apart._pool.close()
        os._exit(0 if same else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(apart._pool.free) == before
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@pytest.mark.skipif(sys.platform != "linux", reason="only there pixels are handed over")
def test_what_was_handed_over_stays_as_large_as_it_is(tmp_path: Path) -> None:
    """Whoever made the room cannot shrink it under who reads it, and what is no such room is not taken."""
    rooms = memory.Rooms()
    rooms.share()
    made = rooms.make(2048, 2048)
    made[:] = 7
    descriptor = rooms.descriptor(made)
    assert descriptor is not None
    assert (memory.taken_over(descriptor, (2048, 2048, 3)) == 7).all()
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    with pytest.raises(ValueError, match="reshape"):
        memory.taken_over(descriptor, (1024, 2048, 3))
    rooms.close()
    with (tmp_path / "file").open("w+b") as file, pytest.raises(OSError, match="Invalid argument"):
        memory.taken_over(file.fileno(), (1, 1, 3))
