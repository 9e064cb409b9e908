"""A Keras model, compiled once by TensorFlow: logits and every class's activation map from the same pass.

The reference for every other engine, what serves on a GPU, and what serves networks that no graph is known for.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.engines.engine import Answers, UnsuitableModelError

PAIR = np.array([-0.5, 0.5], np.float32)  # of one logit, for the two labels
PAIRED = "pair"  # the layer that gives the two
JOIN = "+"  # between the names of layers that explain together
CONSTANT = 2**27  # bytes of weights: a graph of more would be kept several times while it is prepared


def tensorflow() -> Any:
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already in use, so already set by the first network of this process
            break
    return tf


def read_model(file: Path) -> Any:
    """Return the model in a Keras file, read without executing anything that the file brings along."""
    tensorflow()
    import keras

    return keras.models.load_model(file, compile=False, safe_mode=True)


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


def last_dense(model: Any) -> Any:
    """Return the dense layer that gives the logits, or the one logit; UnsuitableModelError where there is none."""
    layer = model.layers[-1]
    if type(layer).__name__ != "Dense":
        raise UnsuitableModelError(f"The last layer has to be a dense layer, not {type(layer).__name__}.")
    if layer.activation.__name__ != "linear":
        raise UnsuitableModelError("The last layer has to give logits: its activation has to be linear.")
    return layer


def closed_form(model: Any, explanation_layer: str) -> Array | None:
    """Return the weights, float32 (K, C), by which the maps of one layer are had without a gradient; None for others.

    That is where nothing but pooling, and pooled neighbours beside it, stands between the layer A and the last, dense
    one: Grad-CAM (Selvaraju et al. 2017) is ReLU(sum_k w_kc A_k) / (H W) then, as the gradient of logit c is
    w_kc / (H W) everywhere.
    """
    explained = _explained(model, explanation_layer)
    if len(explained) != 1 or int(model.output.shape[-1]) < 2:
        return None
    start = 0
    layer = explained[0]
    for kind in ("GlobalAveragePooling2D", "Concatenate", "Dropout", "Dense"):
        after = [later for later in model.layers if any(layer.output is tensor for tensor in _inputs(later))]
        if len(after) == 1 and type(after[0]).__name__ == kind:
            if kind == "Concatenate":
                before = _inputs(after[0])
                start = sum(
                    int(tensor.shape[-1])
                    for tensor in before[: [tensor is layer.output for tensor in before].index(True)]
                )
            layer = after[0]
        elif kind in ("GlobalAveragePooling2D", "Dense"):
            return None
    if layer is not model.layers[-1]:
        return None
    kernel = layer.get_weights()[0]
    return np.asarray(kernel[start : start + int(explained[0].output.shape[-1])])


def _inputs(layer: Any) -> list[Any]:
    import keras

    return [] if type(layer).__name__ == "InputLayer" else list(keras.tree.flatten(layer.input))


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


class KerasEngine:
    """The compiled forward pass of one Keras model.

    Where the maps have no closed form the gradient of every logit at the layers that explain is taken in the same
    compiled pass. Where several layers explain, as those of two branches, their maps are added on the largest one's
    grid.
    """

    def __init__(self, model: Any, explanation_layer: str) -> None:
        tf = tensorflow()
        import keras

        dense, explained = last_dense(model), _explained(model, explanation_layer)
        self.model = model
        self.input_shape: tuple[int, int, int] = tuple(model.input.shape[1:])
        self.classes = max(2, int(model.output.shape[-1]))
        gpus = len(tf.config.list_physical_devices("GPU"))
        self.device = f"GPU ({gpus})" if gpus else "CPU"
        maps = [layer.output for layer in explained]
        signature = [tf.TensorSpec([None, *self.input_shape], tf.float32)]
        weights = closed_form(model, explanation_layer)
        if weights is not None:
            run = _closed_form(tf, keras.Model(model.input, [*maps, dense.input, model.output]), weights)
            self._pass = dict.fromkeys(
                (True, False), tf.function(run, input_signature=signature)
            )  # maps cost next to nothing
        else:
            run = _by_gradient(tf, keras.Model(model.input, [*maps, dense.input, two_logits(model).output]))
            self._pass = {ask: tf.function(partial(run, maps=ask), input_signature=signature) for ask in (True, False)}
        self._pass[True].get_concrete_function()  # the other when it is first asked for
        self._constant = tf.constant

    def __call__(self, pictures: Array, maps: bool) -> Answers:
        """Return what the network answers to `pictures`, RGB, float32 (N, H, W, 3) in 0..255."""
        logits, grids, features = (part.numpy() for part in self._pass[maps](self._constant(pictures)))
        return logits, grids, features


def _fixed(tf: Any, model: Any) -> Callable[[Any], Any]:
    """Return what `model` answers to a batch, its weights as constants of the graph.

    Constant weights let TensorFlow work normalisation into the convolutions: that saves a quarter of the time."""
    if np.dtype(np.float32).itemsize * model.count_params() > CONSTANT:
        return lambda batch: model(batch, training=False)
    trained, other = (
        [variable.numpy() for variable in part] for part in (model.trainable_variables, model.non_trainable_variables)
    )

    def answer(batch: Any) -> Any:
        constants = ([tf.constant(value) for value in part] for part in (trained, other))
        return model.stateless_call(*constants, batch, training=False)[0]

    return answer


def _closed_form(tf: Any, every: Any, weights: Array) -> Any:
    """Return the forward pass of a network that pools: `every` gives the layer to explain, features, logits."""
    ask = _fixed(tf, every)

    def forward(batch: Any) -> Any:
        activations, features, logits = (tf.cast(part, tf.float32) for part in ask(batch))
        area = tf.cast(tf.shape(activations)[1] * tf.shape(activations)[2], tf.float32)
        grids = tf.nn.relu(tf.einsum("nhwk,kc->nchw", activations, tf.constant(weights))) / area
        return logits, grids, features

    return forward


def _by_gradient(tf: Any, every: Any) -> Any:
    """Return the forward pass of any other network: `every` gives layers to explain, features, logits."""
    ask = _fixed(tf, every)
    classes = int(every.outputs[-1].shape[-1])
    grids = [tuple(output.shape[1:3]) for output in every.outputs[:-2]]

    def forward(batch: Any, maps: bool) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(batch)
            *layers, features, logits = ask(batch)
            scores = [logits[:, label] for label in range(classes)]
        class_maps = tf.zeros((tf.shape(batch)[0], classes, 0, 0))
        if layers and maps:
            class_maps = tf.stack(
                [_added(tf, layers, tape.gradient(score, layers), max(grids)) for score in scores], axis=1
            )
        return tf.cast(logits, tf.float32), class_maps, tf.cast(features, tf.float32)

    return forward


def _added(tf: Any, layers: list[Any], gradients: list[Any], grid: tuple[int, int]) -> Any:
    """Return Grad-CAM of one class at every layer, brought to one grid and added: (N, h, w)."""
    total = 0.0
    for activations, gradient in zip(layers, gradients, strict=True):
        weights = tf.reduce_mean(tf.cast(gradient, tf.float32), axis=(1, 2))
        shares = tf.einsum("nhwk,nk->nhw", tf.cast(activations, tf.float32), weights)
        total += tf.image.resize(tf.nn.relu(shares)[..., None], grid)[..., 0]
    return total
