"""By which code a network was made: what of the project decides what pictures look like to it and what it learns.

A commit says more than that and less: it changes with a word in the documentation, and is unknown outside a checkout.
"""

import hashlib
from functools import cache
from pathlib import Path

from smear.segmentation import mask_network

ROOT = Path(__file__).parents[2]
DECIDES = (
    *("smear/imaging", "smear/segmentation", "smear/quality", "smear/inference"),
    *("training/architectures", "training/augmentation", "training/data", "training/fit", "training/published"),
)


@cache
def code_version() -> str:
    """Return the first 12 digits of the SHA-256 of the modules that decide, and of the segmenter's card."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in DECIDES for file in (ROOT / folder).rglob("*.py")):
        digest.update(file.relative_to(ROOT).as_posix().encode())
        digest.update(file.read_bytes())
    segmenter = mask_network.read_card()
    digest.update(f"{segmenter.name} {segmenter.version}".encode())
    return digest.hexdigest()[:12]
