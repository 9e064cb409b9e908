"""The two ends that networks share: the picture brought to a backbone's scale, and the layers that give logits."""

from typing import Any

from smear.arrays import Array
from training.architectures.blueprint import Order

SCALE, MEAN_IMAGE, LOGITS = "scale", "mean_image", "logits"  # names of layers

Triple = tuple[float, float, float]
# What a backbone's authors subtracted and divided by, in RGB 0..255.
UNIT: tuple[Triple, Triple] = ((127.5,) * 3, (127.5,) * 3)  # to -1..1 (Inception and MobileNet families)
TORCH: tuple[Triple, Triple] = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # ImageNet's mean and deviation
CAFFE: tuple[Triple, Triple] = ((123.68, 116.779, 103.939), (1.0,) * 3)  # Caffe's mean, here in RGB order


def begin(order: Order, scaling: tuple[Triple, Triple] = UNIT) -> tuple[Any, Any]:
    """Return the input tensor, and the same scaled; where an order has a mean image, it is subtracted and no more."""
    import keras

    mean, deviation = scaling
    inputs = x = keras.Input((order.height, order.width, 3), name="rgb")
    if order.mean_image is not None:
        # The scaling below takes the mean off once more, so it is put back here. Who subtracted a mean image did not
        # divide by anything (Abed 2022).
        x, deviation = _less(x, order.mean_image - mean), (1.0,) * 3
    variance = [value * value for value in deviation]
    return inputs, keras.layers.Normalization(mean=list(mean), variance=variance, name=SCALE)(x)


def _less(x: Any, image: Array) -> Any:
    """Return `x` minus an image that the saved model carries as weights: as configuration it would be megabytes."""
    import keras

    layer = keras.layers.Normalization(axis=(1, 2, 3), name=MEAN_IMAGE)
    layer.build(x.shape)
    layer.adapt_mean.assign(image)
    layer.finalize_state()
    return layer(x)


def pooled(features: Any, order: Order) -> Any:
    """Return logits (N, C) of a feature map: global average pooling, the order's dense layers, dropout, one more."""
    import keras

    return dense(keras.layers.GlobalAveragePooling2D(name="pool")(features), order, order.classes)


def dense(x: Any, order: Order, outputs: int) -> Any:
    """Return `outputs` logits of values (N, K): the order's dense layers, dropout, and the last layer."""
    import keras

    for number, units in enumerate(order.hidden, start=1):
        x = keras.layers.Dense(units, order.activation, kernel_regularizer=penalty(order.l2), name=f"hidden{number}")(x)
    x = keras.layers.Dropout(order.dropout, name="dropout")(x)
    return keras.layers.Dense(outputs, kernel_regularizer=penalty(order.l2), name=LOGITS, dtype="float32")(x)


def penalty(l2: float) -> Any:
    """Return the penalty on a layer's kernel, None for 0."""
    import keras

    return keras.regularizers.L2(l2) if l2 else None


def sigmoid_outputs(classes: int) -> int:
    """Return 1 for two classes, as in papers that end in one sigmoid: its logit z is served as -z/2 and z/2."""
    return 1 if classes == 2 else classes


def after(model: Any, name: str) -> tuple[str, ...]:
    """Return the names of the layers behind the layer `name`."""
    names = [layer.name for layer in model.layers]
    return tuple(names[names.index(name) + 1 :])
