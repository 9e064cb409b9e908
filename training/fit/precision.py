"""Half the bits on a GPU: float16 between the layers, float32 in weights, input, logits and loss.

Mixed precision with a scaled loss (Micikevicius et al., ICLR 2018). It is for training only: what was trained is
calibrated, measured and saved in float32, in which it is served. Without a GPU nothing changes; float16 is slow there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from smear.inference.engines.keras_engine import PAIRED
from training.architectures.inputs_and_heads import LOGITS, MEAN_IMAGE, SCALE

HALF, WHOLE = "mixed_float16", "float32"
EXACT = (SCALE, MEAN_IMAGE, LOGITS, PAIRED)  # layers that stay in float32: 0..255 is coarse in float16


def of_training() -> str:
    """Return in what networks are trained here: `HALF` where TensorFlow or JAX sees a GPU, else `WHOLE`."""
    if keras.backend.backend() not in ("tensorflow", "jax"):
        return WHOLE  # Keras does not say what devices the others have
    return HALF if any(device.startswith("gpu") for device in keras.distribution.list_devices()) else WHOLE


@contextmanager
def computing(model: Any, precision: str) -> Iterator[None]:
    """Let the layers of `model`, built in float32, compute in `precision` until the block ends."""
    if precision == WHOLE:
        yield
        return
    _set(model, precision)
    try:
        yield
    finally:
        _set(model, WHOLE)
        model.make_predict_function(force=True)  # the one there is was compiled for half


def _set(model: Any, precision: str) -> None:
    for layer in model.layers:
        if layer.name not in EXACT:
            layer.dtype_policy = precision


def scaled(optimiser: Any, precision: str) -> Any:
    """Return an optimiser that scales the loss up where its gradients would be too small for float16."""
    return optimiser if precision == WHOLE else keras.optimizers.LossScaleOptimizer(optimiser)
