"""Published files: their names, their digests, and a folder that takes another's place whole or not at all."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smear.sentence import SentenceError

CARD = "card.json"
MODEL = "model.keras"
GRAPH = "model.onnx"  # the same function as ONNX
# Lies among the bundles and is none to choose: `smear.segmentation.mask_network` reads it.
SEGMENTER = "leukolens-cells-mask"


class BundleError(SentenceError):
    """A bundle that cannot be used; `text` is one sentence for the admin page."""


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
