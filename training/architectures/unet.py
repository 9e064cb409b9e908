"""A compact U-Net (Ronneberger et al. 2015) for finding leukocytes; height and width are multiples of 32.

Additions in place of concatenations and learnt up-sampling keep it small; its output has the size of its input.
"""

from typing import Any

import numpy as np

WIDTHS = (12, 24, 48, 64, 96)
OUTPUTS = ("outside", "cytoplasm", "nucleus", "core")
MOMENTUM = 0.95  # a few thousand steps: Keras' 0.99 would lag


def build(norms: bool = True) -> Any:
    """Return the model: float32 RGB (N, H, W, 3) in 0..255, white-balanced, to logits (N, H, W, 4) of `OUTPUTS`.

    Without `norms` the convolutions have biases in place of batch normalisation, as `folded` fills them.
    """
    import keras

    inputs = keras.Input((None, None, 3), name="rgb")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(inputs)
    skipped = []
    for level, width in enumerate(WIDTHS):
        x = _convolve(x, width, f"down{level}_a", norms, strides=2)
        x = keras.layers.Add(name=f"down{level}")([x, _convolve(x, width, f"down{level}_b", norms)])
        skipped.append(x)
    for level in range(len(WIDTHS) - 2, -1, -1):
        width = WIDTHS[level]
        x = keras.layers.Conv2DTranspose(width, 2, strides=2, use_bias=False, name=f"grow{level}")(x)
        lateral = _convolve(skipped[level], width, f"lateral{level}", norms, size=1)
        x = keras.layers.Add(name=f"join{level}")([x, lateral])
        x = keras.layers.Add(name=f"up{level}")([x, _convolve(x, width, f"up{level}_a", norms)])
    logits = keras.layers.Conv2DTranspose(len(OUTPUTS), 4, strides=2, padding="same", name="logits", dtype="float32")(x)
    return keras.Model(inputs, logits, name="unet")


def _convolve(x: Any, width: int, name: str, norms: bool, strides: int = 1, size: int = 3) -> Any:
    import keras

    x = keras.layers.Conv2D(width, size, strides, padding="same", use_bias=not norms, name=f"{name}_conv")(x)
    if norms:
        x = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def folded(model: Any) -> Any:
    """Return the same function without batch normalisation, whose fixed scale and shift go into the convolutions.

    With mean m, variance v, scale g and shift b: kernel' = kernel g / sqrt(v + e), bias' = b - m g / sqrt(v + e).
    """
    plain = build(norms=False)
    for layer in plain.layers:
        weights = model.get_layer(layer.name).get_weights()
        if layer.name.endswith("_conv"):
            norm = model.get_layer(layer.name.removesuffix("_conv") + "_norm")
            scale, shift, mean, variance = norm.get_weights()
            gain = scale / np.sqrt(variance + norm.epsilon)
            weights = [weights[0] * gain, shift - mean * gain]
        layer.set_weights(weights)
    return plain
