"""How far a picture is from what the network was trained on, measured where the network decides: on its features.

Cosine distance to the k-th nearest training picture in the leading principal components (k-nearest-neighbour
out-of-distribution detection: Sun et al., ICML 2022; the projection keeps the file small and the search fast).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smear.arrays import Array

COMPONENTS = 64
NEIGHBOUR = 10
MOST_REFERENCES = 4000


@dataclass(frozen=True)
class Novelty:
    """Statistics of the training features: mean (K,), components (K, D), references (M, D) of length one."""

    mean: Array
    components: Array
    references: Array

    @classmethod
    def fit(cls, features: Array, seed: int = 0) -> "Novelty":
        """Return the statistics of training `features`, float (N, K), N at least 2."""
        mean = features.mean(axis=0)
        _, _, rows = np.linalg.svd(features - mean, full_matrices=False)
        components = rows[: min(COMPONENTS, len(rows))].T
        if len(features) > MOST_REFERENCES:
            features = np.random.default_rng(seed).permutation(features)[:MOST_REFERENCES]
        blank = cls(mean.astype(np.float32), components.astype(np.float32), np.zeros((0, components.shape[1])))
        return cls(blank.mean, blank.components, blank._project(features))

    def _project(self, features: Array) -> Array:
        projected = (features - self.mean) @ self.components
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return (projected / np.maximum(length, 1e-12)).astype(np.float32)

    def score(self, features: Array) -> Array:
        """Return the novelty of `features` (N, K): float (N,), 0 like a training picture, 2 its opposite."""
        closeness = self._project(features) @ self.references.T
        k = min(NEIGHBOUR, closeness.shape[1])
        return 1.0 - np.partition(closeness, -k, axis=1)[:, -k]

    def save(self, path: Path) -> None:
        """Write the statistics to `path` (.npz, half precision for the references)."""
        np.savez_compressed(
            path, mean=self.mean, components=self.components, references=self.references.astype(np.float16)
        )

    @classmethod
    def load(cls, path: Path) -> "Novelty":
        """Read what `save` wrote; arrays only, nothing in the file is executed."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["mean"], stored["components"], stored["references"].astype(np.float32))
