"""A network's features of pictures, computed once: kept by the content of both, so that a second classifier waits not.

A change of one weight or one pixel gives another name, so nothing stale is ever read.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.network import last_dense
from smear.orientations import Count, mean, turned
from training.checkpoints import whole
from training.fitting import outputs_of

BATCH = 64  # pictures that are turned at once


def features(model: Any, inputs: Array, kept: Path | None = None, orientations: Count = 1) -> Array:
    """Return what the last dense layer of `model` is given for inputs, uint8 (N, H, W, 3): float32 (N, K).

    kept: a folder to keep them in, and to look them up. orientations: in which it is shown every picture; the features
    are the mean over them, as in serving.
    """
    import keras

    cut = keras.Model(model.input, last_dense(model).input)
    if kept is None:
        return _features(cut, inputs, orientations)
    file = kept / f"{name(cut, inputs)}-{orientations}.npy"
    if file.is_file():
        found: Array = np.load(file, allow_pickle=False)
        return found
    values = _features(cut, inputs, orientations)
    with whole(file) as partial:
        np.save(partial, values, allow_pickle=False)
    return values


def _features(cut: Any, inputs: Array, orientations: Count) -> Array:
    parts = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
    return np.concatenate([mean(outputs_of(cut, turned(part, orientations)), orientations) for part in parts])


def name(model: Any, inputs: Array) -> str:
    """Return the digest of a model's structure and weights, and of the inputs."""
    digest = hashlib.sha256(f"{[type(layer).__name__ for layer in model.layers]} {inputs.shape}".encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    digest.update(np.ascontiguousarray(inputs).tobytes())
    return digest.hexdigest()[:40]
