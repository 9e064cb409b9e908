"""AlexNet (Krizhevsky et al. 2012) in torchvision's one-tower layout ("One weird trick", Krizhevsky 2014)."""

from training.architectures import pretrained
from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.inputs_and_heads import LOGITS, TORCH, after, begin

LAST = "conv5"
WIDTH = 4096  # values of the last hidden layer: what Bushi's classifiers are given


@architecture("alexnet")
def build(order: Order) -> Blueprint:
    """Return AlexNet for an input of 224 or 227 px, whose five convolutions can be had from ImageNet.

    Its two dense layers of 4096 are never to be had here and start at random. Other input sizes work as well; they
    only change the size of the first dense layer.
    """
    import keras

    layers = keras.layers
    inputs, scaled = begin(order, TORCH)
    x = layers.ZeroPadding2D(2, name="pad")(scaled)
    x = layers.Conv2D(64, 11, 4, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = layers.Conv2D(192, 5, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu", name="conv4")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu", name=LAST)(x)
    origin = pretrained.give(keras.Model(inputs, x), "alexnet", order)
    if not origin.startswith(pretrained.RANDOM):
        origin += ", dense layers random"
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(3, 2, name="pool5")(x))
    for number in (6, 7):
        x = layers.Dropout(order.dropout, name=f"dropout{number}")(x)
        x = layers.Dense(WIDTH, activation="relu", name=f"dense{number}")(x)
    model = keras.Model(inputs, layers.Dense(order.classes, name=LOGITS, dtype="float32")(x), name="alexnet")
    return Blueprint(model, LAST, origin, after(model, LAST))
