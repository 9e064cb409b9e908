"""A bundle's Keras model, compiled once: logits and every class's activation map from the same forward pass."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # has to stand in the environment before the first import


class UnsuitableModelError(ValueError):
    """A Keras model whose maps cannot be had in closed form; the sentence says what was expected."""


@dataclass(frozen=True)
class Forward:
    """What a network says of a batch: float32 logits (N, C), maps (N, C, h, w) >= 0, pooled features (N, K)."""

    logits: Array
    maps: Array
    features: Array

    def __len__(self) -> int:
        return len(self.logits)

    def one(self, index: int) -> "Forward":
        """Return picture `index` as a batch of one."""
        return Forward(*(part[index : index + 1] for part in (self.logits, self.maps, self.features)))


def tensorflow() -> Any:
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already in use, so already set by the first network of this process
            break
    return tf


def _head(model: Any, layer_name: str) -> Any:
    """Return the final Dense layer, after checking that pooling (and dropout) is all that stands before it."""
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise UnsuitableModelError(f"The model has no layer '{layer_name}' to explain.")
    after = model.layers[names.index(layer_name) + 1 :]
    kinds = [type(layer).__name__ for layer in after if type(layer).__name__ != "Dropout"]
    if kinds != ["GlobalAveragePooling2D", "Dense"]:
        raise UnsuitableModelError(
            f"After '{layer_name}' a global average pooling and one dense layer were expected, not {', '.join(kinds)}."
        )
    if after[-1].activation.__name__ != "linear":
        raise UnsuitableModelError("The last layer has to give logits: its activation has to be linear.")
    return after[-1]


class Network:
    """The compiled forward pass of one Keras model.

    For a head of global average pooling and one dense layer, Grad-CAM (Selvaraju et al. 2017) at the pooled layer A
    is ReLU(sum_k w_kc A_k) / (H W): the gradient of logit c is w_kc / (H W) everywhere, so no backward pass is needed.
    """

    def __init__(self, model: Any, explanation_layer: str) -> None:
        tf = tensorflow()
        import keras

        dense = _head(model, explanation_layer)
        features = model.get_layer(explanation_layer).output
        both = keras.Model(model.input, [features, model.output])
        self.model = model
        self.input_shape: tuple[int, int, int] = tuple(model.input.shape[1:])
        self.classes = int(model.output.shape[-1])
        gpus = tf.config.list_physical_devices("GPU")
        self.device = f"GPU ({len(gpus)})" if gpus else "CPU"

        @tf.function(input_signature=[tf.TensorSpec([None, *self.input_shape], tf.float32)])
        def forward(batch: Any) -> Any:
            activations, logits = both(batch, training=False)
            activations = tf.cast(activations, tf.float32)
            area = tf.cast(tf.shape(activations)[1] * tf.shape(activations)[2], tf.float32)
            maps = tf.nn.relu(tf.einsum("nhwk,kc->nchw", activations, tf.cast(dense.kernel, tf.float32))) / area
            return tf.cast(logits, tf.float32), maps, tf.reduce_mean(activations, axis=(1, 2))

        self._forward = forward.get_concrete_function()
        self._constant = tf.constant

    def forward(self, batch: Array) -> Forward:
        """Return logits, maps and features of `batch`, float32 RGB (N, H, W, 3) in 0..255."""
        logits, maps, features = self._forward(self._constant(batch, dtype="float32"))
        return Forward(logits.numpy(), maps.numpy(), features.numpy())

    def warm(self, batch_size: int = 1) -> None:
        """Run once with one white picture and once with `batch_size`: the first pass allocates and picks kernels."""
        for count in sorted({1, batch_size}):
            self.forward(np.full((count, *self.input_shape), 255, np.float32))


def load(path: Path, explanation_layer: str) -> Network:
    """Return the network in the Keras file `path`, read without executing anything that the file brings along."""
    tensorflow()
    import keras

    return Network(keras.models.load_model(path, compile=False, safe_mode=True), explanation_layer)
