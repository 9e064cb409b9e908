"""Somebody else's network as a bundle keeps one: flat, without what works in training alone, and ending in logits.

Nested models are taken apart layer by layer, because the map of a picture is of a layer within them. The layers are
made anew from their configurations, so that each stands in one graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.card import Input
from training.imported.model_config import ModelFileError
from training.imported.scalings import Scaling

SCALING, LOGITS = "scaling", "imported_logits"  # the layers that are added
ENDINGS = {"softmax": "softmax", "sigmoid": "sigmoid", "linear": "logits"}
ENDS = ("Activation", "Softmax")  # layers that do nothing but end
IN_TRAINING = ("Random", "Gaussian")  # how layers are called that change pictures in training alone
CONVERSION = "ConvertToTensor"  # what a model notes that is called within another


@dataclass(frozen=True)
class Opened:
    """A network before it is told how its pictures were scaled.

    model: flat, from pictures in its maker's scaling, float32 (N, h, w, 3), to logits (N, C), or (N, 1) of a sigmoid;
    ending: how its maker's network ended: "softmax", "sigmoid" or "logits".
    """

    model: Any
    ending: str

    @property
    def input(self) -> Input:
        """The size of its pictures."""
        return Input(*(int(side) for side in self.model.input.shape[1:3]))

    @property
    def answers(self) -> int:
        """How many labels it tells apart."""
        return max(2, int(self.model.output.shape[-1]))


def opened(model: Any) -> Opened:
    """Return a model as logits of flat layers; ModelFileError where it is none that tells labels of a picture."""
    import keras

    _refuse_other_shapes(model)
    flat = _flat(keras, model)
    last = flat.layers[-1]
    if last.output is not flat.output:
        raise ModelFileError(
            "The model ends in an operation and not in a layer. Put a layer of Keras in its place, such as Softmax, and"
            " save it again."
        )
    ending = _ending(last)
    classes = int(flat.output.shape[-1])
    if ending == "softmax" and classes == 1:
        raise ModelFileError(
            "The model ends in a softmax of one output, which is 1 whatever the picture. It cannot have learnt to tell"
            " labels apart."
        )
    return Opened(_anew(keras, flat, {last.name: {"activation": "linear"}}), ENDINGS[ending])


def converted(source: Opened, scaling: Scaling, order: Sequence[int]) -> Any:
    """Return the network for RGB in 0..255 that answers in logits (N, C), or one of two labels (N, 1).

    order: of each label the number of the output that is its own.
    """
    import keras

    height, width, channels = source.model.input.shape[1:]
    rgb = keras.Input((height, width, channels), name="rgb")
    scale = keras.layers.Conv2D(3, 1, name=SCALING, trainable=False)
    whole = keras.Model(rgb, source.model.call(scale(rgb)))
    scale.set_weights([scaling.kernel[None, None], scaling.bias])
    return _with_ordered_logits(keras, _anew(keras, whole, {}), order)


def explanation_layer(model: Any) -> str:
    """Return the last layer of feature maps, "" where there is none with a place in the picture."""
    maps = [
        layer
        for layer in model.layers[1:]
        if len(layer.output.shape) == 4 and min(layer.output.shape[1:3]) > 1 and layer.name != SCALING
    ]
    return str(maps[-1].name) if maps else ""


def _refuse_other_shapes(model: Any) -> None:
    try:
        inputs, answers = model.inputs, model.outputs
    except (AttributeError, ValueError) as error:
        raise ModelFileError(
            "The model does not say how large its pictures are. Call it once on a picture, and save it again."
        ) from error
    if not inputs or not answers:
        raise ModelFileError(
            "The model does not say how large its pictures are. Call it once on a picture, and save it again."
        )
    if len(answers) != 1:
        raise ModelFileError(
            f"The model has {len(answers)} outputs, and one is read: the labels' probabilities. Make a model of it that"
            " has this output alone, and save that."
        )
    shape = tuple(inputs[0].shape)
    if len(inputs) != 1 or len(shape) != 4 or shape[-1] != 3:
        what = f"{len(inputs)} inputs" if len(inputs) != 1 else f"input of the shape {shape[1:]}"
        raise ModelFileError(
            f"The model takes {what}, and pictures have height, width and 3 colours. Only a model of colour pictures"
            " can be imported."
        )
    if None in shape[1:]:
        raise ModelFileError(
            "The model takes pictures of any size. Put an Input of the size that it was trained on before it, and save"
            " it again."
        )
    if len(answers[0].shape) != 2:
        raise ModelFileError(
            f"The model's output has the shape {tuple(answers[0].shape[1:])}, and one number for each label is read."
            " Only a classifier can be imported."
        )


def _flat(keras: Any, model: Any) -> Any:
    """Return the model with the layers of every model within it in their places."""

    def call(layer: Any, *tensors: Any, **named: Any) -> Any:
        if type(layer).__name__ == CONVERSION:
            return tensors[0]
        if isinstance(layer, keras.Model):
            return layer.call(*tensors)
        return layer(*tensors, **_lasting(named))

    start = keras.Input(model.inputs[0].shape[1:])
    flat = keras.Model(start, model.call(start))
    while any(isinstance(layer, keras.Model) for layer in flat.layers):
        flat = keras.models.clone_model(flat, clone_function=lambda layer: layer, call_function=call)
    return _anew(keras, flat, {})


def _anew(keras: Any, flat: Any, changes: dict[str, dict[str, Any]]) -> Any:
    """Return the same network of new layers in single precision, each with a name of its own.

    changes: entries of layers' configurations, by the layer's name.
    """
    pairs: list[tuple[Any, Any]] = []
    names: set[str] = set()

    def fresh(layer: Any) -> Any:
        if not isinstance(layer, keras.Layer):
            return layer
        name, number = layer.name, 1
        while name in names:
            number += 1
            name = f"{layer.name}_{number}"
        names.add(name)
        config = layer.get_config() | {"name": name, "dtype": "float32"} | changes.get(layer.name, {})
        if type(layer).__name__ == "Softmax" and layer.name in changes:
            new = keras.layers.Activation(**changes[layer.name], name=name)
        else:
            new = type(layer).from_config(config)
        pairs.append((layer, new))
        return new

    def call(layer: Any, *tensors: Any, **named: Any) -> Any:
        kind = type(layer).__name__
        if kind == CONVERSION or kind.startswith(IN_TRAINING):
            return tensors[0]
        return layer(*tensors, **_lasting(named))

    model = keras.models.clone_model(flat, clone_function=fresh, call_function=call)
    for old, new in pairs:
        if not type(new).__name__.startswith(IN_TRAINING):
            new.set_weights(old.get_weights())
    return model


def _lasting(named: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layer's call less those that a model hands to each layer when it is called."""
    return {key: value for key, value in named.items() if key not in ("training", "mask")}


def _ending(last: Any) -> str:
    """Return the activation that a model ends in; ModelFileError where no logits are known for it."""
    name = "softmax" if type(last).__name__ == "Softmax" else getattr(getattr(last, "activation", None), "__name__", "")
    if name not in ENDINGS and (name or type(last).__name__ in ENDS):
        raise ModelFileError(
            f"The model ends in '{name}'. Only softmax, sigmoid and none at all say what it takes for likely."
        )
    return name or "linear"


def _with_ordered_logits(keras: Any, model: Any, order: Sequence[int]) -> Any:
    """Return the network with a dense layer last that gives a logit for each label in `order`."""
    features, last = model.output, model.layers[-1]
    while type(last).__name__ in ENDS and last.activation.__name__ == "linear":
        features = last.input
        last = next((layer for layer in model.layers if layer.output is features), None)
    if type(last).__name__ == "Dense" and last.activation.__name__ == "linear":
        features = last.input
        kernel, *bias = last.get_weights()
        shift = bias[0] if bias else np.zeros(kernel.shape[1], np.float32)
    else:
        kernel = np.eye(int(features.shape[-1]), dtype=np.float32)
        shift = np.zeros(len(kernel), np.float32)
    kernel, shift = _ordered(kernel, order), _ordered(shift, order)
    logits = keras.layers.Dense(kernel.shape[1], name=LOGITS)
    ordered = keras.Model(model.input, logits(features), name="imported")
    logits.set_weights([kernel, shift])
    return ordered


def _ordered(values: Array, order: Sequence[int]) -> Array:
    """Return the last axis in the order of the labels; the one logit of two labels speaks for the second."""
    if values.shape[-1] == 1:
        return values if list(order) == [0, 1] else -values
    return np.ascontiguousarray(values[..., list(order)])
