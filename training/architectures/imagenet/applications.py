"""The networks of keras.applications, laid out flat: input, scaling, backbone, pooling, logits in one graph.

A backbone nested as one layer could be neither explained nor cut at a layer.
"""

from typing import Any

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order
from training.architectures.inputs_and_heads import UNIT, Triple, after, begin, pooled


def build(
    order: Order, title: str, name: str, scaling: tuple[Triple, Triple] = UNIT, explain: str = "", bgr: str = ""
) -> Blueprint:
    """Return `keras.applications.<title>` with a head of our own, as network `name`.

    explain: the layer whose maps explain it, the backbone's last one where not given; bgr: the first convolution of a
    backbone that was trained on blue, green, red. Its kernels are turned round once, in place of every picture.
    """
    import keras

    inputs, scaled = begin(order, scaling)
    backbone = published(title, input_tensor=scaled)
    origin = pretrained.give(backbone, name, order, lambda: published(title, weights="imagenet"))
    if bgr and not origin.startswith(pretrained.RANDOM):
        turn_round(backbone.get_layer(bgr))
    last = backbone.layers[-1].name
    model = keras.Model(inputs, pooled(backbone.output, order), name=name)
    return Blueprint(model, explain or last, origin, after(model, last))


def published(title: str, weights: str | None = None, input_tensor: Any = None) -> Any:
    """Return the backbone without its ImageNet classes."""
    import keras

    return getattr(keras.applications, title)(include_top=False, weights=weights, input_tensor=input_tensor)


def turn_round(layer: Any) -> None:
    """Let a convolution that expects BGR take RGB."""
    kernel, *rest = layer.get_weights()
    layer.set_weights([kernel[:, :, ::-1], *rest])
