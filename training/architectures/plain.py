"""Small convolutional networks that three of the published works set beside the large ones."""

from typing import Any

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.inputs_and_heads import LOGITS, UNIT, begin, dense, sigmoid_outputs

CML1_FILTERS = (32, 64, 128, 256, 256)  # five convolutions are published, their filters are not
CML1_UNITS = (256, 128)


@architecture("abed_simple_cnn")
def abed(order: Order) -> Blueprint:
    """Return the simple CNN of Abed 2022: 59,075,905 parameters for 257 x 257 px and two classes.

    No padding. Its Dense 1 with a sigmoid is kept as it was; the logit before the sigmoid is the output.
    """
    import keras

    layers = keras.layers
    inputs, x = begin(order, UNIT)
    x = layers.Conv2D(32, 3, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = layers.Conv2D(64, 3, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(name="pool2")(x)
    x = layers.Conv2D(128, 3, activation="relu", name="conv3")(x)
    x = layers.Dense(128, activation="relu", name="dense")(layers.Flatten(name="flat")(x))
    logits = layers.Dense(sigmoid_outputs(order.classes), name=LOGITS, dtype="float32")(x)
    return _new(keras.Model(inputs, logits, name="abed_simple_cnn"), "conv3")


@architecture("cml1")
def cml1(order: Order) -> Blueprint:
    """Return CML-1 of Lubna 2024, 23 layers: 5 convolutions, 5 max-poolings, 6 batch normalisations, 1 flatten, 3
    dense, 2 dropouts and the softmax, which serving applies and the graph does not hold.
    """
    import keras

    layers = keras.layers
    inputs, x = begin(order, UNIT)
    for number, filters in enumerate(CML1_FILTERS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(CML1_UNITS[0], activation="relu", name="dense1")(x)
    x = layers.BatchNormalization(name="norm6")(x)
    x = layers.Dropout(order.dropout, name="dropout1")(x)
    x = layers.Dense(CML1_UNITS[1], activation="relu", name="dense2")(x)
    x = layers.Dropout(order.dropout, name="dropout2")(x)
    logits = layers.Dense(order.classes, name=LOGITS, dtype="float32")(x)
    return _new(keras.Model(inputs, logits, name="cml1"), "norm5")


@architecture("bushi_basic_cnn")
def bushi(order: Order) -> Blueprint:
    """Return the basic CNN of Bushi 2024: three blocks of 128 3x3 filters with max-pooling, dense layers, a sigmoid."""
    import keras

    layers = keras.layers
    inputs, x = begin(order, UNIT)
    for number in (1, 2, 3):
        x = layers.Conv2D(128, 3, activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    logits = dense(layers.Flatten(name="flat")(x), order, sigmoid_outputs(order.classes))
    return _new(keras.Model(inputs, logits, name="bushi_basic_cnn"), "conv3")


@architecture("cnn_lstm")
def cnn_lstm(order: Order) -> Blueprint:
    """Return the CNN+LSTM that Khan 2024 compares with: convolutions, whose rows an LSTM reads from top to bottom.

    Its sizes are not published; these are ours.
    """
    import keras

    layers = keras.layers
    inputs, x = begin(order, UNIT)
    for number, filters in enumerate((32, 64, 128, 128), start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    rows, columns, channels = x.shape[1:]
    x = layers.Reshape((rows, columns * channels), name="rows")(x)
    x = layers.LSTM(128, name="lstm")(x)
    return _new(keras.Model(inputs, dense(x, order, order.classes), name="cnn_lstm"), "conv4")


def _new(model: Any, layer: str) -> Blueprint:
    """Return the blueprint of a network of which no weights are published: all of it is new."""
    return Blueprint(model, layer, pretrained.RANDOM, tuple(each.name for each in model.layers))
