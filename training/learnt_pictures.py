"""Which pictures a bundle has learnt from, by the digests of their files, so that none of them serves to judge it.

Nothing of a picture can be made out of its digest, and the digests are sorted: the file says neither what a picture
shows nor which label or patient it has.
"""

from collections.abc import Iterable
from pathlib import Path

FILE = "learnt.txt"  # in a bundle; one digest a line


def write(folder: Path, digests: Iterable[str]) -> None:
    """Write the digests of the files that were learnt from into a bundle's folder."""
    (folder / FILE).write_text("".join(f"{digest}\n" for digest in sorted(set(digests))), encoding="utf-8")


def read(folder: Path) -> frozenset[str]:
    """Return the digests that the bundle in `folder` names; none where it was made before bundles named them."""
    file = folder / FILE
    return frozenset(file.read_text(encoding="utf-8").split()) if file.is_file() else frozenset()
