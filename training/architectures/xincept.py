"""XIncept-ALL of Khan 2024: Xception and InceptionV3 side by side on one picture, their answers fused.

Algorithm 1 as it is, and algorithm 2, which has depthwise convolutions in place of ordinary ones.
"""

from functools import partial
from typing import Any

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet.applications import published
from training.architectures.inputs_and_heads import LOGITS, SCALE, UNIT, begin, penalty

BRANCHES = {"xception": ("Xception", "block14_sepconv2_act"), "inception_v3": ("InceptionV3", "mixed10")}
FUSED = (128, 64)
PENALTY = 0.01  # L2, on the layers of n outputs


@architecture("xincept")
def build(order: Order) -> Blueprint:
    """Return the fusion: each branch pooled, Dense 64, Dense n; joined, Dense 128, Dense 64, n. L2 0.01 on each n.

    It is explained by both branches' last layers; their maps are added. What classifiers beside it are given is the
    Dense 64 after the fusion.
    """
    return _fusion(order, depthwise=False)


@architecture("xincept_depthwise")
def build_depthwise(order: Order) -> Blueprint:
    """Return the fusion with every convolution of more than one pixel made depthwise; ImageNet's weights do not fit it.

    A convolution by channel cannot change how many there are: one of 1 x 1 follows it, as in Xception itself.
    """
    return _fusion(order, depthwise=True)


def _fusion(order: Order, depthwise: bool) -> Blueprint:
    import keras

    inputs, scaled = begin(order, UNIT)
    answers, origins, head = [], [], []
    for name, (title, last) in BRANCHES.items():
        backbone = published(title, input_tensor=scaled)
        if depthwise:
            backbone, origin = _by_channel(backbone, inputs, name), pretrained.RANDOM
        else:
            origin = pretrained.give(backbone, name, order, partial(published, title, weights="imagenet"))
        origins.append(f"{name} {origin}")
        answers.append(_branch(backbone.get_layer(last).output, name, order))
        head += [f"{name}_pool", f"{name}_hidden", f"{name}_answer"]
    x = keras.layers.Concatenate(name="fused")(answers)
    for units in FUSED:
        x = keras.layers.Dense(units, activation=order.activation, name=f"fused{units}")(x)
    x = keras.layers.Dropout(order.dropout, name="dropout")(x)
    logits = keras.layers.Dense(order.classes, kernel_regularizer=penalty(PENALTY), name=LOGITS, dtype="float32")(x)
    model = keras.Model(inputs, logits, name="xincept")
    head += ["fused", *(f"fused{units}" for units in FUSED), "dropout", LOGITS]
    return Blueprint(model, "+".join(last for _, last in BRANCHES.values()), "; ".join(origins), tuple(head))


def _branch(features: Any, name: str, order: Order) -> Any:
    import keras

    x = keras.layers.GlobalAveragePooling2D(name=f"{name}_pool")(features)
    x = keras.layers.Dense(64, activation=order.activation, name=f"{name}_hidden")(x)
    return keras.layers.Dense(order.classes, kernel_regularizer=penalty(PENALTY), name=f"{name}_answer")(x)


def _by_channel(backbone: Any, inputs: Any, name: str) -> Any:
    """Return a backbone with separable convolutions for ordinary ones of more than one pixel, not yet learnt."""
    import keras

    def replaced(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name == SCALE:  # both branches have one of their own
            return type(layer).from_config({**config, "name": f"{name}_{SCALE}"})
        if type(layer) is not keras.layers.Conv2D or set(config["kernel_size"]) == {1}:
            return type(layer).from_config(config)
        keys = ("name", "filters", "kernel_size", "strides", "padding", "use_bias", "activation")
        return keras.layers.SeparableConv2D(**{key: config[key] for key in keys})

    return keras.models.clone_model(backbone, input_tensors=[inputs], clone_function=replaced)
