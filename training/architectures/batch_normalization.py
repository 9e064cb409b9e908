"""Batch normalisation in one pass, for the length of a training.

Keras computes mean, variance and output as separate steps, each of which reads the whole layer: on a CPU about half of
the time of MobileNetV2's training step. TensorFlow has one kernel for the three and one for their gradient, whose
result is the same but for rounding. A network is built, saved and served with Keras' own layer; its layers answer by
the kernel only while it is trained.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from smear.inference.engines.keras_engine import tensorflow


@cache
def _one_pass() -> Any:
    """Return the kind of layer that learns by the kernel: made when a network is trained, as Keras takes seconds."""
    import keras

    tf = tensorflow()

    class OnePass(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
        """Keras' layer, computed by TensorFlow's kernel where it learns from a batch."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            """Return `inputs`, float32 (N, h, w, C), normalised; the running statistics move as Keras moves them."""
            if not (training and self.trainable and self.compute_dtype == "float32"):
                return super().call(inputs, training=training, mask=mask)
            outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones(inputs.shape[-1]),
                offset=tf.convert_to_tensor(self.beta) if self.center else tf.zeros(inputs.shape[-1]),
                mean=np.zeros(0, np.float32),
                variance=np.zeros(0, np.float32),
                epsilon=self.epsilon,
                is_training=True,
            )
            # The kernel's variance is that of a sample, n - 1 in its denominator; Keras' has n.
            count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
            for running, value in ((self.moving_mean, mean), (self.moving_variance, variance * (count - 1) / count)):
                running.assign(running * self.momentum + value * (1 - self.momentum))
            return outputs

    return OnePass


def _fits(layer: Any, plain: Any) -> bool:
    own = type(layer) is plain
    return own and not layer.renorm and len(layer.input.shape) == 4 and layer.axis in (-1, 3)


@contextmanager
def in_one_pass(model: Any) -> Iterator[None]:
    """Let the batch normalisation of `model` learn by TensorFlow's kernel until the block ends.

    Layers of another kind, and other backends of Keras, go on as they are.
    """
    import keras

    plain = keras.layers.BatchNormalization
    layers = [layer for layer in model.layers if _fits(layer, plain)] if keras.backend.backend() == "tensorflow" else []
    for layer in layers:
        layer.__class__ = _one_pass()
    try:
        yield
    finally:
        for layer in layers:
            layer.__class__ = plain
