"""What a bundle's network makes of a laboratory's pictures, computed once for all that is tried with it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from smear.arrays import Array
from smear.inference.bundle import Bundle
from smear.inference.card import Card
from smear.inference.field_reader import Reader
from smear.inference.preprocess import prepare
from smear.inference.tta import Count, suits
from training.data.dataset import CHUNK, THREADS, Dataset
from training.progress import track

CONFIDENT = (
    0.95  # of the upright picture, above which it is not turned: no laboratory's results changed by more than 0.2 %
)


@dataclass(frozen=True, eq=False)
class Looked:
    """N pictures as a network is given them, and what it makes of them; each is itself alone, as a key of caches.

    inputs: uint8 (N, h, w, 3); features: float32 (N, V, K), what its last layer is given in each of `orientations`;
    logits: float32 (N, C), as it is served; looks: float64 (N, L), by which the unfamiliar is told; targets: int64
    (N,), in the order of the bundle's labels; groups: int64 (N,), patients or what looks like one slide; gradable: bool
    (N,), whether the network would be asked at all.
    """

    inputs: Array
    features: Array
    logits: Array
    looks: Array
    targets: Array
    groups: Array
    gradable: Array

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, which: Array) -> "Looked":
        """Return the pictures `which`, indices."""
        return Looked(*(getattr(self, part)[which] for part in self.__dataclass_fields__))


def orientations(card: Card) -> tuple[Count, float]:
    """Return in how many orientations what learnt from few labels is shown a picture, and the confidence that spares it
    them: those of the bundle, or all that its input allows where it is shown one.

    A network that labels have not made steady answers each orientation by itself: eight of every cell are as so many
    labels to learn from, and their mean is right more often (docs/differential.md has by how much).
    """
    if card.tta > 1:
        return card.tta, card.tta_confidence
    most: Count = 8 if suits(8, card.input.height, card.input.width) else 4
    return most, CONFIDENT


def look(bundle: Bundle, data: Dataset, targets: Array, groups: Array) -> Looked:
    """Return what the network of `bundle` makes of every picture of `data`."""

    reader = Reader(bundle)

    def prepared_picture(index: int) -> tuple[Array, Array, bool]:
        examination = reader.examine(data.decoded(index))
        field = examination.field
        shown = prepare(field, bundle.card) if examination.parts else examination.input
        return shown, bundle.looks(shown, field), not examination.refusals

    with ThreadPoolExecutor(THREADS) as threads:
        prepared = list(track(threads.map(prepared_picture, range(len(data))), "prepare", len(data)))
    inputs, looks, gradable = (np.stack(part) for part in zip(*prepared, strict=True))
    return Looked(inputs, *answered(bundle, inputs), looks, targets, groups, gradable)


def answered(bundle: Bundle, inputs: Array) -> tuple[Array, Array]:
    """Return features (N, V, K) and logits (N, C), float32, that a network has of inputs, uint8 (N, h, w, 3)."""
    which = range(orientations(bundle.card)[0])
    parts = [inputs[start : start + CHUNK] for start in range(0, len(inputs), CHUNK)]
    return (
        np.concatenate([bundle.network.features(part, which) for part in parts]),
        np.concatenate([bundle.network.forward(part, maps=False).logits for part in parts]),
    )
