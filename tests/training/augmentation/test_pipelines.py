"""The published augmentations: pure functions of picture and seed, with the ranges that the authors name."""

import numpy as np
import pytest

from smear.imaging import synthetic
from training.augmentation.augment import Augmentation, augment
from training.augmentation.pipelines import PIPELINES, bushi_alexnet, cropped, flipped, moved


@pytest.fixture(scope="module")
def field():
    return synthetic.field(3, "leukemic", 96)


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_is_a_function_of_its_seed(name, field):
    before, plan = field.copy(), Augmentation(pipeline=name)
    made = [augment(field, plan, seed) for seed in range(12)]
    np.testing.assert_array_equal(field, before)
    assert all(one.shape == field.shape and one.dtype == np.uint8 for one in made)
    np.testing.assert_array_equal(made[5], augment(field, plan, 5))
    different = len({one.tobytes() for one in made})
    assert different == 1 if name == "none" else different >= 8
    assert all(np.array_equal(one, field) for one in made) == (name == "none")


def test_flips_go_both_ways(field):
    kinds = {flipped(field, np.random.default_rng(seed), vertical=True).tobytes() for seed in range(40)}
    assert kinds == {one.tobytes() for one in (field, field[:, ::-1], field[::-1], field[::-1, ::-1])}
    assert {flipped(field, np.random.default_rng(seed)).tobytes() for seed in range(40)} == {
        one.tobytes() for one in (field, field[:, ::-1])
    }


def test_a_crop_is_a_part_enlarged(field):
    spot = np.zeros((96, 96, 3), np.uint8)
    spot[40:56, 40:56] = 255
    areas = [(cropped(spot, np.random.default_rng(seed), 0.5)[..., 0] > 127).sum() for seed in range(30)]
    assert 16 * 16 * 0.9 <= min(areas) < max(areas) <= 16 * 16 * 4.3


def test_moving_by_an_offset_moves_by_that_many_pixels():
    spot = np.zeros((96, 96, 3), np.uint8)
    spot[46:50, 46:50] = 255
    at = np.argwhere(moved(spot, np.random.default_rng(0), offset=np.array([20, -15]))[..., 0] > 127).mean(axis=0)
    np.testing.assert_allclose(at, [47.5 - 15, 47.5 + 20], atol=0.6)


def test_bushis_translation_is_15_to_25_px_and_his_rotation_25_to_125_degrees():
    spot = np.zeros((97, 97, 3), np.uint8)
    spot[46:51, 46:51] = 255  # the middle: rotation leaves it where it is
    for seed in range(20):
        at = np.argwhere(bushi_alexnet(spot, np.random.default_rng(seed))[..., 0] > 127).mean(axis=0) - 48
        assert (np.abs(at) > 14).all()
        assert (np.abs(at) < 26).all()


def test_shear_leans_and_zoom_enlarges():
    bar = np.zeros((96, 96, 3), np.uint8)
    bar[10:86, 46:50] = 255
    leaning = [moved(bar, np.random.default_rng(seed), shear=20)[..., 0] > 127 for seed in range(6)]
    offsets = [abs(np.argwhere(one[12]).mean() - np.argwhere(one[82]).mean()) for one in leaning]
    assert max(offsets) > 8
    large = moved(bar, np.random.default_rng(0), zoom=(1.5, 1.5))[..., 0] > 127
    assert large.sum() > 1.3 * (bar[..., 0] > 127).sum()
