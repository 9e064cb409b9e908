"""How far the cells in a picture look from those that a model was trained on, whatever the model thinks of them.

Mahalanobis distance (1936) of the picture's appearance (`smear.appearance`) from the training pictures'. Mahalanobis
distances on a network's own features (Lee et al., NeurIPS 2018) and k nearest neighbours there (Sun et al., ICML 2022)
were measured beside it and lost: docs/novelty.md.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smear.appearance import appearance
from smear.arrays import Array

SHRINKAGE = 0.01  # of the covariance towards its diagonal: a constant or copied number must not blow up the rest


@dataclass(frozen=True)
class Novelty:
    """Statistics of the training pictures' appearance: mean (K,) and inverse covariance (K, K), float64."""

    mean: Array
    precision: Array

    @classmethod
    def fit(cls, looks: Array) -> "Novelty":
        """Return the statistics of the `looks` of training pictures, float (N, K), N at least 2."""
        covariance = np.cov(looks, rowvar=False, dtype=np.float64)
        diagonal = np.diag(np.diag(covariance))
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal + 1e-6 * np.eye(len(covariance))
        return cls(looks.mean(axis=0, dtype=np.float64), np.linalg.inv(shrunk))

    def score(self, looks: Array) -> Array:
        """Return the novelty of `looks` (N, K): float (N,), 0 or more; a training picture has about 1.

        It is the Mahalanobis distance over the square root of K, the root mean square that training pictures have.
        """
        away = np.asarray(looks, np.float64) - self.mean
        return np.sqrt(np.einsum("nk,kl,nl->n", away, self.precision, away) / len(self.mean))

    def of(self, seen: Array) -> float:
        """Return the novelty of one prepared input, uint8 RGB (h, w, 3)."""
        return float(self.score(appearance(seen)[None])[0])

    def save(self, path: Path) -> None:
        """Write the statistics to `path` (.npz)."""
        np.savez_compressed(path, mean=self.mean, precision=self.precision)

    @classmethod
    def load(cls, path: Path) -> "Novelty":
        """Read what `save` wrote; arrays only, nothing in the file is executed."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["mean"], stored["precision"])
