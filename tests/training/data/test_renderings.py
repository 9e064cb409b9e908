"""Renderings: each changes the picture as its name says, and always in the same way."""

import numpy as np
import pytest

from smear.imaging import synthetic
from training.data import renderings
from training.data.renderings import ADOBE_GAMMA, ADOBE_RGB, DISPLAY_P3, RENDERINGS


@pytest.fixture(scope="module")
def field():
    return synthetic.field(2, "leukemic", 224)


@pytest.mark.parametrize("name", RENDERINGS)
def test_a_rendering_is_a_picture_and_the_same_each_time(field, name):
    before = field.copy()
    first, second = RENDERINGS[name](field), RENDERINGS[name](field)
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert first.shape[2] == 3
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(field, before)
    assert (name == "as it is") == (first.shape == field.shape and bool((first == field).all()))


@pytest.mark.parametrize(
    ("primaries", "gamma", "green"), [(ADOBE_RGB, ADOBE_GAMMA, (144, 255, 60)), (DISPLAY_P3, None, (117, 251, 76))]
)
def test_the_green_of_srgb_has_other_numbers_in_a_wider_space_and_grey_has_not(primaries, gamma, green):
    """By the definitions of Adobe RGB (1998) and Display P3."""
    colours = np.array([[[0, 255, 0], [255, 255, 255], [0, 0, 0]]], np.uint8)
    changed = renderings.in_numbers_of(colours, primaries, gamma)[0]
    np.testing.assert_allclose(changed[0], green, atol=1)
    np.testing.assert_allclose(changed[1:], colours[0, 1:], atol=1)


def test_light_and_colour_change_by_the_amount_that_is_said(field):
    grey = np.full((16, 16, 3), 100, np.uint8)
    assert renderings.stray_light(np.zeros_like(grey), 40).max() == 40
    assert renderings.stray_light(np.full_like(grey, 255), 40).min() == 255
    np.testing.assert_array_equal(renderings.turn_hue(grey, 90), grey)
    np.testing.assert_array_equal(renderings.turn_hue(np.array([[[255, 0, 0]]], np.uint8), 120), [[[0, 255, 0]]])
    np.testing.assert_array_equal(renderings.saturate(grey, 3), grey)
    assert renderings.expose(grey, 0.5).mean() == pytest.approx(72, abs=2)  # half the light, not half the number
    assert renderings.noise(grey, 10).std() == pytest.approx(10, rel=0.15)
    corner, middle = (renderings.vignette(grey, 0.5)[y, y].mean() for y in (0, 8))
    assert corner == pytest.approx(50, abs=1)
    assert middle == pytest.approx(100, abs=2)


def test_sizes_are_those_that_are_said(field):
    assert renderings.shrink(field, 2).shape == (112, 112, 3)
    assert renderings.enlarge(field, 3).shape == (672, 672, 3)
    assert len(np.unique(renderings.mosaic(field, 2).reshape(112, 2, 112, 2, 3).std(axis=(1, 3)))) == 1
