"""What tells a network from every other: the code, the recipe, the first weights and the pictures it was made of.

The code is what of the project decides what pictures look like to a network and what it learns. A commit says more than
that and less: it changes with a word in the documentation, and is unknown outside a checkout.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear.segmentation import mask_network
from training.data.prepared import Pictures
from training.fit.run import Run, TrainingSet

ROOT = Path(__file__).parents[2]
DECIDES = (
    *("smear/imaging", "smear/segmentation", "smear/quality", "smear/inference"),
    *("training/architectures", "training/augmentation", "training/data", "training/fit", "training/published"),
)
# A recipe's name, texts, thresholds and classifier decide nothing of its network.
ENTRIES = ("architecture", "input", "preprocess", "augmentation", "schedule", "recurrence", "search", "mean_image")
HEAD = ("hidden", "activation", "l2")
ROWS = 64  # that are read at once: pictures may lie on disk


@cache
def code_version(*further: str) -> str:
    """Return the first 12 digits of the SHA-256 of the modules that decide, and of the segmenter's card.

    further: folders whose modules decide too.
    """
    digest = hashlib.sha256()
    for file in sorted(file for folder in (*DECIDES, *further) for file in (ROOT / folder).rglob("*.py")):
        digest.update(file.relative_to(ROOT).as_posix().encode())
        digest.update(file.read_bytes())
    segmenter = mask_network.read_card()
    digest.update(f"{segmenter.name} {segmenter.version}".encode())
    return digest.hexdigest()[:12]


def training_identity(run: Run, pictures: TrainingSet) -> str:
    """Return the digest of all that decides what a training ends in."""
    recipe = run.recipe.to_json()
    decides: dict[str, Any] = {entry: recipe[entry] for entry in ENTRIES} | {
        "head": [recipe["head"][entry] for entry in HEAD],
        "first weights": str(run.weights),
        "code": code_version(),
    }
    return identity(decides, vars(pictures).values())


def identity(decides: dict[str, Any], arrays: Iterable[Pictures]) -> str:
    """Return the digest of some words and numbers, and of arrays of any shape, read a few rows at a time."""
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    for values in arrays:
        if isinstance(values, int):
            digest.update(f"{values}".encode())
            continue
        digest.update(f"{values.shape}".encode())
        for start in range(0, len(values), ROWS):
            digest.update(np.ascontiguousarray(values[start : start + ROWS]).tobytes())
    return digest.hexdigest()[:40]
