"""The deep recurrent network of Bushi 2024 (ODRNN): the rows of a picture read as a sequence from top to bottom.

How many layers, units and which activation the red deer algorithm chooses (`training.published.recurrence_search`).
"""

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.inputs_and_heads import UNIT, begin, dense


@architecture("odrnn")
def build(order: Order) -> Blueprint:
    """Return the network. It has no convolution and so no place in the picture to point at: there is no map."""
    import keras

    wanted = order.recurrence
    kind = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[wanted.cell]
    inputs, scaled = begin(order, UNIT)
    x = keras.layers.Reshape((order.height, order.width * 3), name="rows")(scaled)
    for number, units in enumerate(wanted.units, start=1):
        last = number == len(wanted.units)
        # Unbounded activations blow up over hundreds of rows; the norm between layers keeps them in range.
        x = kind(units, activation=wanted.activation, return_sequences=not last, name=f"recurrent{number}")(x)
        x = keras.layers.LayerNormalization(name=f"norm{number}")(x)
    model = keras.Model(inputs, dense(x, order, order.classes), name="odrnn")
    return Blueprint(model, "", pretrained.RANDOM, tuple(layer.name for layer in model.layers))
