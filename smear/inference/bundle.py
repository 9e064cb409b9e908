"""A published model: a folder with the network, its card and its feature statistics. Data, never code."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smear.arrays import Array
from smear.artifacts import CARD, MODEL, SEGMENTER, BundleError, replacing, sha256
from smear.inference.card import Card, CardError
from smear.inference.ood import LENGTH, Distribution, looks
from smear.inference.suggestion import Suggestion, suggest
from smear.quality.acquisition import MEASURES
from smear.segmentation.field import Field

if TYPE_CHECKING:
    from smear.inference.network import Network

OOD, EARLIER_OOD = "ood.npz", "novelty.npz"  # the second in bundles published before the first


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory."""

    path: Path
    card: Card
    network: "Network"
    ood: Distribution
    card_sha256: str  # of `card.json` as it was read: the files' hashes are in it, and its own is nowhere

    def looks(self, shown: Array, field: Field | None = None) -> Array:
        """Return what `shown`, uint8 RGB (h, w, 3), looks like, float64 (K,), and its field where fields are read."""
        return looks(shown, field if self.card.scope == "field" else None)

    def suggest(self, logits: Array, shown: Array, field: Field | None = None) -> Suggestion:
        """Return the suggestion for the network's `logits` (C,) on `shown`, uint8 RGB (h, w, 3), of `field`."""
        features = self.looks(shown, field)
        score = float(self.ood.score(features[None], np.array([logits.argmax()]))[0])
        foreign = "" if score <= self.card.ood.value else self.ood.why(features, self.card.ood.value)
        return suggest(logits, score, self.card, foreign)


def names(folder: Path) -> list[str]:
    """Return the names of the bundles to choose from, sorted; damaged ones too, so that they can be reported."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.name[0] != "." and p.name != SEGMENTER and (p / CARD).is_file())


def read_card(path: Path) -> Card:
    """Return the card of the bundle at `path`; BundleError where it has none that can be read."""
    try:
        return Card.from_text((path / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"There is no model '{path.name}': {CARD} is missing.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"The card of '{path.name}' cannot be read.") from error
    except CardError as error:
        raise BundleError(f"The card of '{path.name}' is wrong: {error.text}") from error


def ood_file(card: Card) -> str:
    """Return the name of the file with the statistics by which cells are found unfamiliar."""
    return EARLIER_OOD if EARLIER_OOD in card.files else OOD


def verify(path: Path) -> Card:
    """Return the card after comparing every listed file with its SHA-256; BundleError where one differs."""
    card = read_card(path)
    for required in (MODEL, ood_file(card), card.head.file):
        if required and required not in card.files:
            raise BundleError(f"The model '{path.name}' is incomplete: its card does not list {required}.")
    for name, expected in card.files.items():
        file = path / name
        if not file.resolve().is_relative_to(path.resolve()):
            raise BundleError(f"The card of '{path.name}' points outside its folder.")
        if not file.is_file():
            raise BundleError(f"The model '{path.name}' is damaged: {name} is missing.")
        if sha256(file) != expected:
            raise BundleError(f"The model '{path.name}' is damaged: {name} is not the file that was published.")
    return card


def verified_card(path: Path) -> str:
    """Return the SHA-256 of the card, after `verify`: two of them are equal where everything of two bundles is."""
    before = sha256(path / CARD) if (path / CARD).is_file() else ""
    verify(path)
    if before != sha256(path / CARD):
        raise BundleError(f"The model '{path.name}' is being replaced just now.")
    return before


def load(path: Path) -> Bundle:
    """Return the bundle at `path`, verified and compiled (not yet warm); BundleError with a sentence otherwise."""
    digest = verified_card(path)
    card = read_card(path)
    from smear.inference import classifier_heads, network
    from smear.inference.engines import golden
    from smear.inference.engines.engine import UnsuitableModelError
    from smear.segmentation import mask_network

    mask_network.segmenter()  # nothing is read without it: what is wrong with it is said now
    try:
        compiled = network.load(path, card)
        ood = Distribution.load(path / ood_file(card))
        if card.head.file:
            compiled.head = classifier_heads.load(path / card.head.file, len(card.labels))
    except classifier_heads.HeadError as error:
        raise BundleError(f"The classifier of '{path.name}' cannot be used: {error}") from error
    except UnsuitableModelError as error:
        raise BundleError(f"The model '{path.name}' does not suit this application: {error}") from error
    except Exception as error:  # Keras raises anything from BadZipFile to KeyError for a damaged file
        raise BundleError(f"The model file of '{path.name}' is damaged ({type(error).__name__}).") from error
    if len(ood.mean) not in ((LENGTH, LENGTH + len(MEASURES)) if card.scope == "field" else (LENGTH,)):
        raise BundleError(f"The statistics of '{path.name}' do not fit what it reads ({card.scope}).")
    if ood.by_label is not None and ood.by_label.means.shape != (len(card.labels), len(ood.mean)):
        raise BundleError(f"The statistics of '{path.name}' are not of the labels on its card.")
    expected = (card.input.height, card.input.width, 3)
    if compiled.input_shape != expected or compiled.classes != len(card.labels):
        raise BundleError(f"The model '{path.name}' does not match its card (input size or number of labels).")
    bundle = Bundle(path, card, compiled, ood, digest)
    golden.insist(bundle)
    return bundle


def write(folder: Path, card: Card, fill: Callable[[Path], None]) -> Path:
    """Publish a bundle as `folder/<card.name>`: all of it or nothing.

    `fill` writes the files into an empty folder that it is given; their SHA-256 go into the card. An earlier version
    of the same name is replaced only when everything is on disk.
    """
    with replacing(folder / card.name) as draft:
        fill(draft)
        describe(draft, card.to_json())
        verify(draft)
    return folder / card.name


def describe(draft: Path, card: dict[str, Any]) -> None:
    """Write a card beside the files that it is about; their SHA-256 go into it."""
    files = {str(p.relative_to(draft)): sha256(p) for p in sorted(draft.rglob("*")) if p.is_file()}
    text = json.dumps({**card, "files": files}, indent=1, ensure_ascii=False, allow_nan=False)
    (draft / CARD).write_text(text + "\n", encoding="utf-8")
