"""EfficientNet B0 to B7 (Tan and Le 2019), and EfficientNet-lite0 (TensorFlow TPU repository, 2020)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet.applications import published
from training.architectures.inputs_and_heads import after, begin, pooled

AS_IT_COMES = ((0.0,) * 3, (1.0,) * 3)  # these backbones scale by themselves
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
LITE = ((127.0,) * 3, (128.0,) * 3)
# Kernel, stride of the first, repeats, filters, expansion of each stage; shared by B0 and lite0.
STAGES = (
    *((3, 1, 1, 16, 1), (3, 2, 2, 24, 6), (5, 2, 2, 40, 6), (3, 2, 3, 80, 6)),
    *((5, 1, 3, 112, 6), (5, 2, 4, 192, 6), (3, 1, 1, 320, 6)),
)


def numbered(number: int) -> Callable[[Order], Blueprint]:
    """Return the builder of EfficientNetB<number>."""

    def build(order: Order) -> Blueprint:
        import keras

        name = f"efficientnet_b{number}"
        inputs, scaled = begin(order, AS_IT_COMES)
        backbone = published(f"EfficientNetB{number}", input_tensor=scaled)
        origin = pretrained.give(backbone, name, order, lambda: published(f"EfficientNetB{number}", weights="imagenet"))
        if origin.endswith("(keras.applications)"):
            # With these weights Keras divides by the root of the deviation once more, in a layer that a graph built
            # without them does not have. The first convolution has no bias: its kernels can do it.
            _divide(backbone.get_layer("stem_conv"), np.sqrt(IMAGENET_DEVIATION))
        model = keras.Model(inputs, pooled(backbone.output, order), name=name)
        return Blueprint(model, "top_activation", origin, after(model, "top_activation"))

    return build


for _number in range(8):
    architecture(f"efficientnet_b{_number}")(numbered(_number))


def _divide(layer: Any, by: Any) -> None:
    (kernel,) = layer.get_weights()
    layer.set_weights([kernel / np.asarray(by)[:, None]])


@architecture("efficientnet_lite0")
def lite0(order: Order) -> Blueprint:
    """Return EfficientNet-lite0: B0 without squeeze-and-excite, with ReLU6."""
    import keras

    inputs, scaled = begin(order, LITE)
    x = _normed(keras.layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="stem_conv")(scaled), "stem")
    for stage, (kernel, stride, repeats, filters, expansion) in enumerate(STAGES):
        for repeat in range(repeats):
            x = _inverted(x, f"block{stage}{'abcd'[repeat]}", kernel, stride if repeat == 0 else 1, filters, expansion)
    x = _normed(keras.layers.Conv2D(1280, 1, use_bias=False, name="top_conv")(x), "top")
    origin = pretrained.give(keras.Model(inputs, x), "efficientnet_lite0", order)
    model = keras.Model(inputs, pooled(x, order), name="efficientnet_lite0")
    return Blueprint(model, "top_relu", origin, after(model, "top_relu"))


def _normed(x: Any, name: str) -> Any:
    import keras

    x = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_norm")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)


def _inverted(x: Any, name: str, kernel: int, stride: int, filters: int, expansion: int) -> Any:
    """Return an inverted residual: expand, convolve each channel by itself, project."""
    import keras

    before, channels = x, int(x.shape[-1])
    if expansion > 1:
        x = keras.layers.Conv2D(channels * expansion, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _normed(x, f"{name}_expand")
    depthwise = keras.layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise")
    x = _normed(depthwise(x), f"{name}_depthwise")
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_project_norm")(x)
    return keras.layers.Add(name=f"{name}_add")([before, x]) if stride == 1 and channels == filters else x
