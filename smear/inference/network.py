"""A bundle's network as readings ask it: a batch in all its orientations, answered by one engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.artifacts import GRAPH, MODEL
from smear.inference.card import Card
from smear.inference.engines.engine import Engine, UnsuitableModelError, has_gpu
from smear.inference.tta import ALWAYS, Count, averaged, confident, mean, mean_upright, suits, turned


@dataclass(frozen=True)
class Forward:
    """What a network answers for a batch: float32 logits (N, C), maps (N, C, h, w) >= 0, features (N, K).

    The features are what the last dense layer is given. Without a layer to explain the maps are of size 0 x 0."""

    logits: Array
    maps: Array
    features: Array

    def __len__(self) -> int:
        return len(self.logits)

    def one(self, index: int) -> "Forward":
        """Return picture `index` as a batch of one."""
        return self.some(index, index + 1)

    def some(self, start: int, end: int) -> "Forward":
        """Return the pictures from `start` to before `end`."""
        return Forward(*(part[start:end] for part in (self.logits, self.maps, self.features)))

    @classmethod
    def joined(cls, parts: Sequence["Forward"]) -> "Forward":
        """Return batches as one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


class Network:
    """A network that is shown pictures in some orientations, and answers with the mean.

    head: a classifier that answers from the features in the network's place; the maps stay the network's. tta,
    tta_confidence: the orientations in which it is shown a picture (`smear.inference.tta`).
    """

    head: Callable[[Array], Array] | None = None

    def __init__(self, engine: Engine, tta: Count = 1, tta_confidence: float = ALWAYS) -> None:
        self.engine = engine
        self.input_shape, self.classes, self.device = engine.input_shape, engine.classes, engine.device
        self.tta, self.tta_confidence = tta, tta_confidence
        if not suits(tta, *self.input_shape[:2]):
            raise UnsuitableModelError("A picture that is not square cannot be read on its side.")

    @property
    def model(self) -> Any:
        """The network in Keras."""
        return self.engine.model

    def forward(self, batch: Array, maps: bool = True) -> Forward:
        """Return logits, maps and features of `batch`, RGB (N, H, W, 3) in 0..255, uint8 or float32; without `maps`,
        where these take a gradient for every class, they are of size 0 x 0."""
        return Forward(*averaged(np.asarray(batch), self.tta, self.tta_confidence, partial(self._ask, maps=maps)))

    def logits(self, batch: Array, which: range) -> Array:
        """Return the logits (N, C) of `batch` in the orientations `which`, however confident it is of one of them."""
        return self._ask(np.asarray(batch), which, maps=False)[0]

    def features(self, batch: Array, which: range) -> Array:
        """Return the features of `batch` in each of the orientations `which`, V of them: float32 (N, V, K)."""
        _logits, _grids, features = self.engine(np.asarray(turned(np.asarray(batch), which), np.float32), False)
        return np.stack(np.split(features, len(which)), axis=1)

    def orientations_of(self, picture: Array) -> range:
        """Return those in which `forward` is shown one picture, RGB (1, H, W, 3)."""
        if (
            self.tta_confidence >= ALWAYS
            or not confident(self._ask(picture, range(1), False)[0], self.tta_confidence).all()
        ):
            return range(self.tta)
        return range(1)

    def _ask(self, batch: Array, which: range, maps: bool = True) -> tuple[Array, Array, Array]:
        logits, grids, features = self.engine(np.asarray(turned(batch, which), np.float32), maps)
        features = mean(features, which)
        grids = mean_upright(grids.transpose(0, 2, 3, 1), which).transpose(0, 3, 1, 2)
        return self.head(features) if self.head else mean(logits, which), grids, features

    def warm(self, batch_size: int = 1) -> None:
        """Run once with as many views as a reading has of one picture, or of `batch_size`; upright where that may do:
        the first pass of a size allocates and picks kernels."""
        always = {self.tta, self.tta * batch_size}
        sizes = always if self.tta_confidence >= ALWAYS else {1, batch_size, max(1, self.tta - 1)}
        for count in sorted(sizes):
            self._ask(np.full((count, *self.input_shape), 255, np.float32), range(1))


def load(folder: Path, card: Card) -> Network:
    """Return the network of a bundle's folder: its graph where it has one and there is no GPU, else its Keras model.

    What lies there without being in the card is not looked at: nobody has published it.
    """
    engine: Engine
    if GRAPH in card.files and not has_gpu():
        from smear.inference.engines.openvino_engine import OpenVinoEngine

        engine = OpenVinoEngine(folder / GRAPH, folder / MODEL)
    else:
        from smear.inference.engines.keras_engine import KerasEngine, read_model

        engine = KerasEngine(read_model(folder / MODEL), card.explanation_layer)
    return Network(engine, card.tta, card.tta_confidence)
