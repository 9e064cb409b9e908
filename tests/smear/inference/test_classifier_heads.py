"""Networks that do not end in pooling and one dense layer: their maps are Grad-CAM all the same, or there are none."""

from types import SimpleNamespace

import numpy as np
import pytest

from smear.inference.engines.engine import UnsuitableModelError
from smear.inference.engines.keras_engine import KerasEngine
from smear.inference.network import Network
from smear.rendering.explain import evidence, explain

SIDE = 40


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(3).uniform(0, 255, (3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def models(keras):
    """By what is special about them: (model, layers to explain)."""
    layers = keras.layers
    keras.utils.set_random_seed(5)

    def start():
        given = keras.Input((SIDE, SIDE, 3))
        return given, layers.Rescaling(1 / 127.5, offset=-1)(given)

    def convolved(x, name):
        return layers.Conv2D(6, 3, strides=2, activation="relu", name=name)(x)

    def flat(outputs):
        given, x = start()
        x = layers.Flatten()(layers.MaxPooling2D()(convolved(x, "features")))
        x = layers.Dense(9, activation="relu")(layers.Dropout(0.5)(x))
        return keras.Model(given, layers.Dense(outputs)(x)), "features"

    given, x = start()
    x = layers.MaxPooling2D()(convolved(convolved(x, "first"), "features"))
    pooled = layers.GlobalAveragePooling2D()(x)
    behind_a_pool = keras.Model(given, layers.Dense(3)(layers.Dense(8, activation="gelu")(pooled))), "features"

    given, x = start()
    one, other = convolved(x, "one"), layers.Conv2D(5, 5, strides=4, activation="relu", name="other")(x)
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(one), layers.GlobalAveragePooling2D()(other)])
    two_branches = (
        keras.Model(given, layers.Dense(3)(layers.Dense(7, activation="relu")(joined))),
        "one+other",
    )

    given, x = start()
    x = convolved(x, "features")
    x = layers.LSTM(8)(layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x))
    rows = keras.Model(given, layers.Dense(4)(x)), "features"

    given, x = start()
    blind = keras.Model(given, layers.Dense(2)(layers.GRU(5)(layers.Reshape((SIDE, SIDE * 3))(x)))), ""
    return {
        **{"flat": flat(4), "one logit": flat(1), "behind a pool": behind_a_pool, "two branches": two_branches},
        **{"rows": rows, "blind": blind},
    }


@pytest.mark.parametrize("name", ["flat", "one logit", "behind a pool", "two branches", "rows"])
def test_maps_agree_with_tf_keras_vis_for_every_class(models, batch, name):
    model, layers = models[name]
    network = Network(KerasEngine(model, layers))
    forward = network.forward(batch)
    bundle = SimpleNamespace(network=network, card=SimpleNamespace(explanation_layer=layers))
    oracle = np.stack([[evidence(bundle, one[None], label) for label in range(network.classes)] for one in batch])
    assert forward.maps.max() > 1e-4
    assert forward.maps.shape == oracle.shape
    np.testing.assert_allclose(forward.maps, oracle, atol=1e-5)


def test_one_logit_is_served_as_two_that_are_its_sigmoid(models, batch):
    model, layer = models["one logit"]
    logits = Network(KerasEngine(model, layer)).forward(batch).logits
    one = model.predict(batch, verbose=0)[:, 0]
    np.testing.assert_allclose(logits, np.stack([-one / 2, one / 2], axis=1), atol=1e-5)
    softmax = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
    np.testing.assert_allclose(softmax, 1 / (1 + np.exp(-one)), atol=1e-6)


def test_features_are_what_the_last_layer_is_given(models, batch, keras):
    for name, width in (("flat", 9), ("two branches", 7), ("blind", 5)):
        model, layers = models[name]
        forward = Network(KerasEngine(model, layers)).forward(batch)
        assert forward.features.shape == (len(batch), width)
        kernel, bias = model.layers[-1].get_weights()
        np.testing.assert_allclose(forward.features @ kernel + bias, forward.logits, atol=1e-4)


def test_a_network_without_such_a_layer_has_no_map_and_says_so(models, batch):
    model, layers = models["blind"]
    network = Network(KerasEngine(model, layers))
    assert network.forward(batch).maps.shape == (3, 2, 0, 0)
    assert network.forward(batch).one(1).maps.shape == (1, 2, 0, 0)
    bundle = SimpleNamespace(network=network, card=SimpleNamespace(explanation_layer=layers))
    with pytest.raises(ValueError, match="no layer with a place in the picture"):
        explain(bundle, batch[:1], 0)
    assert explain(bundle, batch[:1], 0, "smoothgrad").shape == (SIDE, SIDE)


def test_wrong_layers_and_ends_are_refused(models, keras):
    model, _ = models["flat"]
    with pytest.raises(UnsuitableModelError, match="no layer 'nothing'"):
        KerasEngine(model, "features+nothing")
    with pytest.raises(UnsuitableModelError, match="no place in the picture"):
        KerasEngine(model, model.layers[-2].name)
    given = keras.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(given)
    with pytest.raises(UnsuitableModelError, match="activation has to be linear"):
        KerasEngine(keras.Model(given, keras.layers.Dense(2, activation="softmax")(pooled)), "")
    with pytest.raises(UnsuitableModelError, match="has to be a dense layer"):
        KerasEngine(keras.Model(given, keras.layers.Activation("relu")(keras.layers.Dense(2)(pooled))), "")
