"""Decoders in a process of their own: what ends one of them is one damaged picture; memory and time have an end."""

import sys
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from smear.imaging.decode import ImageError, decode
from smear.imaging.formats import apart
from smear.imaging.formats.apart import ApartError, stream
from smear.imaging.synthetic import field

pytestmark = pytest.mark.faults

SIDE = 64


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", SIDE)


def test_what_comes_back_is_what_the_decoder_says(drawn: np.ndarray) -> None:
    for values in (drawn, np.ascontiguousarray(drawn[..., 0]), drawn.astype(np.uint16) * 257):
        data = imagecodecs.jpegls_encode(values)
        back = stream(data, "jpegls", values.size)
        np.testing.assert_array_equal(back, values)
        assert back.dtype == values.dtype


def test_from_another_folder(drawn: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(stream(imagecodecs.jpegls_encode(drawn), "jpegls", drawn.size), drawn)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xf7", b"no stream at all" * 100])
@pytest.mark.parametrize("codec", ["jpegls", "jpegsof3", "jpeg2k"])
def test_no_stream_is_no_picture(data: bytes, codec: str) -> None:
    with pytest.raises(ApartError):
        stream(data, codec, 1000)


def test_a_crash_is_one_damaged_picture(drawn: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crashing))
    with pytest.raises(ImageError) as caught:
        decode(imagecodecs.jpegls_encode(drawn))
    assert caught.value.code == "truncated"


def test_one_that_does_not_end_is_ended(drawn: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleeping = tmp_path / "python"
    sleeping.write_text("#!/bin/sh\nexec sleep 100\n")
    sleeping.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeping))
    monkeypatch.setattr(apart, "SECONDS", 1)
    started = time.monotonic()
    with pytest.raises(ImageError):
        decode(imagecodecs.jpegls_encode(drawn))
    assert time.monotonic() - started < 30


@pytest.mark.skipif(sys.platform != "linux", reason="The memory of a process is bounded on Linux.")
def test_it_takes_no_more_memory_than_its_picture_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    large = imagecodecs.jpegls_encode(np.zeros((8000, 8000), np.uint16))
    monkeypatch.setattr(apart, "_MEMORY", 2**30)
    monkeypatch.setattr(apart, "_PER_SAMPLE", 0)
    whole = stream(large, "jpegls", 0)
    assert whole.shape == (8000, 8000)
    monkeypatch.setattr(apart, "_MEMORY", 2**28)
    with pytest.raises(ApartError):
        stream(large, "jpegls", 0)
