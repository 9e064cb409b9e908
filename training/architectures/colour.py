"""The colour-only baseline as a network: 15 colour statistics of the picture, and one dense layer on them.

It knows nothing of cells. With the head "random-forest" it is the forest that every card prints beside its model.
"""

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.inputs_and_heads import LOGITS, UNIT, begin

QUANTILES = (0.1, 0.5, 0.9)


@architecture("colour_statistics")
def build(order: Order) -> Blueprint:
    """Return the network: mean, deviation and three quantiles of each channel, scaled to -1..1. There is no map."""
    import keras

    ops = keras.ops
    inputs, scaled = begin(order, UNIT)
    pixels = keras.layers.Reshape((order.height * order.width, 3), name="pixels")(scaled)
    statistics = [ops.mean(pixels, axis=1), ops.std(pixels, axis=1)]
    # By sorting: JAX refuses Keras' own quantile inside a graph (Keras 3.15).
    ranked, last = ops.sort(pixels, axis=1), order.height * order.width - 1
    statistics += [ops.take(ranked, round(share * last), axis=1) for share in QUANTILES]
    x = keras.layers.Concatenate(name="statistics")(statistics)
    model = keras.Model(inputs, keras.layers.Dense(order.classes, name=LOGITS, dtype="float32")(x), name="colour")
    return Blueprint(model, "", pretrained.RANDOM, (LOGITS,))
