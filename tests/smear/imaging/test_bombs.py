"""Small files that declare much: refused before they take memory or time, with a sentence."""

import io
import time

import pytest
from PIL import Image

from smear.imaging.decode import ImageError, declared_pixels, decode
from smear.imaging.picture import MAX_PIXELS
from tests.data import pictures

pytestmark = pytest.mark.faults


def progressive(side: int, scans: int) -> bytes:
    """Return a progressive JPEG whose last pass is repeated until there are so many."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), "pink").save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + b"\xff\xd9"


@pytest.mark.parametrize(("side", "scans"), [(64, 101), (64, 5000), (10_900, 13)])
def test_passes_over_the_pixels_without_end_are_refused_at_once(side, scans):
    """However few bytes each takes."""
    data, begun = progressive(side, scans), time.perf_counter()
    with pytest.raises(ImageError, match=f"laid down in {scans} passes") as refused:
        decode(data)
    assert refused.value.code == "too_many_scans"
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize("scans", [10, 100])
def test_a_usual_number_of_passes_is_read(scans):
    """As cameras and programs write them, and many more."""
    assert decode(progressive(64, scans)).rgb.shape == (64, 64, 3)


@pytest.mark.parametrize(("bits", "colour", "side"), [(16, 6, 7_760), (16, 2, 8_960)])
def test_samples_of_sixteen_bits_count_twice(bits, colour, side):
    """A picture of 60 million pixels may take half a gigabyte before anything is done with it."""
    assert side * side < MAX_PIXELS
    with pytest.raises(ImageError, match="too large for samples of 16 bits") as refused:
        decode(pictures.png_of(b"", side, side, bits=bits, colour=colour))
    assert refused.value.code == "too_many_pixels"


def test_what_a_file_declares_is_told_without_unpacking():
    """Of what Pillow does not know, the most is taken for granted."""
    assert declared_pixels(pictures.png_of(b"", 9_000, 9_000, 8, 2)) == 81_000_000
    assert declared_pixels(b"no picture") == MAX_PIXELS
