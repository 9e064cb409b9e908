"""A published model: a folder with the network, its card and its feature statistics. Data, never code."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smear.card import Card, CardError
from smear.novelty import Novelty

if TYPE_CHECKING:
    from smear.network import Network

CARD = "card.json"
MODEL = "model.keras"
NOVELTY = "novelty.npz"
FINDER = "leukolens-cells-mask"  # lies among the bundles and is none to choose: `smear.segmenter` reads it


class BundleError(Exception):
    """A bundle that cannot be used; `text` is one sentence for the admin page."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory."""

    path: Path
    card: Card
    network: "Network"
    novelty: Novelty


def names(folder: Path) -> list[str]:
    """Return the names of the bundles to choose from, sorted; damaged ones too, so that they can be reported."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.name[0] != "." and p.name != FINDER and (p / CARD).is_file())


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


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(path: Path) -> Card:
    """Return the card after comparing every listed file with its SHA-256; BundleError where one differs."""
    card = read_card(path)
    for required in (MODEL, NOVELTY, card.head.file):
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


def load(path: Path) -> Bundle:
    """Return the bundle at `path`, verified and compiled (not yet warm); BundleError with a sentence otherwise."""
    card = verify(path)
    from smear import heads, network, segmenter

    segmenter.segmenter()  # nothing is read without it: what is wrong with it is said now
    try:
        compiled = network.load(path / MODEL, card.explanation_layer, card.orientations, card.sure_upright)
        novelty = Novelty.load(path / NOVELTY)
        if card.head.file:
            compiled.head = heads.load(path / card.head.file, len(card.labels))
    except heads.HeadError as error:
        raise BundleError(f"The classifier of '{path.name}' cannot be used: {error}") from error
    except network.UnsuitableModelError as error:
        raise BundleError(f"The model '{path.name}' does not suit this application: {error}") from error
    except Exception as error:  # Keras raises anything from BadZipFile to KeyError for a damaged file
        raise BundleError(f"The model file of '{path.name}' is damaged ({type(error).__name__}).") from error
    expected = (card.input.height, card.input.width, 3)
    if compiled.input_shape != expected or compiled.classes != len(card.labels):
        raise BundleError(f"The model '{path.name}' does not match its card (input size or number of labels).")
    return Bundle(path, card, compiled, novelty)


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


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `target` when the block ends; where it raises, nothing changes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    retired = draft.with_name(f"{draft.name}-retired")
    try:
        draft.chmod(0o755)  # mkdtemp's 0700 would hide the bundle from the account that serves it
        yield draft
        if target.exists():
            target.rename(retired)
        draft.rename(target)
    except BaseException:
        if retired.exists():
            retired.rename(target)
        shutil.rmtree(draft, ignore_errors=True)
        raise
    shutil.rmtree(retired, ignore_errors=True)
