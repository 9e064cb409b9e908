"""Stain matching: the gains are found that another stain was made with, and white stays white."""

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.stain import denser
from smear.inference.card import Step
from smear.inference.ood import ood_features
from smear.inference.preprocess import Sight, UnknownStepError, run
from training.adaptation.stain import gains


@pytest.fixture(scope="module")
def cells():
    """Drawn cells as a network is given them: on white."""
    fields = [synthetic.field(seed, "leukemic", 224) for seed in range(6)]
    return np.stack([np.where((one.min(axis=2) < 200)[..., None], one, 255).astype(np.uint8) for one in fields])


@pytest.mark.parametrize("turned", [(1.3, 1.3, 1.3), (0.7, 0.8, 0.9), (1.5, 0.8, 1.1), (1.0, 1.0, 1.0)])
def test_the_other_stain_is_undone(cells, turned):
    """Nearly: which pixels count as stained changes with the stain."""
    wanted = np.mean([ood_features(one)[:3] for one in cells], axis=0)
    found = gains(np.stack([denser(one, turned) for one in cells]), wanted)
    np.testing.assert_allclose(np.array(found) * turned, 1, atol=0.12)


def test_white_stays_white_and_order_stays(cells):
    assert (denser(cells[0], (0.5, 2.0, 3.0))[cells[0].min(axis=2) == 255] == 255).all()
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for gain in (0.25, 0.9, 1.0, 4.0):
        assert (np.diff(denser(ramp, (gain,) * 3)[0, :, 0].astype(int)) >= 0).all()
    np.testing.assert_array_equal(denser(ramp, (1, 1, 1)), ramp)
    twice = denser(np.full((1, 1, 3), 127, np.uint8), (2, 1, 1))
    assert twice.tolist() == [[[63, 127, 127]]]  # half the light, and half of that


def test_a_step_of_a_card_does_it(cells):
    sight = Sight(cells[0], field=None)
    step = Step("optical_density", {"gains": [1.2, 0.9, 1.0]})
    np.testing.assert_array_equal(run([step], sight).rgb, denser(cells[0], (1.2, 0.9, 1.0)))
    for wrong in ([1.0], [0.1, 1, 1], [1, 1, 9]):
        with pytest.raises(UnknownStepError):
            run([Step("optical_density", {"gains": wrong})], sight)
