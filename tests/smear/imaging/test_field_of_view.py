"""A round field of view is found and cut; a cell that was cut out on black, and any other picture, is left alone."""

import cv2
import numpy as np
import pytest

from smear.imaging import field_of_view, synthetic
from smear.imaging.decode import decode, encode
from smear.imaging.field_of_view import Circle
from smear.inference.field_reader import Reader


def through_an_eyepiece(rgb, radius, x=0.5, y=0.5, dark=12, rim=1.5):
    """Darken all outside of a circle; radius in shares of the shorter side, x and y of the sides."""
    height, width = rgb.shape[:2]
    down, across = np.ogrid[:height, :width]
    inside = radius * min(height, width) - np.hypot(across - x * width, down - y * height)
    light = np.clip(inside / rim + 0.5, 0, 1)[..., None]
    tube = np.random.default_rng(0).normal(dark, 4, rgb.shape)
    return np.clip(rgb * light + tube * (1 - light), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(224, 224), (400, 640), (1200, 900)])
@pytest.mark.parametrize(
    "where", [{"radius": 0.43}, {"radius": 0.55}, {"radius": 0.3, "x": 0.6, "y": 0.45}, {"radius": 0.43, "rim": 8}]
)
def test_it_is_found_and_what_is_kept_has_no_dark_corner(shape, where):
    drawn = synthetic.field(4, "leukemic", max(shape))[: shape[0], : shape[1]]
    rgb = through_an_eyepiece(drawn, **where)
    circle = field_of_view.find(rgb)
    assert circle is not None
    radius = where["radius"] * min(shape)
    assert circle.radius == pytest.approx(radius, rel=0.04)
    kept = field_of_view.cut(rgb, circle)
    assert kept.size / 3 > 0.85 * min(2 * radius * radius, 0.6 * rgb.shape[0] * rgb.shape[1])
    x, y = (int(offset) for offset in divmod((kept.ctypes.data - rgb.ctypes.data) // 3, shape[1])[::-1])
    np.testing.assert_array_equal(kept, drawn[y : y + kept.shape[0], x : x + kept.shape[1]])


def test_other_pictures_are_left_alone():
    for kind in ("leukemic", "sparse", "blank"):
        for seed in range(8):
            assert field_of_view.find(synthetic.field(seed, kind, 224)) is None
    cell = np.zeros((450, 450, 3), np.uint8)
    cv2.circle(cell, (225, 225), 120, (150, 90, 170), cv2.FILLED)
    assert field_of_view.find(cell) is None
    for value in (0, 255):
        assert field_of_view.find(np.full((64, 64, 3), value, np.uint8)) is None
    square = np.zeros((300, 300, 3), np.uint8)
    square[60:240, 60:240] = 230
    assert field_of_view.find(square) is None


@pytest.mark.parametrize("folder", ["cnmc/ALL", "cnmc/normal", "leukemia_types/AML", "pbc/neutrophil"])
@pytest.mark.realdata
def test_no_real_cell_or_field_is_taken_for_one(data, folder):
    files = [path for path in sorted((data / folder).rglob("*")) if path.suffix.lower() in (".jpg", ".png")][::7][:40]
    assert files
    assert not [file.name for file in files if field_of_view.find(decode(file.read_bytes()).rgb)]


def test_the_rectangle_of_a_circle_beyond_the_picture_stays_within_both():
    rgb = np.zeros((100, 200, 3), np.uint8)
    kept = field_of_view.cut(rgb, Circle(100, 50, 90))
    height, width = kept.shape[:2]
    assert height <= 100
    assert np.hypot(width / 2, height / 2) <= 90
    assert width * height > 0.95 * 100 * 2 * np.sqrt((0.95 * 90) ** 2 - 50**2)


def test_a_picture_through_an_eyepiece_is_read_as_what_is_in_it(shipped):
    """Boxes, sizes and findings are those of what was cut out; the note says so. Another picture is the very same."""
    drawn = synthetic.field(4, "leukemic", 448)
    round_one = encode(through_an_eyepiece(drawn, 0.48), "PNG")
    reading = Reader(shipped).read(round_one)
    assert reading.width < 448
    assert [note for note in reading.notes if note.startswith("The round field of view was cut out")]
    assert not [finding for finding in reading.findings if finding.code in ("cut_out", "too_dark")]
    plain = decode(encode(drawn, "PNG"))
    assert field_of_view.framed(plain) is plain
