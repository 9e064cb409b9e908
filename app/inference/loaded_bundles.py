"""The published bundles as the server sees them: waiting, loaded, or damaged with a reason."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smear.artifacts import CARD, BundleError, sha256
from smear.inference import bundle as bundles
from smear.inference.bundle import Bundle
from smear.inference.card import Card
from smear.sentence import SentenceError

log = logging.getLogger("leukolens.engine")


class BundleUnusableError(SentenceError):
    """A bundle that cannot read, with a sentence that says why."""


class OtherCardError(BundleUnusableError):
    """A bundle whose card is another one than the lab holds to. held: the SHA-256 of the one that may read."""

    def __init__(self, text: str, held: str) -> None:
        super().__init__(text)
        self.held = held


@dataclass
class LoadedBundle:
    """One published bundle as the engine sees it."""

    name: str
    state: str = "waiting"  # waiting, whole (loaded when it is asked to read), loading, ready or damaged
    text: str = ""  # why it is damaged
    bundle: Bundle | None = None

    @property
    def usable(self) -> bool:
        """Whether it reads, or can as soon as it is asked to."""
        return self.state in ("ready", "whole")


def fill(loaded: LoadedBundle, folder: Path, load: Callable[[Path], Bundle]) -> LoadedBundle:
    """Verify and load a bundle; a damaged one is reported, and what was loaded before keeps serving."""
    name, before = loaded.name, loaded.bundle
    if before is None:
        loaded.state, loaded.text = "loading", ""
    try:
        if name not in bundles.names(folder):
            raise BundleError(f"There is no model '{name}'.")
        if before is None or before.card_sha256 != bundles.verified_card(folder / name):
            bundle = load(folder / name)
            bundle.network.warm(bundle.card.batch_size)
            loaded.bundle = bundle
        loaded.state, loaded.text = "ready", ""
        log.info("bundle %s is ready", name)
        return loaded
    except BundleError as error:
        loaded.text = error.text
    except Exception as error:
        log.exception("bundle %s could not be loaded", name)
        loaded.text = f"The model '{name}' cannot be used ({type(error).__name__})."
    loaded.state = "damaged"
    log.error("bundle %s cannot be used: %s", name, loaded.text)
    return LoadedBundle(name, "damaged", loaded.text)


def look_at(loaded: LoadedBundle, folder: Path) -> None:
    """Say whether the files of a bundle are what was published, without loading it."""
    try:
        bundles.verified_card(folder / loaded.name)
        loaded.state = "whole"
    except BundleError as error:
        loaded.state, loaded.text = "damaged", error.text
        log.error("bundle %s cannot be used: %s", loaded.name, error.text)


def is_published(path: Path, card_sha256: str) -> bool:
    """Return whether the bundle in a folder has the card of a hash, whatever else is in the folder."""
    return (path / CARD).is_file() and sha256(path / CARD) == card_sha256


def card_of_version(folder: Path, name: str, version: str) -> Card | None:
    """Return the card of this version of a bundle; None where it is not published here any more."""
    try:
        card = bundles.read_card(folder / name)
    except BundleError:
        return None
    return card if card.version == version else None


def published(folder: Path) -> list[tuple[str, Card | None, str]]:
    """Return every published bundle with its card, or with the reason why it has none."""
    entries: list[tuple[str, Card | None, str]] = []
    for name in bundles.names(folder):
        try:
            entries.append((name, bundles.read_card(folder / name), ""))
        except BundleError as error:
            entries.append((name, None, error.text))
    return entries
