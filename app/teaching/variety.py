"""Which of many unlabelled pictures to label first: those of which a model is unsure, and no two alike.

Each picture stands for the gradient that its likeliest label would give the model's last layer, and pictures are drawn
with a chance that grows with the squared distance to those drawn before (BADGE: Ash et al., ICLR 2020, with the seeding
of k-means++: Arthur and Vassilvitskii 2007). A gradient is long where the model is unsure, so that what is drawn first
is unsure; and what is like a picture that was drawn is near it, so that it is not drawn again.
"""

from __future__ import annotations

import numpy as np

from smear.arrays import Array


def varied(probabilities: Array, features: Array, count: int, seed: int = 0) -> list[int]:
    """Return the indices of `count` pictures, or of all where there are fewer, the first drawn first.

    probabilities: float (N, C), calibrated; features: float (N, K), what the last layer is given. The gradient of a
    picture is the outer product of p - y and its features; only inner products are needed, so that none is written out.
    """
    n = len(probabilities)
    if count >= n:
        return list(range(n))
    error = probabilities.astype(np.float64).copy()
    error[np.arange(n), error.argmax(axis=1)] -= 1
    vectors = features.astype(np.float64)
    lengths = (error**2).sum(axis=1) * (vectors**2).sum(axis=1)
    random = np.random.default_rng(seed)
    chosen = [int(lengths.argmax())]
    nearest = np.full(n, np.inf)
    while len(chosen) < count:
        last = chosen[-1]
        products = (error @ error[last]) * (vectors @ vectors[last])
        nearest = np.minimum(nearest, np.maximum(lengths + lengths[last] - 2 * products, 0))
        nearest[chosen] = 0
        total = nearest.sum()
        if total <= 0:  # all that is left is like something that was drawn
            chosen += [index for index in range(n) if index not in set(chosen)][: count - len(chosen)]
            break
        chosen.append(int(random.choice(n, p=nearest / total)))
    return chosen
