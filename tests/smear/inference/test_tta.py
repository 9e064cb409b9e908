"""One picture in several orientations: each is another, all come back upright, and no side is special any more."""

import numpy as np
import pytest
from scipy.special import log_softmax

from smear.inference.engines.engine import UnsuitableModelError
from smear.inference.engines.keras_engine import KerasEngine, last_dense
from smear.inference.network import Network
from smear.inference.suggestion import calibrated
from smear.inference.tta import averaged, confident, decided, mean, mean_upright, turned

SIDE, LABELS = 24, 3


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(5).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)


@pytest.fixture(scope="module")
def model(keras):
    """A network whose answer depends on how the picture lies."""
    keras.utils.set_random_seed(11)
    given = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(6, 5, strides=2, padding="same", activation="relu")(given)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="last")(x)
    return keras.Model(given, keras.layers.Dense(LABELS)(keras.layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_every_orientation_is_another_and_comes_back(pictures, count):
    shown = turned(pictures, range(count))
    assert shown.shape == (2 * count, SIDE, SIDE, 3)
    assert len({one.tobytes() for one in shown}) == 2 * count
    np.testing.assert_array_equal(mean_upright(shown.astype(np.float64), range(count)), pictures)
    assert mean(shown.reshape(2 * count, -1), range(count)).shape == (2, SIDE * SIDE * 3)


@pytest.mark.parametrize("count", [2, 4])
def test_a_picture_that_is_not_square_keeps_its_shape(count):
    wide = np.random.default_rng(1).integers(0, 256, (1, 8, 20, 3), np.uint8)
    shown = turned(wide, range(count))
    assert shown.shape == (count, 8, 20, 3)
    np.testing.assert_array_equal(mean_upright(shown.astype(np.float64), range(count)), wide)


def test_orientations_without_the_first_come_back_upright_too(pictures):
    shown = turned(pictures, range(1, 8))
    np.testing.assert_array_equal(mean_upright(shown.astype(np.float64), range(1, 8)), pictures)


def test_sure_is_a_probability_above_the_limit():
    logits = np.log([[0.96, 0.03, 0.01], [0.94, 0.05, 0.01], [0.01, 0.02, 0.97]])
    assert confident(logits, 0.95).tolist() == [True, False, True]
    assert not confident(np.array([[1e4, 0.0, 0.0]]), 1.0).any(), "nothing is surer than 1"


def test_only_what_is_unsure_upright_is_turned():
    """The first answer stands where it is sure; the others are the mean of all, in their place in the batch."""
    shown = []

    def ask(batch, which):
        shown.append((batch[:, 0, 0, 0].tolist(), which))
        lead = batch[:, 0, 0, 0].astype(np.float64)
        said = np.mean([lead + number for number in which], axis=0)
        return np.stack([said, 0 * said], axis=1), -said

    batch = np.zeros((4, 2, 2, 3))
    batch[:, 0, 0, 0] = [9, 1, 7, 2]
    logits, more = averaged(batch, 4, 0.95, ask)
    assert shown == [([9, 1, 7, 2], range(1)), ([1, 2], range(1, 4))]
    assert logits[:, 0].tolist() == pytest.approx([9, 1 + 1.5, 7, 2 + 1.5])
    assert more.tolist() == pytest.approx([-9, -2.5, -7, -3.5])
    shown.clear()
    averaged(batch, 4, 1.0, ask)
    assert shown == [([9, 1, 7, 2], range(4))]


def test_the_network_says_the_mean_of_what_it_says_of_each(model, pictures):
    upright, served = Network(KerasEngine(model, "last")), Network(KerasEngine(model, "last"), 4)
    each = [pictures, pictures[:, ::-1, ::-1], pictures[:, :, ::-1], pictures[:, ::-1]]
    said = [upright.forward(one) for one in each]
    assert np.abs(said[0].logits - said[1].logits).max() > 1e-3 * np.abs(said[0].logits).max()
    forward = served.forward(pictures)
    np.testing.assert_allclose(forward.logits, np.mean([one.logits for one in said], axis=0), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(forward.features, np.mean([one.features for one in said], axis=0), rtol=1e-4, atol=1e-3)
    back = [said[0].maps, said[1].maps[..., ::-1, ::-1], said[2].maps[..., ::-1], said[3].maps[..., ::-1, :]]
    np.testing.assert_allclose(forward.maps, np.mean(back, axis=0), rtol=1e-4, atol=1e-4)


def test_features_of_each_orientation_come_to_the_same_answer(model, pictures):
    """By the last layer and `decided`: so an answer is known without asking the network again."""
    kernel, bias = last_dense(model).get_weights()
    features = Network(KerasEngine(model, "last"), 1).features(pictures, range(4))
    assert features.shape == (len(pictures), 4, len(kernel))
    upright = Network(KerasEngine(model, "last"), 1).forward(pictures)
    np.testing.assert_allclose(features[:, 0], upright.features, rtol=1e-4, atol=1e-3)
    confidence = np.exp(log_softmax(upright.logits, axis=1)).max(axis=1)
    for limit in (1.0, float(np.sort(confidence)[:2].mean()), 1e-6):
        served = Network(KerasEngine(model, "last"), 4, limit).forward(pictures)
        np.testing.assert_allclose(decided(features @ kernel + bias, limit), served.logits, rtol=1e-4, atol=1e-2)


def test_how_the_picture_lies_changes_the_map_and_not_the_answer(model, pictures):
    network = Network(KerasEngine(model, "last"), 8)
    straight, lying = network.forward(pictures), network.forward(np.rot90(pictures, 1, axes=(1, 2)))
    np.testing.assert_allclose(straight.logits, lying.logits, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(np.rot90(straight.maps, 1, axes=(2, 3)), lying.maps, rtol=1e-4, atol=1e-4)


def test_a_network_that_is_sure_upright_is_not_shown_the_rest(keras, model, pictures):
    hesitant = keras.models.clone_model(model)
    *layers, kernel, bias = model.get_weights()
    hesitant.set_weights([*layers, kernel / 100, bias])
    upright, every = (
        Network(KerasEngine(hesitant, "last")).forward(pictures),
        Network(KerasEngine(hesitant, "last"), 8).forward(pictures),
    )
    surest = calibrated(upright.logits, 1.0).max(axis=1)
    assert abs(surest[0] - surest[1]) > 1e-4
    sure_one = int(surest.argmax())
    network = Network(KerasEngine(hesitant, "last"), 8, tta_confidence=float(surest.mean()))
    said = network.forward(pictures)
    for part in ("logits", "maps", "features"):
        first, other = getattr(upright, part)[sure_one], getattr(every, part)[1 - sure_one]
        np.testing.assert_allclose(getattr(said, part)[sure_one], first, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(getattr(said, part)[1 - sure_one], other, rtol=1e-4, atol=1e-3)
    assert network.orientations_of(pictures[sure_one][None]) == range(1)
    assert network.orientations_of(pictures[1 - sure_one][None]) == range(8)


def test_a_picture_that_is_not_square_is_not_read_on_its_side(keras):
    given = keras.Input((16, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="last")(given))
    wide = keras.Model(given, keras.layers.Dense(2)(pooled))
    assert Network(KerasEngine(wide, "last"), 4).forward(np.zeros((1, 16, 32, 3), np.uint8)).logits.shape == (1, 2)
    with pytest.raises(UnsuitableModelError, match="not square"):
        Network(KerasEngine(wide, "last"), 8)
