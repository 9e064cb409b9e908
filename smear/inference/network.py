"""A bundle's Keras model, compiled once: logits and every class's activation map from the same pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.tta import ALWAYS, Count, averaged, confident, mean, mean_upright, suits, turned
from smear.sentence import SentenceError

PAIR = np.array([-0.5, 0.5], np.float32)  # of one logit, for the two labels
PAIRED = "pair"  # the layer that gives the two
JOIN = "+"  # between the names of layers that explain together
CONSTANT = 2**27  # bytes of weights: a graph of more would be kept several times while it is prepared


class UnsuitableModelError(SentenceError):
    """A Keras model that cannot be served; the sentence says what was expected."""


@dataclass(frozen=True)
class Forward:
    """What a network answers for a batch: float32 logits (N, C), maps (N, C, h, w) >= 0, features (N, K).

    The features are what the last dense layer is given. Without a layer to explain the maps are of size 0 x 0."""

    logits: Array
    maps: Array
    features: Array

    def __len__(self) -> int:
        return len(self.logits)

    def one(self, index: int) -> "Forward":
        """Return picture `index` as a batch of one."""
        return self.some(index, index + 1)

    def some(self, start: int, end: int) -> "Forward":
        """Return the pictures from `start` to before `end`."""
        return Forward(*(part[start:end] for part in (self.logits, self.maps, self.features)))

    @classmethod
    def joined(cls, parts: Sequence["Forward"]) -> "Forward":
        """Return batches as one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def tensorflow() -> Any:
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already in use, so already set by the first network of this process
            break
    return tf


def two_logits(model: Any) -> Any:
    """Return `model`, or, where it ends in one logit z as for a sigmoid, the same with the logits -z/2 and z/2.

    Their softmax is the sigmoid of z, and either class has evidence of its own: what speaks against the other.
    """
    import keras

    if int(model.output.shape[-1]) > 1:
        return model
    pair = keras.layers.Dense(2, use_bias=False, trainable=False, name=PAIRED)
    both = keras.Model(model.input, pair(model.output), name=model.name)
    pair.set_weights([PAIR[None]])
    return both


def _explained(model: Any, names: str) -> list[Any]:
    """Return the layers that explain, none for ""; their outputs have to be feature maps."""
    known = {layer.name: layer for layer in model.layers}
    layers = []
    for name in names.split(JOIN) if names else ():
        if name not in known:
            raise UnsuitableModelError(f"The model has no layer '{name}' to explain.")
        if len(known[name].output.shape) != 4:
            raise UnsuitableModelError(f"The layer '{name}' has no place in the picture: it gives no maps.")
        layers.append(known[name])
    return layers


def last_dense(model: Any) -> Any:
    """Return the dense layer that gives the logits, or the one logit; UnsuitableModelError where there is none."""
    layer = model.layers[-1]
    if type(layer).__name__ != "Dense":
        raise UnsuitableModelError(f"The last layer has to be a dense layer, not {type(layer).__name__}.")
    if layer.activation.__name__ != "linear":
        raise UnsuitableModelError("The last layer has to give logits: its activation has to be linear.")
    return layer


def _pools(model: Any, explained: list[Any]) -> bool:
    """Return whether pooling (and dropout) is all that stands between the one layer to explain and the last."""
    if len(explained) != 1:
        return False
    after = model.layers[model.layers.index(explained[0]) + 1 :]
    kinds = [type(layer).__name__ for layer in after if type(layer).__name__ != "Dropout"]
    return kinds == ["GlobalAveragePooling2D", "Dense"]


class Network:
    """The compiled forward pass of one Keras model.

    For a head of global average pooling and one dense layer, Grad-CAM (Selvaraju et al. 2017) at the pooled layer A
    is ReLU(sum_k w_kc A_k) / (H W): the gradient of logit c is w_kc / (H W) everywhere, so no backward pass is needed.
    For any other head the gradient of every logit at the layer is taken in the same compiled pass. Where several
    layers explain, as those of two branches, their maps are added on the largest one's grid.

    head: a classifier that answers from the features in the network's place; the maps stay the network's. tta,
    tta_confidence: the orientations in which it is shown a picture (`smear.inference.tta`).
    """

    head: Callable[[Array], Array] | None = None

    def __init__(self, model: Any, explanation_layer: str, tta: Count = 1, tta_confidence: float = ALWAYS) -> None:
        tf = tensorflow()
        import keras

        dense, explained = last_dense(model), _explained(model, explanation_layer)
        self.model = model
        self.input_shape: tuple[int, int, int] = tuple(model.input.shape[1:])
        self.tta, self.tta_confidence = tta, tta_confidence
        if not suits(tta, *self.input_shape[:2]):
            raise UnsuitableModelError("A picture that is not square cannot be read on its side.")
        self.classes = max(2, int(model.output.shape[-1]))
        gpus = len(tf.config.list_physical_devices("GPU"))
        self.device = f"GPU ({gpus})" if gpus else "CPU"
        maps = [layer.output for layer in explained]
        given = [tf.TensorSpec([None, *self.input_shape], tf.float32)]
        if self.classes == int(model.output.shape[-1]) and _pools(model, explained):
            run = _closed_form(tf, keras.Model(model.input, [*maps, model.output]), dense.kernel.numpy())
            self._pass = dict.fromkeys(
                (True, False), tf.function(run, input_signature=given)
            )  # maps cost next to nothing
        else:
            run = _by_gradient(tf, keras.Model(model.input, [*maps, dense.input, two_logits(model).output]))
            self._pass = {ask: tf.function(partial(run, maps=ask), input_signature=given) for ask in (True, False)}
        self._pass[True].get_concrete_function()  # the other when it is first asked for
        self._constant = tf.constant

    def forward(self, batch: Array, maps: bool = True) -> Forward:
        """Return logits, maps and features of `batch`, RGB (N, H, W, 3) in 0..255, uint8 or float32; without `maps`,
        where these take a gradient for every class, they are of size 0 x 0."""
        return Forward(*averaged(np.asarray(batch), self.tta, self.tta_confidence, partial(self._ask, maps=maps)))

    def logits(self, batch: Array, which: range) -> Array:
        """Return the logits (N, C) of `batch` in the orientations `which`, however confident it is of one of them."""
        return self._ask(np.asarray(batch), which, maps=False)[0]

    def orientations_of(self, picture: Array) -> range:
        """Return those in which `forward` is shown one picture, RGB (1, H, W, 3)."""
        if (
            self.tta_confidence >= ALWAYS
            or not confident(self._ask(picture, range(1), False)[0], self.tta_confidence).all()
        ):
            return range(self.tta)
        return range(1)

    def _ask(self, batch: Array, which: range, maps: bool = True) -> tuple[Array, Array, Array]:
        shown = np.asarray(turned(batch, which), np.float32)
        logits, grids, features = (part.numpy() for part in self._pass[maps](self._constant(shown)))
        features = mean(features, which)
        grids = mean_upright(grids.transpose(0, 2, 3, 1), which).transpose(0, 3, 1, 2)
        return self.head(features) if self.head else mean(logits, which), grids, features

    def warm(self, batch_size: int = 1) -> None:
        """Run once with as many views as a reading has of one picture, or of `batch_size`; upright where that may do:
        the first pass of a size allocates and picks kernels."""
        always = {self.tta, self.tta * batch_size}
        sizes = always if self.tta_confidence >= ALWAYS else {1, batch_size, max(1, self.tta - 1)}
        for count in sorted(sizes):
            self._ask(np.full((count, *self.input_shape), 255, np.float32), range(1))


def _fixed(tf: Any, model: Any) -> Callable[[Any], Any]:
    """Return what `model` answers to a batch, its weights as constants of the graph.

    Constant weights let TensorFlow work normalisation into the convolutions: that saves a quarter of the time."""
    if np.dtype(np.float32).itemsize * model.count_params() > CONSTANT:
        return lambda batch: model(batch, training=False)
    trained, other = (
        [one.numpy() for one in part] for part in (model.trainable_variables, model.non_trainable_variables)
    )

    def answer(batch: Any) -> Any:
        constants = ([tf.constant(one) for one in part] for part in (trained, other))
        return model.stateless_call(*constants, batch, training=False)[0]

    return answer


def _closed_form(tf: Any, both: Any, kernel: Array) -> Any:
    """Return the forward pass of a network that pools: `both` gives the pooled layer and the logits."""
    ask = _fixed(tf, both)

    def forward(batch: Any) -> Any:
        activations, logits = ask(batch)
        activations = tf.cast(activations, tf.float32)
        area = tf.cast(tf.shape(activations)[1] * tf.shape(activations)[2], tf.float32)
        grids = tf.nn.relu(tf.einsum("nhwk,kc->nchw", activations, tf.constant(kernel))) / area
        return tf.cast(logits, tf.float32), grids, tf.reduce_mean(activations, axis=(1, 2))

    return forward


def _by_gradient(tf: Any, every: Any) -> Any:
    """Return the forward pass of any other network: `every` gives layers to explain, features, logits."""
    ask = _fixed(tf, every)
    classes = int(every.outputs[-1].shape[-1])
    grids = [tuple(one.shape[1:3]) for one in every.outputs[:-2]]

    def forward(batch: Any, maps: bool) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(batch)
            *layers, features, logits = ask(batch)
            scores = [logits[:, label] for label in range(classes)]
        found = tf.zeros((tf.shape(batch)[0], classes, 0, 0))
        if layers and maps:
            found = tf.stack([_added(tf, layers, tape.gradient(score, layers), max(grids)) for score in scores], axis=1)
        return tf.cast(logits, tf.float32), found, tf.cast(features, tf.float32)

    return forward


def _added(tf: Any, layers: list[Any], gradients: list[Any], grid: tuple[int, int]) -> Any:
    """Return Grad-CAM of one class at every layer, brought to one grid and added: (N, h, w)."""
    total = 0.0
    for activations, gradient in zip(layers, gradients, strict=True):
        weights = tf.reduce_mean(tf.cast(gradient, tf.float32), axis=(1, 2))
        shares = tf.einsum("nhwk,nk->nhw", tf.cast(activations, tf.float32), weights)
        total += tf.image.resize(tf.nn.relu(shares)[..., None], grid)[..., 0]
    return total


def load(path: Path, explanation_layer: str, tta: Count = 1, tta_confidence: float = ALWAYS) -> Network:
    """Return the network in the Keras file `path`, read without executing anything that the file brings along."""
    tensorflow()
    import keras

    model = keras.models.load_model(path, compile=False, safe_mode=True)
    return Network(model, explanation_layer, tta, tta_confidence)
