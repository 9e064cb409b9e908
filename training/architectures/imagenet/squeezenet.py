"""SqueezeNet 1.1 (Iandola et al. 2016, and its authors' later release), in torchvision's layout."""

from typing import Any

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.inputs_and_heads import TORCH, after, begin, pooled

# Channels squeezed to, and expanded to by each of two branches; a pooling stands before the fires named.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLED_BEFORE = (0, 2, 4)


@architecture("squeezenet")
def build(order: Order) -> Blueprint:
    """Return SqueezeNet 1.1.

    The paper classifies with a 1x1 convolution and averages after it. Here the averaging comes first and a dense layer
    after it, which is the same function but for the paper's last ReLU, and gives the maps in closed form.
    """
    import keras

    inputs, scaled = begin(order, TORCH)
    x = keras.layers.Conv2D(64, 3, 2, activation="relu", name="conv1")(scaled)
    for number, (squeezed, expanded) in enumerate(FIRES):
        if number in POOLED_BEFORE:
            x = keras.layers.MaxPooling2D(3, 2, name=f"pool{number + 1}")(x)
        x = _fire(x, f"fire{number + 2}", squeezed, expanded)
    origin = pretrained.give(keras.Model(inputs, x), "squeezenet", order)
    model = keras.Model(inputs, pooled(x, order), name="squeezenet")
    return Blueprint(model, "fire9", origin, after(model, "fire9"))


def _fire(x: Any, name: str, squeezed: int, expanded: int) -> Any:
    import keras

    x = keras.layers.Conv2D(squeezed, 1, activation="relu", name=f"{name}_squeeze")(x)
    small = keras.layers.Conv2D(expanded, 1, activation="relu", name=f"{name}_expand1")(x)
    large = keras.layers.Conv2D(expanded, 3, padding="same", activation="relu", name=f"{name}_expand3")(x)
    return keras.layers.Concatenate(name=name)([small, large])
