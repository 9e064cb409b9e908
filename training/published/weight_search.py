"""Let the red deer move the last layer's weights, once a recurrent network has learnt (ODRNN, Bushi 2024)."""

import numpy as np

from smear.arrays import Array
from smear.inference.suggestion import calibrated
from training.published.red_deer import Herd, minimise
from training.recipes.recipe import Search

REACH = 0.25  # of the largest weight: how far from where training left them the weights are looked for


def moved_weights(
    kernel: Array, bias: Array, values: Array, targets: Array, search: Search, seed: int
) -> tuple[Array, Array, float, float]:
    """Return kernel (K, C) and bias (C,) with less loss, and the mean loss before and after; seeded.

    values: float (N, K), what the layer is given for the pictures that the network learnt from; targets: int64 (N,).
    One of the herd starts where training ended, so that the loss never rises.
    """
    start = np.concatenate([kernel.ravel(), bias]).astype(np.float64)
    reach = REACH * float(np.abs(start).max())

    def weights(point: Array) -> tuple[Array, Array]:
        moved = start + (2 * point - 1) * reach
        return moved[: kernel.size].reshape(kernel.shape), moved[kernel.size :]

    def loss(point: Array) -> float:
        matrix, offset = weights(point)
        chosen = calibrated(values @ matrix + offset, 1.0)[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    herd, middle = Herd(search.population, search.males, search.weight_generations), np.full(len(start), 0.5)
    best, after, _ = minimise(loss, len(start), herd, seed, middle)
    return *weights(best), loss(middle), after
