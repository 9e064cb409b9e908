"""GoogLeNet (Szegedy et al. 2015), with batch normalisation after each convolution as in Ioffe and Szegedy 2015.

Without normalisation it does not train from random weights on some hundred pictures, and no ImageNet weights of it are
to be had. The two auxiliary classifiers, which the authors needed for the same reason, are left out.
"""

from typing import Any

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.inputs_and_heads import UNIT, after, begin, pooled

# Filters of the four branches: 1x1; 1x1 then 3x3; 1x1 then 5x5; pooling then 1x1. Table 1 of the paper.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOLED_BEFORE = ("3a", "4a", "5a")


@architecture("googlenet")
def build(order: Order) -> Blueprint:
    """Return GoogLeNet."""
    import keras

    inputs, scaled = begin(order, UNIT)
    x = _convolve(scaled, 64, 7, "conv1", 2)
    x = keras.layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _convolve(_convolve(x, 64, 1, "conv2_reduce"), 192, 3, "conv2")
    for name, filters in MODULES.items():
        if name in POOLED_BEFORE:
            x = keras.layers.MaxPooling2D(3, 2, padding="same", name=f"pool{name}")(x)
        x = _inception(x, name, filters)
    origin = pretrained.give(keras.Model(inputs, x), "googlenet", order)
    model = keras.Model(inputs, pooled(x, order), name="googlenet")
    return Blueprint(model, "inception5b", origin, after(model, "inception5b"))


def _convolve(x: Any, filters: int, size: int, name: str, stride: int = 1) -> Any:
    import keras

    x = keras.layers.Conv2D(filters, size, stride, padding="same", use_bias=False, name=name)(x)
    x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _inception(x: Any, name: str, filters: tuple[int, ...]) -> Any:
    import keras

    single, reduce3, three, reduce5, five, after_pool = filters
    pool = keras.layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    branches = [
        _convolve(x, single, 1, f"{name}_1"),
        _convolve(_convolve(x, reduce3, 1, f"{name}_3_reduce"), three, 3, f"{name}_3"),
        _convolve(_convolve(x, reduce5, 1, f"{name}_5_reduce"), five, 5, f"{name}_5"),
        _convolve(pool, after_pool, 1, f"{name}_pool_1"),
    ]
    return keras.layers.Concatenate(name=f"inception{name}")(branches)
