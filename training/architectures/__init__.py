"""Networks that recipes name. Each builder returns a flat functional model that gives logits, and its pooled layer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.architectures import mobilenet_v2


@dataclass(frozen=True)
class Blueprint:
    """A built Keras model, the layer whose maps explain it, and in words where its first weights came from."""

    model: Any
    explanation_layer: str
    weights: str


Builder = Callable[[int, int, int, float, Path | None], tuple[Any, str, str]]

BUILDERS: Mapping[str, Builder] = {"mobilenet_v2": mobilenet_v2.build}


class UnknownArchitectureError(ValueError):
    """A recipe names an architecture that is not in `BUILDERS`."""


def build(name: str, height: int, width: int, classes: int, dropout: float, weights: Path | None) -> Blueprint:
    """Return the network `name` for float32 RGB input (height, width, 3) in 0..255, with `classes` logits.

    `weights` is a folder of ImageNet backbones named `<architecture>.weights.h5`, or None for random weights.
    """
    if name not in BUILDERS:
        raise UnknownArchitectureError(f"There is no architecture '{name}'. Known: {', '.join(BUILDERS)}.")
    return Blueprint(*BUILDERS[name](height, width, classes, dropout, weights))
