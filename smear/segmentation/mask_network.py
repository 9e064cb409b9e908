"""The network that finds leukocytes, compiled once: the probability of every pixel to be cell, nucleus and core.

It is part of `smear.segmentation.find.find`, as a lens is of a microscope: no lab chooses it, every bundle's readings
and trainings rest on it. It is published as the bundle `models/leukolens-cells-mask` with a card of its own.

Beside the Keras model lies the same function as ONNX (`training.graphs.segmenter`), and that is what runs: for a
network this small TensorFlow spends most of the time between the layers.
"""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear import schema
from smear.arrays import Array
from smear.artifacts import CARD, GRAPH, SEGMENTER, BundleError, sha256

FOLDER = Path(__file__).resolve().parents[2] / "models" / SEGMENTER
STRIDE = 32  # height and width of what the network is given are multiples of it
PADDING = 255
FIELD = 224  # a common size
CELL, NUCLEUS, CORE = 0, 1, 2  # planes of what it answers


class SegmenterError(BundleError):
    """The bundle that finds leukocytes is missing or damaged; the sentence says so."""


@dataclass(frozen=True)
class MaskCard:
    """`card.json` of the bundle: what it is, what it learnt from, how good it is, and the digest of its model.

    alike: earlier versions that find the same in the drawn fields by which bundles are checked (`golden`).
    """

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
    alike: tuple[str, ...] = ()


class Segmenter:
    """The network as ONNX: white-balanced RGB to probabilities of cell, nucleus and core.

    Takes the bytes of `model.onnx`, whose SHA-256 is `graph_sha256`; may be asked by several threads at once.
    """

    def __init__(self, graph: bytes) -> None:
        # Else it would keep an identity of this machine and a list of what it runs in the home folder, and send both to
        # its maker.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime  # not before a picture has to be read

        self.graph_sha256 = hashlib.sha256(graph).hexdigest()
        options = onnxruntime.SessionOptions()
        # Its layers are so short that a second thread costs more to wake than it does, and other requests want it.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, balanced: Array) -> Array:
        """Return the probabilities of cell, nucleus and core, float32 (3, H, W).

        balanced: white-balanced RGB, uint8 (H, W, 3).
        """
        height, width = balanced.shape[:2]
        padded = np.full((1, -height % STRIDE + height, -width % STRIDE + width, 3), PADDING, np.uint8)
        padded[0, :height, :width] = balanced
        probabilities: Array = self._session.run(None, {self._input: padded})[0][0]
        return probabilities[:, :height, :width]


def read_card(folder: Path | None = None) -> MaskCard:
    """Return the card of the bundle in `folder`, the one in use by default; SegmenterError where it cannot be read."""
    folder = folder or _used
    try:
        card: MaskCard = schema.read(MaskCard, json.loads((folder / CARD).read_text(encoding="utf-8")), "card")
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
_used = FOLDER


def use(models: Path) -> None:
    """Take the segmenter from a folder of bundles, for all of this process; where it has none, the shipped one."""
    global _used
    _used = models / SEGMENTER if (models / SEGMENTER / CARD).is_file() else FOLDER


@cache
def _load(folder: Path) -> Segmenter:
    if GRAPH not in verify(folder).files:
        raise SegmenterError(f"The model '{folder.name}', which finds leukocytes, is incomplete: it has no {GRAPH}.")
    loaded = Segmenter((folder / GRAPH).read_bytes())
    loaded(np.full((FIELD, FIELD, 3), PADDING, np.uint8))  # the first pass allocates and picks kernels
    return loaded


def segmenter(folder: Path | None = None) -> Segmenter:
    """Return the published network, loaded and compiled the first time; SegmenterError where it cannot be."""
    with _loading:
        return _load(folder or _used)
