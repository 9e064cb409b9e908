"""The last layer of a network that is not trained yet, fitted to its features at once instead of descended to.

Logistic regression with a penalty on how much the answer varies from picture to picture. Whitened, every direction of
the features costs the same, the large common ones and the small telling ones; over turned and restained copies of each
picture, what only a turn or a stain changes becomes expensive. Where few patients are known, descent from a random last
layer learns the large directions first, and those are the patients.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.engines.keras_engine import PAIR, last_dense
from training.data.manifest import DataError

LEAST = 1e-6  # of the largest variance: below it a direction is rounding, and whitening would make it as large as any
ITERATIONS = 1000


def fit_closed_form(model: Any, batches: Any, epochs: int, penalty: float) -> None:
    """Set the last dense layer of `model` to the minimum of the mean log loss + penalty / 2 * the logits' variance.

    batches: gives (pictures float32 (B, H, W, 3), targets float32 (B, C) as shares, weights (B,)), and with
    `begin_epoch` another drawing of them, of which `epochs` are seen. The variance is that of the difference of two
    classes' logits, or of each class's where there are more.
    """
    import keras

    dense = last_dense(model)
    cut = keras.Model(model.input, dense.input)
    parts = [(cut.predict_on_batch(pictures), *rest) for pictures, *rest in _drawn(batches, epochs)]
    features, shares, weights = (np.concatenate(part).astype(np.float64) for part in zip(*parts, strict=True))
    kernel, bias = minimum(features, shares, weights, penalty)
    if dense.units == 1:
        kernel, bias = kernel @ PAIR[:, None] * 2, bias @ PAIR[:, None] * 2
    dense.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])


def _drawn(batches: Any, epochs: int) -> Iterator[tuple[Array, ...]]:
    for epoch in range(epochs):
        batches.begin_epoch(epoch)
        yield from (batches[number] for number in range(len(batches)))


def minimum(features: Array, shares: Array, weights: Array, penalty: float) -> tuple[Array, Array]:
    """Return kernel (K, C) and bias (C,) for features (N, K), the classes' shares (N, C) and weights (N,), float64.

    DataError where a class has no picture.
    """
    from sklearn.linear_model import LogisticRegression

    classes = shares.shape[1]
    if not shares.any(axis=0).all():
        raise DataError("A class has no picture in the training part. The last layer needs some of every class.")
    middle = np.average(features, axis=0, weights=weights)
    whitener = whitening(features - middle, weights)
    # A picture that is partly of several classes stands once for each, with its share of the weight.
    rows, targets = np.nonzero(shares)
    mass = weights[rows] * shares[rows, targets]
    fitted = LogisticRegression(C=1 / (penalty * mass.sum()), max_iter=ITERATIONS)
    fitted.fit(((features - middle) @ whitener)[rows], targets, sample_weight=mass)
    kernel, bias = whitener @ fitted.coef_.T, fitted.intercept_
    if classes == 2:  # one difference of logits, shared out between the two
        kernel, bias = kernel * PAIR, bias * PAIR
    return kernel, bias - middle @ kernel


def whitening(centred: Array, weights: Array) -> Array:
    """Return what turns centred features (N, K) into K' <= K uncorrelated ones of variance 1: (K, K')."""
    scale = np.sqrt(np.average(centred**2, axis=0, weights=weights))
    even = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0)  # a dead channel stays dead
    scaled = centred * even
    values, vectors = np.linalg.eigh((scaled * weights[:, None]).T @ scaled / weights.sum())
    large = values > LEAST * values[-1]
    return np.asarray(even[:, None] * vectors[:, large] / np.sqrt(values[large]))
