"""MobileNet (Howard et al. 2017) and MobileNetV2 (Sandler et al. 2018), and MobileNetV2's first layers alone."""

from functools import partial

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet import applications
from training.architectures.inputs_and_heads import UNIT, begin, dense

EARLY = tuple(f"block_{number}_expand_relu" for number in (1, 2, 3))


@architecture("mobilenet")
def v1(order: Order) -> Blueprint:
    """Return MobileNet with depthwise separable convolutions, 3.2 million parameters before its head."""
    return applications.build(order, "MobileNet", "mobilenet")


@architecture("mobilenet_v2")
def v2(order: Order) -> Blueprint:
    """Return MobileNetV2 with inverted residuals, 2.3 million parameters before its head."""
    return applications.build(order, "MobileNetV2", "mobilenet_v2")


@architecture("mobilenet_v2_texture")
def v2_texture(order: Order) -> Blueprint:
    """Return three early layers of MobileNetV2, each averaged over the picture, and one dense layer for all of them.

    It sees colour and texture and hardly any shape: early layers pooled as banks of filters (texture CNN: Andrearczyk
    and Whelan 2016). Where classes differ in the grain of chromatin and few subjects are known, the later layers learn
    the subjects. 22 thousand parameters; the layer nearest to the answer explains it.
    """
    import keras

    inputs, scaled = begin(order, UNIT)
    backbone = applications.published("MobileNetV2", input_tensor=scaled)
    fetch = partial(applications.published, "MobileNetV2", weights="imagenet")
    origin = pretrained.give(backbone, "mobilenet_v2", order, fetch)
    pools = [keras.layers.GlobalAveragePooling2D(name=f"{name}_pool") for name in EARLY]
    means = [pool(backbone.get_layer(name).output) for pool, name in zip(pools, EARLY, strict=True)]
    together = keras.layers.Concatenate(name="means")(means)
    model = keras.Model(inputs, dense(together, order, order.classes), name="mobilenet_v2_texture")
    known = {layer.name for layer in backbone.layers}
    head = tuple(layer.name for layer in model.layers if layer.name not in known)
    return Blueprint(model, EARLY[-1], origin, head)
