"""The published bundles as the server sees them: waiting, loaded, or damaged with a reason."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smear.artifacts import BundleError
from smear.inference import bundle as bundles
from smear.inference.bundle import Bundle
from smear.inference.card import Card

log = logging.getLogger("leukolens.engine")


class BundleUnusableError(Exception):
    """A bundle that cannot read, with a sentence that says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass
class Shelf:
    """One published bundle as the engine sees it."""

    name: str
    state: str = "waiting"  # waiting, loading, ready or damaged
    text: str = ""  # why it is damaged
    bundle: Bundle | None = None


def fill(shelf: Shelf, folder: Path, load: Callable[[Path], Bundle]) -> Shelf:
    """Verify and load a bundle; a damaged one is reported, and what was loaded before keeps serving."""
    name, before = shelf.name, shelf.bundle
    if before is None:
        shelf.state, shelf.text = "loading", ""
    try:
        if name not in bundles.names(folder):
            raise BundleError(f"There is no model '{name}'.")
        if before is None or before.card.files != bundles.verify(folder / name).files:
            bundle = load(folder / name)
            bundle.network.warm(bundle.card.batch_size)
            shelf.bundle = bundle
        shelf.state, shelf.text = "ready", ""
        log.info("bundle %s is ready", name)
        return shelf
    except BundleError as error:
        shelf.text = error.text
    except Exception as error:
        log.exception("bundle %s could not be loaded", name)
        shelf.text = f"The model '{name}' cannot be used ({type(error).__name__})."
    shelf.state = "damaged"
    log.error("bundle %s cannot be used: %s", name, shelf.text)
    return Shelf(name, "damaged", shelf.text)


def published(folder: Path) -> list[tuple[str, Card | None, str]]:
    """Return every published bundle with its card, or with the reason why it has none."""
    found: list[tuple[str, Card | None, str]] = []
    for name in bundles.names(folder):
        try:
            found.append((name, bundles.read_card(folder / name), ""))
        except BundleError as error:
            found.append((name, None, error.text))
    return found
