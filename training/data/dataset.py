"""A data set on disk: a folder of class folders, or a folder with `manifest.csv` (path,label,group,source)."""

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.imaging.decode import ImageError, Picture, decode
from smear.imaging.field_of_view import framed
from smear.imaging.folders import left_out, pictures_in
from smear.sentence import SentenceError

MANIFEST = "manifest.csv"
COLUMNS = ("path", "label")
THREADS = 2  # that decode pictures ahead of a network
CHUNK = 32  # pictures decoded and answered together


class DataError(SentenceError):
    """Data that cannot be trained on; one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class Dataset:
    """Pictures and what is known of them, in a fixed order. `groups` holds the patient, or "" where unknown."""

    root: Path
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    sources: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted(set(self.labels)))

    @property
    def patients_known(self) -> bool:
        """Whether every picture's patient is known."""
        return all(self.groups)

    def targets(self, order: tuple[str, ...]) -> Array:
        """Return the class indices, int64 (N,), in the given order of labels."""
        unknown = set(self.labels) - set(order)
        if unknown:
            raise DataError(f"The data has the label '{min(unknown)}', the model has only {', '.join(order)}.")
        return np.array([order.index(label) for label in self.labels], np.int64)

    def drawn(self, count: int, seed: int = 0) -> "Dataset":
        """Return `count` of the pictures, drawn by chance, each class in its share; DataError where that is too few."""
        if count < 2 * len(self.classes):
            raise DataError(f"{count} pictures are too few to draw: {len(self.classes)} classes need two each.")
        if count >= len(self):
            return self
        random, labels = np.random.default_rng(seed), np.array(self.labels)
        chosen = [
            random.choice(of_one, min(len(of_one), max(2, round(count * len(of_one) / len(self)))), replace=False)
            for of_one in (np.flatnonzero(labels == label) for label in self.classes)
        ]
        rows = [
            (self.paths[i], self.labels[i], self.groups[i], self.sources[i]) for i in np.sort(np.concatenate(chosen))
        ]
        return _of(self.root, rows)

    def bytes_of(self, index: int) -> bytes:
        """Return the bytes of picture `index`."""
        return (self.root / self.paths[index]).read_bytes()

    def picture(self, index: int) -> Array:
        """Return picture `index`, uint8 RGB (H, W, 3); DataError naming the file where it cannot be read."""
        return self.decoded(index).rgb

    def decoded(self, index: int) -> Picture:
        """Return picture `index` with what its file said of it; DataError naming the file where it cannot be read."""
        try:
            return framed(decode(self.bytes_of(index)))
        except ImageError as error:
            raise DataError(f"{self.paths[index]}: {error.text} Repair or remove the file.") from error


def load(root: Path) -> Dataset:
    """Return the data set at `root`; DataError where it is none, has one class only, or names missing files."""
    if not root.is_dir():
        raise DataError(f"There is no folder {root}.")
    rows = _from_manifest(root) if (root / MANIFEST).is_file() else _from_folders(root)
    if not rows:
        raise DataError(f"{root} holds no pictures. It needs a folder for each class, or {MANIFEST}.")
    counts = Counter(label for _, label, _, _ in rows)
    if len(counts) < 2:
        raise DataError(f"All pictures in {root} have the label '{rows[0][1]}'. A model needs two labels or more.")
    return _of(root, rows)


Row = tuple[str, str, str, str]


def _of(root: Path, rows: list[Row]) -> Dataset:
    paths, labels, groups, sources = (tuple(column) for column in zip(*rows, strict=True))
    return Dataset(root, paths, labels, groups, sources, _fingerprint(root, rows))


def _from_manifest(root: Path) -> list[Row]:
    with (root / MANIFEST).open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{MANIFEST} has no column '{missing[0]}'. It needs path,label and may have group,source.")
        rows = [
            (line["path"], line["label"].strip(), line.get("group") or "", line.get("source") or "") for line in reader
        ]
    for number, (path, label, _, _) in enumerate(rows, start=2):
        if not label:
            raise DataError(f"{MANIFEST}, line {number}: the label is empty.")
        if not (root / path).is_file():
            raise DataError(f"{MANIFEST}, line {number}: there is no file {path}.")
    _contradictions(rows)
    return sorted(rows)


def _contradictions(rows: list[Row]) -> None:
    """Refuse a label that is not that of the picture's class folder, and a group that has two labels."""
    labels, folders = {label for _, label, _, _ in rows}, {Path(path).parts[0] for path, _, _, _ in rows}
    first: dict[str, tuple[int, str]] = {}
    for number, (path, label, group, _) in enumerate(rows, start=2):
        folder = Path(path).parts[0]
        if folder != label and folder in labels and label in folders:
            raise DataError(f"{MANIFEST}, line {number}: {path} lies in '{folder}' and has the label '{label}'.")
        line, first_label = first.setdefault(group, (number, label)) if group else (number, label)
        if first_label != label:
            raise DataError(
                f"{MANIFEST}, lines {line} and {number}:"
                f" the group '{group}' has the labels '{first_label}' and '{label}'."
                " A group is one patient with one diagnosis; give the second one a group of its own, or none."
            )


def _from_folders(root: Path) -> list[Row]:
    rows: list[Row] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not left_out(Path(path.name))):
        files = list(pictures_in(folder))
        if not files:
            raise DataError(f"The class folder '{folder.name}' has no pictures. Fill it or remove it.")
        rows += [(str(path.relative_to(root)), folder.name, "", root.name) for path in files]
    return rows


def _fingerprint(root: Path, rows: list[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\t".join(row).encode())
        digest.update(hashlib.sha256((root / row[0]).read_bytes()).digest())
    return digest.hexdigest()
