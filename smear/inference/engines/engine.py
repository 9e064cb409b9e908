"""What an engine is: something that answers to prepared pictures, however it computes that."""

from pathlib import Path
from typing import Any, Protocol

from smear.arrays import Array
from smear.sentence import SentenceError

# Logits (N, C), maps (N, C, h, w) >= 0 and features (N, K) of N pictures, all float32.
Answers = tuple[Array, Array, Array]
GPUS = Path("/dev")  # where the driver of a GPU has its files


class UnsuitableModelError(SentenceError):
    """A network that cannot be served; the sentence says what was expected."""


class Engine(Protocol):
    """The forward pass of one network, ready to be asked; by several threads at once.

    device: what it computes on, in words; model: the network in Keras, for what an engine does not answer.
    """

    input_shape: tuple[int, int, int]
    classes: int
    device: str

    @property
    def model(self) -> Any: ...

    def __call__(self, pictures: Array, maps: bool) -> Answers:
        """Return what the network answers to `pictures`, RGB, float32 (N, H, W, 3) in 0..255.

        Without `maps`, where these cost something, they are of size 0 x 0; so they are where no layer explains.
        """
        ...


def has_gpu() -> bool:
    """Return whether this machine has a GPU that TensorFlow may know, without waiting for TensorFlow to say so."""
    return any(GPUS.glob("nvidia[0-9]*"))
