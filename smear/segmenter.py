"""The network that finds leukocytes, compiled once: for every pixel how surely it is cell, nucleus and core of a cell.

It is part of `smear.leukocytes.find`, as a lens is of a microscope: no lab chooses it, every bundle's readings and
trainings rest on it. It is published as the bundle `models/leukolens-cells-mask` with a card of its own.
"""

import json
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear import typed
from smear.arrays import Array
from smear.bundle import CARD, FINDER, MODEL, BundleError, sha256
from smear.network import tensorflow

FOLDER = Path(__file__).resolve().parents[1] / "models" / FINDER
STRIDE = 32  # height and width of what the network is given are multiples of it
PADDING = 255
FIELD = 224  # a common size
CELL, NUCLEUS, CORE = 0, 1, 2  # channels of what it says


class SegmenterError(BundleError):
    """The bundle that finds leukocytes is missing or damaged; the sentence says so."""


@dataclass(frozen=True)
class MaskCard:
    """`card.json` of the bundle: what it is, what it learnt from, how good it is, and the digest of its model."""

    schema: int
    name: str
    version: str
    created: str
    scope: str
    licence: str
    attribution: str
    data: dict[str, Any]
    recipe: dict[str, Any]
    metrics: dict[str, Any]
    frameworks: dict[str, Any]
    intended_use: str
    known_failures: tuple[str, ...]
    files: dict[str, str]


class Segmenter:
    """One Keras model from white-balanced RGB (N, H, W, 3) to logits of outside, cytoplasm, nucleus and core."""

    def __init__(self, model: Any) -> None:
        tf = tensorflow()

        @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
        def forward(rgb: Any) -> Any:
            logits = model(tf.cast(rgb, tf.float32)[None], training=False)[0]
            shares = tf.nn.softmax(logits[..., :3])
            return tf.stack([1 - shares[..., 0], shares[..., 2], tf.sigmoid(logits[..., 3])], axis=-1)

        self._forward = forward.get_concrete_function()
        self._constant = tf.constant

    def __call__(self, balanced: Array) -> Array:
        """Return cell, nucleus and core, float32 (H, W, 3) in 0..1, of white-balanced RGB uint8 (H, W, 3)."""
        height, width = balanced.shape[:2]
        padded = np.full((-height % STRIDE + height, -width % STRIDE + width, 3), PADDING, np.uint8)
        padded[:height, :width] = balanced
        said: Array = self._forward(self._constant(padded)).numpy()
        return said[:height, :width]


def read_card(folder: Path = FOLDER) -> MaskCard:
    """Return the card of the bundle in `folder`; SegmenterError where it has none that can be read."""
    try:
        card: MaskCard = typed.read(MaskCard, json.loads((folder / CARD).read_text(encoding="utf-8")), "card")
    except (OSError, ValueError) as error:
        raise SegmenterError(f"The card of '{folder.name}', which finds leukocytes, cannot be read.") from error
    return card


def verify(folder: Path = FOLDER) -> MaskCard:
    """Return the card after comparing its files with their SHA-256; SegmenterError where one differs or is missing."""
    card = read_card(folder)
    for name, digest in card.files.items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            raise SegmenterError(
                f"The model '{folder.name}', which finds leukocytes, is damaged: {name} is not what was published."
            )
    return card


_loading = threading.Lock()


@cache
def _load(folder: Path) -> Segmenter:
    verify(folder)
    tensorflow()
    import keras

    loaded = Segmenter(keras.models.load_model(folder / MODEL, compile=False, safe_mode=True))
    loaded(np.full((FIELD, FIELD, 3), PADDING, np.uint8))  # the first pass allocates and picks kernels
    return loaded


def segmenter(folder: Path = FOLDER) -> Segmenter:
    """Return the published network, loaded and compiled the first time; SegmenterError where it cannot be."""
    with _loading:
        return _load(folder)
