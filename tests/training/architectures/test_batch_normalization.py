"""Batch normalisation in one pass gives what Keras gives: outputs, gradients, running statistics."""

import keras
import numpy as np
import pytest

from training.architectures.batch_normalization import in_one_pass


@pytest.fixture
def network():
    """Three normalised layers: with scale and shift, without either, and one that is frozen."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 5, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization(momentum=0.8)(x)
    x = keras.layers.Conv2D(4, 1)(x)
    x = keras.layers.BatchNormalization(scale=False, center=False)(x)
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    model.layers[-3].trainable = False
    return model


def step(model):
    """Return the output of a batch, its gradients, and the statistics that it leaves."""
    import tensorflow as tf

    batch = np.random.default_rng(2).normal(2, 3, (7, 6, 5, 3)).astype(np.float32)
    with tf.GradientTape() as tape:
        output = model(batch, training=True)
        loss = tf.reduce_sum(output**2)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    return [np.asarray(value) for value in (output, *gradients, *model.non_trainable_variables)]


def test_a_step_is_the_same_and_the_layers_are_kerass_own_again(network):
    first = network.get_weights()
    wanted = step(network)
    network.set_weights(first)
    with in_one_pass(network):
        kinds = {type(layer).__name__ for layer in network.layers}
        assert "OnePass" in kinds
        assert "BatchNormalization" not in kinds
        found = step(network)
    assert "OnePass" not in {type(layer).__name__ for layer in network.layers}
    assert not all(np.array_equal(one, two) for one, two in zip(first, network.get_weights(), strict=True))
    for one, two in zip(wanted, found, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-4, atol=2e-4)


def test_a_network_that_is_asked_and_not_taught_keeps_its_statistics(network):
    first = network.get_weights()
    batch = np.ones((2, 6, 5, 3), np.float32)
    wanted = np.asarray(network(batch))
    with in_one_pass(network):
        np.testing.assert_array_equal(np.asarray(network(batch)), wanted)
    for one, two in zip(first, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
