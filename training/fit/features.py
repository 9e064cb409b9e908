"""A network's features of pictures, computed once: kept by the content of both, so that a second classifier waits not.

A change of one weight or one pixel gives another name, so nothing stale is ever read.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.classifier_heads import Answer
from smear.inference.engines.keras_engine import PAIR, last_dense, two_logits
from smear.inference.tta import ALWAYS, Count, averaged, mean, turned
from training.data.prepared import Pictures
from training.fit.checkpoints import whole

BATCH = 64  # pictures that are turned at once


def logits_of(model: Any, inputs: Pictures, batch_size: int = 64) -> Array:
    """Return the logits of prepared inputs, uint8 (N, H, W, 3), as float32 (N, C); one logit becomes two."""
    return outputs_of(two_logits(model), inputs, batch_size)


def outputs_of(model: Any, inputs: Pictures, batch_size: int = 64) -> Array:
    """Return what a model gives for prepared inputs, uint8 (N, H, W, 3), as float32 (N, ...)."""
    parts = range(0, len(inputs), batch_size)
    return np.concatenate(
        [model.predict(inputs[i : i + batch_size].astype(np.float32), verbose=0) for i in parts]
    ).astype(np.float32)


def features(model: Any, inputs: Pictures, folder: Path | None = None, tta: Count = 1) -> Array:
    """Return what the last dense layer of `model` is given for inputs, uint8 (N, H, W, 3): float32 (N, K).

    folder: to keep them in, and to look them up. tta: in how many orientations it is shown every picture; the features
    are the mean over them, as in serving.
    """
    cut = _without_last(model)
    if folder is None:
        return _features(cut, inputs, range(tta))
    file = folder / f"{name(cut, inputs)}-{tta}.npy"
    if file.is_file():
        stored: Array = np.load(file, allow_pickle=False)
        return stored
    values = _features(cut, inputs, range(tta))
    with whole(file) as partial:
        np.save(partial, values, allow_pickle=False)
    return values


def answers(model: Any, answer: Answer, inputs: Pictures, tta: Count, tta_confidence: float = ALWAYS) -> Array:
    """Return the logits (N, C) that serving gives for inputs, uint8 (N, H, W, 3); answer: from features to logits."""
    cut = _without_last(model)

    def ask(pictures: Array, which: range) -> tuple[Array]:
        return (answer(_features(cut, pictures, which)),)

    return averaged(np.asarray(inputs), tta, tta_confidence, ask)[0]


def last_layer(model: Any) -> Answer:
    """Return the model's last layer as a function of its features; one logit becomes two, as in serving."""
    kernel, bias = last_dense(model).get_weights()
    if kernel.shape[1] == 1:
        kernel, bias = kernel * PAIR, bias * PAIR

    def answer(values: Array) -> Array:
        return np.asarray(values @ kernel + bias)

    return answer


def _without_last(model: Any) -> Any:
    import keras

    return keras.Model(model.input, last_dense(model).input)


def _features(cut: Any, inputs: Pictures, which: range) -> Array:
    parts = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
    return np.concatenate([mean(outputs_of(cut, turned(part, which)), which) for part in parts])


def name(model: Any, inputs: Pictures) -> str:
    """Return the digest of a model's structure and weights, and of the inputs."""
    digest = hashlib.sha256(f"{[type(layer).__name__ for layer in model.layers]} {inputs.shape}".encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    for start in range(0, len(inputs), BATCH):
        digest.update(np.ascontiguousarray(inputs[start : start + BATCH]).data)
    return digest.hexdigest()[:40]
