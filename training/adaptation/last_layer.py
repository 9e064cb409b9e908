"""The last layer fitted to a laboratory's pictures, held to what it was: few labels move it little.

The minimum of the mean log loss plus a penalty on how far the weights of standardised features have moved: the most
probable weights where those before are the mean of a normal distribution (MAP estimation, as in Chelba and Acero 2006,
for adaptation). A label that the laboratory has no pictures of keeps its weights, but for what the others push it away.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from smear.arrays import Array

PENALTIES = (1.0, 3e-1, 3e-2, 3e-3)  # the stiffest first
ITERATIONS = 200


def moved(kernel: Array, bias: Array, features: Array, targets: Array, penalty: float) -> tuple[Array, Array]:
    """Return kernel (K, C) and bias (C,), float32, that are `penalty` stiff about those given.

    features: float (N, K); targets: int64 (N,), in 0..C-1.
    """
    middle, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6 + 0.05 * features.std())
    known = ((features - middle) / spread).astype(np.float64)
    before = known @ (kernel * spread[:, None]) + (bias + middle @ kernel)
    rotated, directions = known, np.eye(known.shape[1])
    if len(known) < known.shape[1]:
        # The minimum lies in the span of the pictures, and a rotation into it keeps lengths: as many numbers are sought
        # as there are pictures, and not as there are features.
        across, lengths, directions = np.linalg.svd(known, full_matrices=False)
        rotated = across * lengths
    count, classes = len(targets), kernel.shape[1]
    wanted = np.eye(classes)[targets]
    # Classes weigh half-way to alike: a laboratory labels what it has most of.
    counts = np.bincount(targets, minlength=classes)
    weights = np.sqrt(count / np.maximum(counts, 1))[targets]
    weights = weights / weights.sum()

    def loss(flat: Array) -> tuple[float, Array]:
        change = flat.reshape(-1, classes)
        logits = before + rotated @ change[:-1] + change[-1]
        logs = logits - logsumexp(logits, axis=1, keepdims=True)
        away = (np.exp(logs) - wanted) * weights[:, None]
        gradient = np.vstack([rotated.T @ away + penalty * change[:-1], away.sum(axis=0)])
        value = -(logs[np.arange(count), targets] * weights).sum() + penalty / 2 * float((change[:-1] ** 2).sum())
        return value, gradient.ravel()

    start = np.zeros((rotated.shape[1] + 1) * classes)
    change = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x.reshape(-1, classes)
    step = directions.T @ change[:-1] / spread[:, None]
    return (kernel + step).astype(np.float32), (bias + change[-1] - middle @ step).astype(np.float32)
