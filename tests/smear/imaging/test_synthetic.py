"""Drawn fields: the same everywhere, of the right content, fast, and with colours like the real ones."""

import time
import zlib

import cv2
import numpy as np
import pytest

from smear.imaging.synthetic import KINDS, MAX_SIZE, MIN_SIZE, field

CHECKSUMS = {
    "sparse": 2138976620,
    "leukemic": 1598827847,
    "erythrocytes_only": 234035167,
    "blank": 2050449843,
}


def violet(rgb: np.ndarray) -> np.ndarray:
    """Where nuclei are: much more blue than green, and darker in the green than any erythrocyte."""
    _, green, blue = cv2.split(cv2.GaussianBlur(rgb, (0, 0), 1).astype(np.int16))
    return (blue - green > 45) & (green < 0.68 * np.percentile(green, 90))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [MIN_SIZE, 224, 301, 448])
def test_shape_and_range(kind: str, size: int) -> None:
    rgb = field(0, kind, size)
    assert rgb.shape == (size, size, 3)
    assert rgb.dtype == np.uint8
    assert rgb.mean() > 120


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_pixels(kind: str) -> None:
    np.testing.assert_array_equal(field(7, kind, 160), field(7, kind, 160))
    assert not np.array_equal(field(7, kind, 160), field(8, kind, 160))


def test_a_seed_gives_these_pixels_on_every_machine() -> None:
    checksums = {kind: zlib.crc32(field(1, kind, 224).tobytes()) for kind in KINDS}
    assert checksums == CHECKSUMS


def test_size_is_magnification() -> None:
    small, large = field(5, "leukemic", 224), field(5, "leukemic", 448)
    reduced = cv2.resize(large, (224, 224), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - small).mean() < 4


@pytest.mark.parametrize("seed", range(12))
def test_leukocytes_are_where_the_kind_says(seed: int) -> None:
    share = {kind: violet(field(seed, kind, 224)).mean() for kind in KINDS}
    assert share["blank"] == 0
    assert share["erythrocytes_only"] < 0.02
    assert 0.003 < share["sparse"] < 0.04
    assert 0.03 < share["leukemic"] < 0.3
    assert share["leukemic"] > 2 * share["sparse"]


@pytest.mark.parametrize("seed", range(12))
def test_the_background_is_pale(seed: int) -> None:
    for kind in KINDS:
        brightest = np.percentile(field(seed, kind, 224).min(axis=2), 80)
        assert brightest > 180


@pytest.mark.parametrize(("kind", "size"), [("malignant", 224), ("sparse", MIN_SIZE - 1), ("sparse", MAX_SIZE + 1)])
def test_unknown_kinds_and_sizes_are_errors(kind: str, size: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        field(0, kind, size)


def test_every_kind_has_a_sentence() -> None:
    assert set(KINDS) == {"sparse", "leukemic", "erythrocytes_only", "blank"}
    assert all(kind.text.endswith(".") for kind in KINDS.values())


def test_fast_enough_to_draw_while_someone_waits() -> None:
    field(0)
    started = time.process_time()
    field(1)
    assert time.process_time() - started < 0.3


@pytest.mark.parametrize(
    ("kind", "seed"), [("sparse", 54), ("sparse", 62), ("leukemic", 76), ("erythrocytes_only", 124)]
)
def test_cells_wholly_outside_the_field_are_no_error(kind: str, seed: int) -> None:
    """These seeds place a platelet beyond the upper or the left edge."""
    assert field(seed, kind, 448).shape == (448, 448, 3)
