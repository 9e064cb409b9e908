"""XIncept-ALL of Khan 2024: Xception and InceptionV3 side by side on one picture, their answers fused."""

from functools import partial
from typing import Any

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet.applications import published
from training.architectures.inputs_and_heads import LOGITS, UNIT, begin

BRANCHES = {"xception": ("Xception", "block14_sepconv2_act"), "inception_v3": ("InceptionV3", "mixed10")}
FUSED = (128, 64)


@architecture("xincept")
def build(order: Order) -> Blueprint:
    """Return the fusion: each branch pooled, Dense 64 GELU, Dense n linear (L2 0.01); joined, Dense 128, Dense 64, n.

    It is explained by both branches' last layers; their maps are added. What classifiers beside it are given is the
    Dense 64 after the fusion.
    """
    import keras

    inputs, scaled = begin(order, UNIT)
    answers, origins, head = [], [], []
    for name, (title, last) in BRANCHES.items():
        backbone = published(title, input_tensor=scaled)
        origin = pretrained.give(backbone, name, order, partial(published, title, weights="imagenet"))
        origins.append(f"{name} {origin}")
        answers.append(_branch(backbone.get_layer(last).output, name, order.classes))
        head += [f"{name}_gelu", f"{name}_answer"]
    x = keras.layers.Concatenate(name="fused")(answers)
    for units in FUSED:
        x = keras.layers.Dense(units, activation="relu", name=f"fused{units}")(x)
    x = keras.layers.Dropout(order.dropout, name="dropout")(x)
    model = keras.Model(inputs, keras.layers.Dense(order.classes, name=LOGITS, dtype="float32")(x), name="xincept")
    head += [*(f"fused{units}" for units in FUSED), LOGITS]
    return Blueprint(model, "+".join(last for _, last in BRANCHES.values()), "; ".join(origins), tuple(head))


def _branch(features: Any, name: str, classes: int) -> Any:
    import keras

    x = keras.layers.GlobalAveragePooling2D(name=f"{name}_pool")(features)
    x = keras.layers.Dense(64, activation="gelu", name=f"{name}_gelu")(x)
    return keras.layers.Dense(classes, kernel_regularizer=keras.regularizers.L2(0.01), name=f"{name}_answer")(x)
