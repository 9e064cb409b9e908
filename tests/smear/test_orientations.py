"""One picture in several orientations: each is another, all come back upright, and no side is special any more."""

import numpy as np
import pytest

from smear.network import Network, UnsuitableModelError
from smear.orientations import mean, mean_upright, turned

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
    shown = turned(pictures, count)
    assert shown.shape == (2 * count, SIDE, SIDE, 3)
    assert len({one.tobytes() for one in shown}) == 2 * count
    np.testing.assert_array_equal(mean_upright(shown.astype(np.float64), count), pictures)
    assert mean(shown.reshape(2 * count, -1), count).shape == (2, SIDE * SIDE * 3)


@pytest.mark.parametrize("count", [2, 4])
def test_a_picture_that_is_not_square_keeps_its_shape(count):
    wide = np.random.default_rng(1).integers(0, 256, (1, 8, 20, 3), np.uint8)
    assert turned(wide, count).shape == (count, 8, 20, 3)
    np.testing.assert_array_equal(mean_upright(turned(wide, count).astype(np.float64), count), wide)


def test_the_network_says_the_mean_of_what_it_says_of_each(model, pictures):
    upright, served = Network(model, "last"), Network(model, "last", 4)
    each = [pictures, pictures[:, ::-1, ::-1], pictures[:, :, ::-1], pictures[:, ::-1]]
    said = [upright.forward(one) for one in each]
    assert np.abs(said[0].logits - said[1].logits).max() > 1e-3 * np.abs(said[0].logits).max()
    forward = served.forward(pictures)
    np.testing.assert_allclose(forward.logits, np.mean([one.logits for one in said], axis=0), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(forward.features, np.mean([one.features for one in said], axis=0), rtol=1e-4, atol=1e-3)
    back = [said[0].maps, said[1].maps[..., ::-1, ::-1], said[2].maps[..., ::-1], said[3].maps[..., ::-1, :]]
    np.testing.assert_allclose(forward.maps, np.mean(back, axis=0), rtol=1e-4, atol=1e-4)


def test_how_the_picture_lies_changes_the_map_and_not_the_answer(model, pictures):
    network = Network(model, "last", 8)
    straight, lying = network.forward(pictures), network.forward(np.rot90(pictures, 1, axes=(1, 2)))
    np.testing.assert_allclose(straight.logits, lying.logits, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(np.rot90(straight.maps, 1, axes=(2, 3)), lying.maps, rtol=1e-4, atol=1e-4)


def test_a_picture_that_is_not_square_is_not_read_on_its_side(keras):
    given = keras.Input((16, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="last")(given))
    wide = keras.Model(given, keras.layers.Dense(2)(pooled))
    assert Network(wide, "last", 4).forward(np.zeros((1, 16, 32, 3), np.uint8)).logits.shape == (1, 2)
    with pytest.raises(UnsuitableModelError, match="not square"):
        Network(wide, "last", 8)
