"""What a recipe asks of an architecture, and what it gets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from smear.arrays import Array

HiddenActivation = Literal["relu", "gelu"]
Weights = Path | Literal["imagenet"] | None


class Recurrence(Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of a recurrent network: kind of cell, units of each layer, and their activation."""

    cell: Literal["lstm", "gru"] = "lstm"
    units: tuple[int, ...] = (128, 128)
    activation: Literal["tanh", "relu", "sigmoid"] = "tanh"


@dataclass(frozen=True)
class Order:
    """A network to build, for float32 RGB input (height, width, 3) in 0..255.

    hidden: units of dense layers before the last one, activation: theirs, l2: penalty on the kernels of all; weights: a
    folder of ImageNet backbones, "imagenet" to fetch them, or None for random ones; mean_image: float32 (height, width,
    3), subtracted inside the graph where given.
    """

    height: int
    width: int
    classes: int
    dropout: float = 0.0
    hidden: tuple[int, ...] = ()
    activation: HiddenActivation = "relu"
    l2: float = 0.0
    weights: Weights = None
    mean_image: Array | None = None
    recurrence: Recurrence = field(default_factory=Recurrence)


@dataclass(frozen=True)
class Blueprint:
    """A built Keras model and what is known of it.

    explanation_layer: the layers whose maps explain it, joined by "+"; "" where there is none that has a place in the
    picture. weights: in words, where its first weights came from. head: names of the layers that are new.
    """

    model: Any
    explanation_layer: str
    weights: str
    head: tuple[str, ...]


Builder = Callable[[Order], Blueprint]
BUILDERS: dict[str, Builder] = {}  # by the name that recipes use


def architecture(name: str) -> Callable[[Builder], Builder]:
    """Let recipes name what a builder builds. Its module is found by lying in this folder or in `imagenet/`."""

    def register(builder: Builder) -> Builder:
        if name in BUILDERS:
            raise ValueError(f"There are two architectures '{name}'.")
        BUILDERS[name] = builder
        return builder

    return register
