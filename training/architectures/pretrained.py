"""Where first weights come from: a file in the folder given, the network's publisher, or chance; always said."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smear.sentence import SentenceError
from training.architectures.blueprint import Order
from training.architectures.inputs_and_heads import MEAN_IMAGE, SCALE

RANDOM = "random"


class WeightsError(SentenceError):
    """A folder of weights that does not exist, or a file that is not of the network it is named for."""


def give(model: Any, name: str, order: Order, publisher: Callable[[], Any] | None = None) -> str:
    """Fill a backbone with the weights that `order` asks for, and return in words where they came from.

    The file is `<name>.weights.h5`; `publisher` returns the same backbone with ImageNet weights, fetched where the
    network allows.
    """
    if order.weights is None:
        return RANDOM
    if order.weights == "imagenet":
        return _fetched(model, name, publisher)
    file = order.weights / f"{name}.weights.h5"
    if not order.weights.is_dir():
        raise WeightsError(f"There is no folder {order.weights}.")
    if not file.is_file():
        return f"{RANDOM}: there is no {file.name} in the folder of weights"
    read(model, file)
    return f"ImageNet ({file.name})"


def _fetched(model: Any, name: str, publisher: Callable[[], Any] | None) -> str:
    if publisher is None:
        return f"{RANDOM}: nobody publishes {name} in a form that can be fetched"
    try:
        source = publisher()
    except Exception as error:  # Keras raises anything from URLError to ValueError, by where it was cut off
        return f"{RANDOM}: ImageNet weights could not be fetched ({type(error).__name__})"
    copy(source, model)
    return "ImageNet (keras.applications)"


def copy(source: Any, model: Any) -> None:
    """Give `model` the weights of the same backbone with its own input."""
    mine, theirs = _layers(model), _layers(source)
    for layer, twin in zip(mine, theirs, strict=True):
        layer.set_weights(twin.get_weights())


def _layers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.weights and layer.name not in (SCALE, MEAN_IMAGE)]


def read(model: Any, file: Path) -> None:
    """Read a `.weights.h5` file as Keras 3 writes it: layers by class, in order, not counting what was put before."""
    import h5py

    counts: Counter[str] = Counter()
    with h5py.File(file) as stored:
        for layer in model.layers:
            if layer.name in (SCALE, MEAN_IMAGE):
                continue
            kind = re.sub("(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__).lower()
            place = f"layers/{kind}_{counts[kind]}/vars" if counts[kind] else f"layers/{kind}/vars"
            counts[kind] += 1
            if not layer.weights:
                continue
            if place not in stored:
                raise WeightsError(f"{file.name} has no weights for the layer {layer.name} ({place}).")
            try:
                layer.load_own_variables(stored[place])
            except ValueError as error:
                raise WeightsError(f"{file.name} does not fit the layer {layer.name}.") from error
