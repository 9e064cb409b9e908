"""MobileNetV2 (Sandler et al. 2018) with global average pooling and one dense layer."""

from pathlib import Path
from typing import Any

FILE = "mobilenet_v2.weights.h5"


def build(height: int, width: int, classes: int, dropout: float, weights: Path | None) -> tuple[Any, str, str]:
    """Return the model, the name of its pooled layer, and where the backbone's weights came from."""
    import keras

    file = weights / FILE if weights else None
    if file is not None and not file.is_file():
        raise FileNotFoundError(f"There is no {FILE} in {weights}.")
    inputs = keras.Input((height, width, 3), name="rgb")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(inputs)
    # input_tensor keeps the graph flat: a nested backbone can be neither explained nor cut at a layer.
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=str(file) if file else None, input_tensor=scaled
    )
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    dropped = keras.layers.Dropout(dropout, name="dropout")(pooled)
    logits = keras.layers.Dense(classes, name="logits", dtype="float32")(dropped)
    origin = "ImageNet (MobileNetV2)" if file else "random"
    return keras.Model(inputs, logits, name="mobilenet_v2"), "out_relu", origin
