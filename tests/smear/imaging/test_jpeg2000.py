"""JPEG 2000 by itself: the file with its boxes, and the bare codestream."""

import io
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from smear.imaging.colour_profile import CONVERTED, profile_of
from smear.imaging.decode import ImageError, Picture, declared_pixels, decode
from smear.imaging.samples import TRANSPARENT
from smear.imaging.synthetic import field

SIDE = 96


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", SIDE)


def written(values: np.ndarray, codecformat: str = "jp2", **options: Any) -> bytes:
    data: bytes = imagecodecs.jpeg2k_encode(values, level=0, codecformat=codecformat, **options)
    return data


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data)
    return caught.value


@pytest.mark.parametrize("codecformat", ["jp2", "j2k"])
def test_file_and_codestream_without_loss(drawn: np.ndarray, codecformat: str) -> None:
    data = written(drawn, codecformat)
    assert declared_pixels(data) == SIDE * SIDE
    picture = decode(data)
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert (picture.format, picture.notes) == ("JPEG 2000", ())


def test_grey_is_three_channels(drawn: np.ndarray) -> None:
    grey = np.ascontiguousarray(drawn[..., 1])
    np.testing.assert_array_equal(decode(written(grey)).rgb, np.dstack([grey] * 3))


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_more_bits_are_scaled(drawn: np.ndarray, bits: int) -> None:
    deep = np.rint(drawn * ((2**bits - 1) / 255)).astype(np.uint16)
    picture = decode(written(deep, bitspersample=bits))
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 1
    assert picture.notes == (f"Values of {bits} bits were scaled to 8 bits.",)


def test_light_and_two_colours_by_their_number(drawn: np.ndarray) -> None:
    """sYCC."""
    data = written(np.ascontiguousarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]), mct=False)
    place = data.index(b"colr") + 7
    data = data[:place] + (18).to_bytes(4, "big") + data[place + 4 :]
    assert np.abs(decode(data).rgb.astype(int) - drawn).max() <= 2


def by_pillow(values: np.ndarray, profile: bytes | None = None) -> bytes:
    """A file whose boxes tell of alpha; with a profile in place of the number of its colours."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG2000")
    data = file.getvalue()
    if profile is None:
        return data
    colours, header = data.index(b"colr") - 4, data.index(b"jp2h") - 4
    box = (11 + len(profile)).to_bytes(4, "big") + b"colr\2\0\0" + profile
    longer = int.from_bytes(data[header : header + 4], "big") + len(box) - 15
    return data[:header] + longer.to_bytes(4, "big") + data[header + 4 : colours] + box + data[colours + 15 :]


def test_alpha_is_laid_over_white(drawn: np.ndarray) -> None:
    half = decode(by_pillow(np.dstack([drawn, np.full((SIDE, SIDE), 128, np.uint8)])))
    assert np.abs(half.rgb.astype(int) - (255 - (255 - drawn.astype(int)) * 128 / 255)).max() <= 1
    assert half.notes == (TRANSPARENT,)


def test_what_nobody_calls_alpha_is_none(drawn: np.ndarray) -> None:
    picture: Picture = decode(written(np.dstack([drawn, drawn[..., :1]])))
    np.testing.assert_array_equal(picture.rgb, drawn)


def test_its_profile_is_applied(drawn: np.ndarray) -> None:
    wide = profile_of((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256)
    picture = decode(by_pillow(drawn, wide))
    assert picture.notes == (CONVERTED,)
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(picture.rgb.astype(int) - drawn).max() > 5
    np.testing.assert_array_equal(decode(by_pillow(drawn, same)).rgb, drawn)


def test_colours_that_are_not_read_are_told(drawn: np.ndarray) -> None:
    data = written(drawn)
    place = data.index(b"colr") + 7
    assert "colours that are not read" in refusal(data[:place] + (14).to_bytes(4, "big") + data[place + 4 :]).text


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_signed_samples_are_refused(drawn: np.ndarray, dtype: Any) -> None:
    assert refusal(written((drawn // 2).astype(dtype))).code == "unsupported_mode"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("codecformat", ["jp2", "j2k"])
def test_a_file_that_ends_too_early_is_damaged(drawn: np.ndarray, codecformat: str, share: float) -> None:
    data = written(drawn, codecformat)
    assert refusal(data[: int(len(data) * share)]).code == "truncated"


def test_what_declares_too_much_is_not_unpacked(drawn: np.ndarray) -> None:
    data = written(drawn, "j2k")
    assert refusal(data[:8] + (60_000).to_bytes(4, "big") * 2 + data[16:]).code == "too_many_pixels"
    assert refusal(data[:8] + (10_000).to_bytes(4, "big") * 2 + data[16:]).code == "too_much_memory"
