"""How the pictures were scaled that somebody else's network learnt from: the usual ways, tried on labelled pictures.

A file does not say so where the scaling stood before the network. Under a wrong one a network still answers, only
wrong; so it is tried, said, and confirmed by whoever imports it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smear.arrays import Array
from training.fit.calibration import negative_log_likelihood

TRIED = 200  # pictures at most, every label in its share
CLEARLY = 2.0  # standard errors of the paired difference


@dataclass(frozen=True)
class Scaling:
    """A way from RGB in 0..255 to what a network was shown: x @ kernel + bias.

    words: for people; kernel: float32 (3, 3), from red, green and blue; bias: float32 (3,).
    """

    name: str
    words: str
    kernel: Array
    bias: Array

    def __call__(self, pictures: Array) -> Array:
        """Return uint8 RGB (N, h, w, 3) as the network was shown it, float32."""
        return np.asarray(pictures.astype(np.float32) @ self.kernel + self.bias)


@dataclass(frozen=True)
class Tried:
    """How often the network was right under a scaling: hits bool (N,), and the mean negative log likelihood.

    commonest: bool (N,), which pictures the answer would be right for that most of them ask for.
    """

    scaling: Scaling
    hits: Array
    loss: float
    commonest: Array

    @property
    def right(self) -> int:
        """How often it was right."""
        return int(self.hits.sum())

    @property
    def better_than_one_answer(self) -> bool:
        """Whether it is right more often than one answer for all pictures, and not by chance."""
        return _clearly(self.hits, self.commonest)

    def clearly_better(self, other: "Tried") -> bool:
        """Return whether it is right more often than `other` on the same pictures, and not by chance."""
        return _clearly(self.hits, other.hits)


def _clearly(hits: Array, others: Array) -> bool:
    difference = hits.astype(float) - others
    return bool(difference.mean() > CLEARLY * difference.std() / np.sqrt(len(difference)))


def _scaling(name: str, words: str, scale: tuple[float, ...], offset: tuple[float, ...], swapped: bool) -> Scaling:
    """Return a scaling by channel of what is shown; swapped: blue is the first of them."""
    channels = np.eye(3, dtype=np.float32)[::-1] if swapped else np.eye(3, dtype=np.float32)
    return Scaling(
        name, words, np.ascontiguousarray(channels * np.array(scale, np.float32)), np.array(offset, np.float32)
    )


def _both_orders() -> dict[str, Scaling]:
    mean, deviation = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of ImageNet's red, green and blue
    ways = {
        "none": ("0 to 255", (1.0,) * 3, (0.0,) * 3),
        "unit": ("0 to 1", (1 / 255,) * 3, (0.0,) * 3),
        "symmetric": ("-1 to 1", (1 / 127.5,) * 3, (-1.0,) * 3),
        "imagenet": (
            "less ImageNet's mean, over its deviation",
            tuple(1 / spread for spread in deviation),
            tuple(-middle / spread for middle, spread in zip(mean, deviation, strict=True)),
        ),
    }
    scalings = {}
    for name, (words, scale, offset) in ways.items():
        for swapped in (False, True):
            whole = f"{name}-bgr" if swapped else name
            scalings[whole] = _scaling(whole, f"{words}, {'BGR' if swapped else 'RGB'}", scale, offset, swapped)
    # Caffe's networks, and VGG and ResNet of Keras' applications, want blue first: of these the other order is the odd.
    blue_first = (-103.939, -116.779, -123.68)
    words = "0 to 255 less ImageNet's mean"
    scalings["caffe"] = _scaling("caffe", f"{words}, BGR", (1.0,) * 3, blue_first, True)
    scalings["caffe-rgb"] = _scaling("caffe-rgb", f"{words}, RGB", (1.0,) * 3, blue_first[::-1], False)
    return scalings


SCALINGS = _both_orders()


def tried(answer: Callable[[Array], Array], pictures: Array, targets: Array) -> list[Tried]:
    """Return how a network does under each scaling, the best first.

    answer: from pictures as the network was shown them to logits (N, C); pictures: uint8 RGB (N, h, w, 3); targets:
    int64 (N,), the numbers of the outputs that would be right.
    """
    rows, commonest = [], targets == np.bincount(targets).argmax()
    for scaling in SCALINGS.values():
        logits = np.nan_to_num(answer(scaling(pictures)))
        hits = logits.argmax(axis=1) == targets
        rows.append(Tried(scaling, hits, negative_log_likelihood(logits, targets, 1.0), commonest))
    return sorted(rows, key=lambda row: (-row.right, row.loss))


def drawn(targets: Array, seed: int = 0) -> Array:
    """Return which pictures to try, indices: TRIED at most, every label in its share and at least one of each."""
    if len(targets) <= TRIED:
        return np.arange(len(targets))
    random, chosen = np.random.default_rng(seed), []
    for target in np.unique(targets):
        own = np.flatnonzero(targets == target)
        chosen.append(random.choice(own, max(1, round(TRIED * len(own) / len(targets))), replace=False))
    return np.sort(np.concatenate(chosen))
