"""What a bundle's network makes of a laboratory's pictures, computed once for all that is tried with it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from smear.arrays import Array
from smear.inference.bundle import Bundle
from smear.inference.preprocess import prepare
from smear.segmentation.find import find
from training.data.dataset import CHUNK, THREADS, Dataset
from training.progress import track


@dataclass(frozen=True, eq=False)
class Looked:
    """N pictures as a network is given them, and what it makes of them; each is itself alone, as a key of caches.

    inputs: uint8 (N, h, w, 3); features: float32 (N, K), what its last layer is given; logits: float32 (N, C); looks:
    float64 (N, L), by which the unfamiliar is told; targets: int64 (N,), in the order of the bundle's labels; groups:
    int64 (N,), patients or what looks like one slide.
    """

    inputs: Array
    features: Array
    logits: Array
    looks: Array
    targets: Array
    groups: Array

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, which: Array) -> "Looked":
        """Return the pictures `which`, indices."""
        return Looked(*(getattr(self, part)[which] for part in self.__dataclass_fields__))


def look(bundle: Bundle, data: Dataset, targets: Array, groups: Array) -> Looked:
    """Return what the network of `bundle` makes of every picture of `data`."""

    def prepared_picture(index: int) -> tuple[Array, Array]:
        field = find(data.picture(index))
        shown = prepare(field, bundle.card)
        return shown, bundle.looks(shown, field)

    with ThreadPoolExecutor(THREADS) as threads:
        prepared = list(track(threads.map(prepared_picture, range(len(data))), "prepare", len(data)))
    inputs, looks = (np.stack(part) for part in zip(*prepared, strict=True))
    return Looked(inputs, *answered(bundle, inputs), looks, targets, groups)


def answered(bundle: Bundle, inputs: Array) -> tuple[Array, Array]:
    """Return features (N, K) and logits (N, C), float32, that a bundle's network has of inputs, uint8 (N, h, w, 3)."""
    parts = range(0, len(inputs), CHUNK)
    passes = [bundle.network.forward(inputs[start : start + CHUNK], maps=False) for start in parts]
    features, logits = (
        np.concatenate([getattr(forward, part) for forward in passes]) for part in ("features", "logits")
    )
    return features, logits
