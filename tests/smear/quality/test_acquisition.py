"""How a picture was taken: what a rendering changes stands out, whatever is on the picture."""

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.inference.ood import FOREIGN_CELLS, FOREIGN_PICTURE, LENGTH, Distribution
from smear.quality import acquisition
from smear.quality.acquisition import CORNERS, DEPTH, DETAIL, EXPOSURE, LAMP, MEASURES, NOISE, ROWS, SQUARES, measure
from smear.segmentation.find import find
from training.data import renderings
from training.data.renderings import RENDERINGS

SIDE = 192
LIMIT = 1.7


def drawn(seed):
    """A drawn field as a camera with a little noise of its own gives it."""
    return renderings.jpeg(renderings.noise(synthetic.field(seed, "leukemic", 224), 2), 92)


@pytest.fixture(scope="module")
def known():
    """The statistics of drawn fields; what describes their leukocytes is left at zero, so that it never speaks."""
    measures = np.stack([measure(find(drawn(seed)), SIDE) for seed in range(150)])
    cells = np.random.default_rng(0).normal(0, 1, (len(measures), LENGTH))
    return Distribution.fit(np.hstack([cells, measures]))


def seen(rgb):
    return np.concatenate([np.zeros(LENGTH), measure(find(rgb), SIDE)])


def test_every_measure_has_its_number_and_its_words():
    values = measure(find(drawn(1)), SIDE)
    assert values.shape == (len(MEASURES),)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("seed", [150, 151, 152])
def test_a_picture_of_the_same_kind_stays_below_the_limit(known, seed):
    assert known.score(seen(drawn(seed))[None])[0] < LIMIT


@pytest.mark.parametrize(
    ("rendering", "words"),
    [
        ("noise 15", {NOISE, DETAIL}),
        ("blur 2", {DETAIL, NOISE}),
        ("sharpening 2.5", {DETAIL, NOISE, EXPOSURE}),
        ("interlacing 2 px", {ROWS}),
        ("mosaic 2", {SQUARES}),
        ("mosaic 3", {SQUARES}),
        ("JPEG 10", {SQUARES, NOISE}),
        ("exposure 0.5", {LAMP}),
        ("white balance warm", {LAMP}),
        ("stray light 90", {DEPTH, LAMP, NOISE}),
        ("vignette 0.6", {CORNERS, LAMP}),
    ],
)
def test_a_rendering_is_foreign_and_the_sentence_says_by_what(known, rendering, words):
    changed = seen(RENDERINGS[rendering](drawn(160)))
    assert known.score(changed[None])[0] > LIMIT
    assert known.why(changed, LIMIT) in {FOREIGN_PICTURE.format(word) for word in words}


def test_burnt_out_light_is_measured():
    clipped = list(MEASURES).index("clipped")
    before, after = (measure(find(rgb), SIDE)[clipped] for rgb in (drawn(3), renderings.expose(drawn(3), 1.6)))
    assert after > before + 0.2
    assert MEASURES["clipped"] == EXPOSURE


def test_noise_that_shrinking_averages_out_is_not_counted():
    """A large picture is measured at about the size of what the network is given."""
    field = synthetic.field(5, "leukemic", 896)
    places = [list(MEASURES).index(name) for name in ("noise_light", "noise_red")]
    large, small = (measure(find(renderings.noise(rgb, 6)), SIDE)[places] for rgb in (field, field[::4, ::4].copy()))
    assert (large < small - 0.3).all()


def test_leukocytes_that_are_foreign_by_themselves_are_named_first(known):
    picture = seen(RENDERINGS["mosaic 3"](drawn(161)))
    picture[:LENGTH] = 9
    assert known.why(picture, LIMIT) == FOREIGN_CELLS


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_colour_has_finite_numbers(value):
    assert np.isfinite(measure(find(np.full((48, 48, 3), value, np.uint8)), SIDE)).all()


def test_earlier_statistics_look_at_the_leukocytes_alone():
    cells = np.random.default_rng(1).normal(0, 1, (60, LENGTH))
    earlier = Distribution.fit(cells)
    both = np.hstack([cells, np.full((60, len(acquisition.MEASURES)), 1e6)])
    np.testing.assert_allclose(earlier.score(both), earlier.score(cells))
    assert earlier.why(both[0], 0.0) == FOREIGN_CELLS


@pytest.mark.parametrize("size", [(16, 30000), (30000, 16), (40, 4000), (9000, 60)])
@pytest.mark.filterwarnings("error")
def test_a_long_thin_picture_has_finite_numbers(size):
    strip = np.resize(drawn(3), (*size, 3))
    assert np.isfinite(measure(find(strip), SIDE)).all()
