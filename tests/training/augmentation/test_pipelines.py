"""The published augmentations: pure functions of picture and seed, with the ranges that the authors name."""

import numpy as np
import pytest
from msgspec import structs

from smear.imaging import synthetic
from training.augmentation.augment import Augmentation, augment
from training.augmentation.pipelines import (
    PIPELINES,
    abed,
    bushi,
    bushi_alexnet,
    cropped,
    flipped,
    khan,
    mirrored,
    moved,
)
from training.data.renderings import stray_light


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


def test_bushis_copies_are_moved_by_15_to_25_px_or_mirrored_along_one_axis_or_turned_left_or_right():
    spots = np.zeros((97, 97, 3), np.uint8)
    spots[46:51, 46:51] = 200  # the middle: neither a mirror nor a rotation moves it
    spots[58:63, 50:55] = 255
    mirrors = {spots[:, ::-1].tobytes(), spots[::-1].tobytes()}
    kinds, turns = [], []
    for seed in range(60):
        changed = bushi_alexnet(spots, np.random.default_rng(seed))
        if changed.tobytes() in mirrors:
            kinds.append("mirrored")
        elif changed[48, 48, 0] > 150:
            kinds.append("turned")
            y, x = np.argwhere(changed[..., 0] > 220).mean(axis=0) - 48
            turns.append(np.degrees(np.arctan2(x, y) - np.arctan2(4, 12)))
        else:
            kinds.append("moved")
            away = np.abs(np.argwhere(changed[..., 0] > 220).mean(axis=0) - (60, 52))
            assert (away > 14).all()
            assert (away < 26).all()
    assert set(kinds) == {"mirrored", "turned", "moved"}
    turns = (np.array(turns) + 180) % 360 - 180
    assert (np.abs(turns) > 22).all()
    assert (np.abs(turns) < 128).all()
    assert {-1, 1} == set(np.sign(turns))


def test_khans_shift_is_of_the_width_alone():
    bar = np.zeros((96, 96, 3), np.uint8)
    bar[44:52] = 255  # horizontal: a shift of the width leaves it where it is, and rotation keeps its middle
    for seed in range(20):
        changed = moved(bar, np.random.default_rng(seed), shift=(0.2, 0))
        np.testing.assert_array_equal(changed, bar)
    rows = [np.argwhere(khan(bar, np.random.default_rng(seed))[..., 0] > 127)[:, 0].mean() for seed in range(20)]
    assert np.abs(np.array(rows) - 47.5).max() < 96 * 0.2 * np.tan(np.radians(15)) + 1


def test_abed_changes_saturation_and_bushi_mirrors_along_one_axis_at_most():
    red = np.full((40, 40, 3), (180, 100, 100), np.uint8)
    ratios = []
    for seed in range(20):
        changed = abed(red, np.random.default_rng(seed)).astype(float)[20, 20]
        ratios.append((changed[0] - changed[1]) / changed.mean())
    assert max(ratios) > 1.1 * 80 / (380 / 3) > 0.9 * 80 / (380 / 3) > min(ratios)
    field = synthetic.field(3, "leukemic", 96)
    kinds = {mirrored(field, np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert kinds == {field[:, ::-1].tobytes(), field[::-1].tobytes()}
    values = set(np.unique(bushi(np.where(field > 127, 255, 0).astype(np.uint8), np.random.default_rng(1))))
    assert values == {0, 255}  # nearest neighbour: nothing is mixed


def test_shear_leans_and_zoom_enlarges():
    bar = np.zeros((96, 96, 3), np.uint8)
    bar[10:86, 46:50] = 255
    leaning = [moved(bar, np.random.default_rng(seed), shear=20)[..., 0] > 127 for seed in range(6)]
    offsets = [abs(np.argwhere(one[12]).mean() - np.argwhere(one[82]).mean()) for one in leaning]
    assert max(offsets) > 8
    large = moved(bar, np.random.default_rng(0), zoom=(1.5, 1.5))[..., 0] > 127
    assert large.sum() > 1.3 * (bar[..., 0] > 127).sum()


def test_another_camera_changes_what_a_camera_does_and_leaves_the_background(field):
    plan = Augmentation(flips=False, rotation=0, zoom=(1, 1), shift=0, hue=0, saturation=(1, 1), value=(1, 1))
    plan = structs.replace(plan, density=(1, 1), blur=0.0)
    np.testing.assert_allclose(augment(field, plan, 1), field, atol=6)  # to HSV and back
    changed = [augment(field, structs.replace(plan, camera=1.0), seed) for seed in range(4)]
    assert all(one.shape == field.shape and one.dtype == np.uint8 for one in changed)
    assert all(np.abs(one.astype(int) - field).mean() > 2 for one in changed)
    np.testing.assert_array_equal(changed[2], augment(field, structs.replace(plan, camera=1.0), 2))
    white = augment(np.full((64, 64, 3), 255, np.uint8), structs.replace(plan, camera=1.0), 0)
    assert white.mean() > 245


def test_colour_is_taken_away_as_often_as_asked_and_density_changes_together(field):
    plan = Augmentation(density=(1, 1), grey=0.5)
    grey = [np.ptp(augment(field, plan, seed).astype(int), axis=2).max() == 0 for seed in range(40)]
    assert 8 < sum(grey) < 32
    still = Augmentation(flips=False, rotation=0, zoom=(1, 1), shift=0, hue=0, saturation=(1, 1), value=(1, 1), blur=0)
    dark = augment(field, structs.replace(still, density=(1, 1), densities=(2, 2)), 0)
    assert dark.mean() < field.mean() - 5


def test_stray_light_is_that_of_the_rendering_and_leaves_white(field):
    still = Augmentation(flips=False, rotation=0, zoom=(1, 1), shift=0, hue=0, saturation=(1, 1), value=(1, 1), blur=0)
    still = structs.replace(still, density=(1, 1))
    plain = augment(field, still, 0)
    shares = []
    for seed in range(12):
        lit = augment(field, structs.replace(still, stray_light=0.3), seed)
        shares.append(float((lit - plain.astype(float)).sum() / (255 - plain.astype(float)).sum()))
        np.testing.assert_allclose(lit, stray_light(plain, 255 * shares[-1]), atol=1)
    assert 0 <= min(shares) < 0.1 < 0.2 < max(shares) < 0.31
