"""Named steps with parameters; the default chain leaves nothing of the slide."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.inference.bundle import read_card
from smear.inference.card import Step
from smear.inference.preprocess import STEPS, UnknownStepError, begin, prepare, run
from smear.rendering.overlays import INFERNO, NAMES, UnknownViewError, overlay, render
from smear.segmentation.find import find
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def card():
    return read_card(ROOT / "models" / "leukolens-field")


@pytest.fixture(scope="module")
def field():
    return synthetic.field(10, "leukemic")  # its lower right corner is free


def test_the_network_sees_leukocytes_on_white_and_nothing_else(card, field):
    seen = prepare(find(field), card)
    assert seen.shape == (card.input.height, card.input.width, 3)
    assert seen.dtype == np.uint8
    share = begin(find(field)).field.cells.mean()
    assert (seen.min(axis=2) < 250).mean() == pytest.approx(share, abs=0.03)


def test_what_stands_outside_the_leukocytes_does_not_reach_the_network(card, field):
    marked = field.copy()
    marked[-30:, -70:] = 255
    marked[-20:-17, -60:-10] = 0  # a scale bar
    cells = begin(find(field)).field.cells
    assert not cells[-36:, -76:].any(), "choose a field whose corner is free"
    seen = prepare(find(marked), card)
    assert seen[-13:, -30:].min() == 255
    # The network that finds them looks at the whole picture: on the rims of cells single pixels may change sides.
    rims = cv2.morphologyEx(cv2.resize(cells.astype(np.uint8), seen.shape[1::-1]), cv2.MORPH_GRADIENT, np.ones((5, 5)))
    changed = np.abs(seen.astype(int) - prepare(find(field), card)).max(axis=2) > 2
    assert changed.mean() < 0.005
    assert not changed[rims == 0].any()


def test_white_balance_takes_the_lamp_away(field):
    tinted = np.clip(field * np.array([0.9, 0.8, 0.6]), 0, 255).astype(np.uint8)
    steps = [Step("white_balance")]
    balanced, plain = run(steps, begin(find(tinted))).rgb, run(steps, begin(find(field))).rgb
    assert np.abs(balanced.astype(int) - plain).mean() < 3
    assert np.abs(tinted.astype(int) - field).mean() > 30


def test_a_median_takes_single_pixels_away():
    picture = np.full((32, 32, 3), 200, np.uint8)
    picture[10, 10] = 0
    assert run([Step("median", {"size": 3})], begin(find(picture))).rgb.min() == 200


def test_a_fixed_hsv_range_leaves_what_lies_in_it():
    picture = np.full((32, 32, 3), (240, 235, 240), np.uint8)
    picture[:, :8] = (110, 60, 160)  # violet, hue 135
    picture[:, 8:16] = (200, 60, 60)  # red, hue 0
    steps = [Step("median"), Step("hsv_range", {"lower": [110, 60, 0], "upper": [175, 255, 255], "background": 7})]
    seen = run(steps, begin(find(picture))).rgb
    assert (seen[:, :8] == picture[:, :8]).all()
    assert (seen[:, 8:] == 7).all()
    around_red = [Step("hsv_range", {"lower": [170, 60, 0], "upper": [10, 255, 255]})]
    seen = run(around_red, begin(find(picture))).rgb
    assert (seen[:, 8:16] == picture[:, 8:16]).all()
    assert (seen[:, :8] == 255).all()
    assert (seen[:, 16:] == 255).all()


def test_sharpening_steepens_edges_and_leaves_flat_places_alone():
    picture = np.full((32, 32, 3), 100, np.uint8)
    picture[:, 16:] = 140
    seen = run([Step("sharpen")], begin(find(picture))).rgb[:, :, 0].astype(int)
    assert (seen[4:-4, 15] < 100).all()
    assert (seen[4:-4, 16] > 140).all()
    assert (seen[4:-4, 4:12] == 100).all()


def test_the_steps_of_camsr_crop_stretch_and_emboss():
    picture = np.full((40, 60, 3), 120, np.uint8)
    picture[10:30, 20:40] = 150
    cropped = run([Step("crop", {"share": 0.5})], begin(find(picture))).rgb
    np.testing.assert_array_equal(cropped, picture[10:30, 15:45])
    stretched = run([Step("contrast", {"clip": 0.0})], begin(find(picture))).rgb
    assert (int(stretched.min()), int(stretched.max())) == (0, 255)
    embossed = run([Step("emboss")], begin(find(picture))).rgb.astype(int)
    assert (embossed[2:8, 2:15] == 120).all()  # it keeps brightness where nothing changes
    assert embossed[9, 25, 0] > 120  # and lights the edges from one side
    assert embossed[30, 35, 0] < 120


@pytest.mark.parametrize("bound", [[110, 60], 110, ["blue", 60, 0]])
def test_a_bound_that_is_none_is_named(field, bound):
    with pytest.raises(UnknownStepError, match="'hsv_range' does not take"):
        run([Step("hsv_range", {"lower": bound, "upper": [175, 255, 255]})], begin(find(field)))


def test_unknown_steps_and_parameters_are_named(field):
    with pytest.raises(UnknownStepError, match="no preprocessing step 'x-ray'"):
        run([Step("x-ray")], begin(find(field)))
    with pytest.raises(UnknownStepError, match="'median' does not take"):
        run([Step("median", {"radius": 2})], begin(find(field)))
    assert {"median", "white_balance", "only_leukocytes", "hsv_range", "resize"} <= set(STEPS)


@pytest.mark.parametrize("name", NAMES)
def test_every_view_is_a_picture(card, field, name):
    view = render(find(np.tile(field, (5, 4, 1))), name, card)
    assert view.dtype == np.uint8
    assert view.shape[2] == 3
    assert max(view.shape) <= 1600


def test_an_unknown_view_is_named(card, field):
    with pytest.raises(UnknownViewError, match="no view 'x-ray'"):
        render(find(field), "x-ray", card)


def test_the_overlay_follows_map_and_opacity(field):
    grid = np.zeros((6, 6), np.float32)
    grid[0, 0] = 1
    covered = overlay(field, grid, 1.0)
    assert covered[0, 0].tolist() == INFERNO[255].tolist()
    assert covered[-1, -1].tolist() == INFERNO[0].tolist()
    assert np.array_equal(overlay(field, grid, 0.0), field)
    assert np.array_equal(overlay(field, np.zeros((0, 0))), field)


ONE = [Step("one_leukocyte"), Step("resize", {"height": 96, "width": 96})]


def test_surroundings_are_left_where_they_are_asked_for(field):
    """The cell lies where it lies without them; around it nothing is painted."""
    alone, whole = (
        run([Step("one_leukocyte", {"margin": 0.3, "surroundings": asked})], begin(find(field))).rgb
        for asked in (False, True)
    )
    assert alone.shape == whole.shape
    painted = (alone == 255).all(axis=2)
    np.testing.assert_array_equal(alone[~painted], whole[~painted])
    assert 0.3 < painted.mean() < 0.9
    assert (whole[painted] != 255).any()


def test_one_leukocyte_is_cut_out_and_fills_the_square(field):
    found = begin(find(field)).field
    whole = [int(i) for i in np.flatnonzero(~found.cut)]
    assert len(whole) > 2
    for i in whole:
        seen = run(ONE, begin(found, i)).rgb
        cell = seen.min(axis=2) < 250
        assert seen.shape == (96, 96, 3)
        assert 0.35 < cell.mean() < 0.9
        assert not cell[[0, -1]].any()
        assert not cell[:, [0, -1]].any()
        rows, columns = np.nonzero(cell)
        assert max(np.ptp(rows), np.ptp(columns)) > 78


def test_without_a_number_it_is_the_one_nearest_to_the_middle(field):
    found = begin(find(field)).field
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    nearest = int(np.hypot(*(middles - np.array(field.shape[1::-1]) / 2).T).argmin())
    assert np.array_equal(run(ONE, begin(found)).rgb, run(ONE, begin(found, nearest)).rgb)


def test_a_cell_looks_the_same_in_its_field_under_another_lamp_and_on_black(field):
    found = begin(find(field)).field
    i = int(np.flatnonzero(~found.cut)[0])
    here = run(ONE, begin(found, i)).rgb.astype(int)
    x0, y0, x1, y1 = found.boxes[i]
    inside = found.labels[y0:y1, x0:x1] == i + 1
    black = np.zeros((160, 160, 3), np.uint8)
    black[20 : 20 + y1 - y0, 30 : 30 + x1 - x0][inside] = field[y0:y1, x0:x1][inside]
    tinted = np.clip(field * np.array([0.92, 0.85, 0.7]), 0, 255).astype(np.uint8)
    for other in (begin(find(black)), begin(find(tinted), i)):
        assert np.abs(run(ONE, other).rgb - here).mean() < 9


def test_without_its_rim_nothing_of_what_a_cell_stood_on_is_left(field):
    kept = np.zeros((200, 200), np.uint8)
    cv2.circle(kept, (100, 100), 50, 1, -1)
    cell = np.where(kept[..., None] > 0, np.uint8((150, 90, 160)), np.uint8(0))
    sight = replace(begin(find(field)), rgb=cv2.GaussianBlur(cell, (0, 0), 1.5), whole=None, mask=kept > 0)
    with_rim, without = (run([Step("one_leukocyte", {"rim": rim})], sight).rgb for rim in (0.0, 0.05))
    assert with_rim.shape == without.shape
    across = [np.sqrt((seen.min(axis=2) < 250).sum() * 4 / np.pi) for seen in (with_rim, without)]
    assert across == pytest.approx([101, 91], abs=1.5)
    middle = with_rim[with_rim.shape[0] // 2, with_rim.shape[1] // 2].max()
    darker = [int((seen.max(axis=2) < 0.8 * middle).sum()) for seen in (with_rim, without)]
    assert darker[0] > 100
    assert darker[1] == 0


def test_a_cell_is_cut_from_the_picture_at_its_own_size():
    large = synthetic.field(10, "leukemic", 1600)
    found = begin(find(large)).field
    i = int(np.flatnonzero(~found.cut)[0])
    seen = run([Step("one_leukocyte")], begin(found, i)).rgb
    x0, y0, x1, y1 = found.boxes[i]
    assert seen.shape[0] == pytest.approx(max(x1 - x0, y1 - y0), rel=0.1)


def test_without_a_leukocyte_nothing_is_left():
    blank = np.full((64, 64, 3), 240, np.uint8)
    assert (run(ONE, begin(find(blank))).rgb == 255).all()


def test_what_is_kept_in_place_of_leukocytes_is_chosen_from(field):
    kept = np.zeros(field.shape[:2], bool)
    kept[10:40, 10:40] = True
    middle = slice(field.shape[0] // 2 - 12, field.shape[0] // 2 + 12)
    kept[middle, middle] = True
    seen = run([Step("one_leukocyte", {"margin": 0.0})], replace(begin(find(field)), mask=kept)).rgb
    assert seen.shape == (24, 24, 3)
