"""A data set on disk: a folder of class folders, or a folder with `manifest.csv` (path,label,group,source)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.imaging.decode import ImageError, Picture, decode
from smear.imaging.field_of_view import framed
from smear.imaging.file_signatures import SUFFIXES
from smear.imaging.folders import left_out, pictures_in
from training.data import manifest
from training.data.manifest import MANIFEST, DataError, Row, composed, located, meant, refuse_lookalikes
from training.data.patients import folded, key

PARTLY = "{} of {} pictures name no patient: those that do stay together, the others are grouped by how they look."
BESIDE = "Pictures beside the class folders are left out: {}, such as {}."
FOLDERS = "Folders in the class folders are taken for patients: there are {}."
APPEARANCE = "near-duplicates and slide appearance"
PATIENTS_IN_PART = f"patients where they are known, else {APPEARANCE}"
THREADS = 2  # that decode pictures ahead of a network
DIGITS = 16  # of a file's digest: two files of a million have the same with a chance of one in ten million
CHUNK = 32  # pictures decoded and answered together


@dataclass(frozen=True)
class Dataset:
    """Pictures and what is known of them, in a fixed order. `groups` holds the patient, or "" where unknown.

    digests: of each picture's file, 16 hexadecimal digits; remarks: what was made of the patients' ids, in sentences.
    """

    root: Path
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    sources: tuple[str, ...]
    digests: tuple[str, ...]
    fingerprint: str
    remarks: tuple[str, ...] = ()

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

    @property
    def groups_from(self) -> str:
        """By what pictures are kept together, in words."""
        if self.patients_known:
            return "patients"
        return PATIENTS_IN_PART if any(self.groups) else APPEARANCE

    def targets(self, order: tuple[str, ...]) -> Array:
        """Return the class indices, int64 (N,), in the given order of labels."""
        unknown = set(self.labels) - set(order)
        if unknown:
            raise DataError(f"The data has the label '{min(unknown)}', the model has only {', '.join(order)}.")
        return np.array([order.index(label) for label in self.labels], np.int64)

    def merged(self, merge: Mapping[str, Sequence[str]], least: int = 2) -> "Dataset":
        """Return the same pictures with labels merged: old ones by the new one in `merge`.

        The fingerprint is that of the pictures and their own labels. DataError if fewer than `least` labels are left.
        """
        new = {old: label for label, olds in merge.items() for old in olds}
        labels = tuple(new.get(label, label) for label in self.labels)
        if labels == self.labels:
            return self
        if len(set(labels)) < least:
            raise DataError(
                f"Merged as the recipe has it, all pictures in {self.root} have the label '{labels[0]}'. A model needs"
                " two labels or more."
            )
        return replace(self, labels=labels)

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
            Row(self.paths[i], self.labels[i], self.groups[i], self.sources[i]) for i in np.sort(np.concatenate(chosen))
        ]
        return _of(self.root, rows)

    def only(self, which: Array) -> "Dataset":
        """Return the pictures `which`, indices; the fingerprint stays that of all."""
        paths, labels, groups, sources, digests = (
            tuple(row[i] for i in which) for row in (self.paths, self.labels, self.groups, self.sources, self.digests)
        )
        return replace(self, paths=paths, labels=labels, groups=groups, sources=sources, digests=digests)

    def bytes_of(self, index: int) -> bytes:
        """Return the bytes of picture `index`."""
        return located(self.root, self.paths[index]).read_bytes()

    def picture(self, index: int) -> Array:
        """Return picture `index`, uint8 RGB (H, W, 3); DataError naming the file where it cannot be read."""
        return self.decoded(index).rgb

    def decoded(self, index: int) -> Picture:
        """Return picture `index` with what its file said of it; DataError naming the file where it cannot be read."""
        try:
            return framed(decode(self.bytes_of(index)))
        except ImageError as error:
            raise DataError(f"{self.paths[index]}: {error.text} Repair or remove the file.") from error


def load(root: Path, many_labels: bool = False, strict: bool = False, least: int = 2) -> Dataset:
    """Return the data set at `root`; DataError where it is none, has too few classes, or its manifest cannot be used.

    many_labels: whether the pictures of one group may have several, as the cells of one patient do. strict: whether a
    picture that names no patient is an error. least: how many classes have to be there; a model that is there already
    can be asked about one.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder {root}.")
    if (root / MANIFEST).is_file():
        rows, remarks = manifest.read(root, many_labels), manifest.remarks(root)
    else:
        rows, remarks = _from_folders(root, many_labels)
    if not rows:
        raise DataError(f"{root} holds no pictures. It needs a folder for each class, or {MANIFEST}.")
    labels = [row.label for row in rows]
    refuse_lookalikes(labels)
    if len(set(labels)) < least:
        raise DataError(f"All pictures in {root} have the label '{labels[0]}'. A model needs two labels or more.")
    dataset = _of(root, rows)
    if any(dataset.groups) and not (root / MANIFEST).is_file():
        remarks += (FOLDERS.format(len(set(dataset.groups) - {""})),)
    dataset = replace(dataset, remarks=remarks + dataset.remarks)
    if strict and not dataset.patients_known:
        nobody = [path for path, patient in zip(dataset.paths, dataset.groups, strict=True) if not patient]
        raise DataError(
            f"{len(nobody)} of {len(dataset)} pictures name no patient, such as {nobody[0]}. Name each one's in the"
            f" column 'group' of {MANIFEST}, or give each patient a folder; or leave --strict out."
        )
    return dataset


def _of(root: Path, rows: list[Row]) -> Dataset:
    paths, labels, groups, sources = (tuple(column) for column in zip(*map(astuple, rows), strict=True))
    patients, remarks = folded(groups)
    missing = sum(not patient for patient in patients)
    if 0 < missing < len(patients):
        remarks += (PARTLY.format(missing, len(patients)),)
    digests = [hashlib.sha256(located(root, path).read_bytes()) for path in paths]
    short = tuple(digest.hexdigest()[:DIGITS] for digest in digests)
    whole = _fingerprint(rows, [digest.digest() for digest in digests])
    return Dataset(root, paths, labels, patients, sources, short, whole, remarks)


def _from_folders(root: Path, many_labels: bool) -> tuple[list[Row], tuple[str, ...]]:
    """Return the pictures of class folders, and what was left out of them, in sentences.

    A folder within a class folder is a patient. DataError where two contradict, and where a class folder is empty.
    """
    rows, source = list[Row](), root.name if root.name.strip(".") else root.resolve().name
    entries = [path for path in sorted(root.iterdir()) if not left_out(Path(path.name))]
    for folder in (path for path in entries if path.is_dir()):
        files = [path.relative_to(root) for path in pictures_in(folder)]
        if not files:
            raise DataError(f"The class folder '{meant(Path(folder.name))}' has no pictures. Fill it or remove it.")
        for path in map(meant, files):
            label, *patient, _ = path.split("/")
            rows.append(Row(path, composed(label), patient[0] if patient else "", source))
    beside = [meant(Path(path.name)) for path in entries if path.suffix.lower() in SUFFIXES and path.is_file()]
    first: dict[str, Row] = {}
    for row in rows:
        other = first.setdefault(key(row.group), row) if key(row.group) else row
        if other.label != row.label and not many_labels:
            raise DataError(
                f"The folder '{row.group}' stands in '{other.label}' and in '{row.label}'. A folder in a class folder"
                " is one patient with one diagnosis: give each patient a folder with a name of its own, or none."
            )
    return rows, (BESIDE.format(len(beside), beside[0]),) if beside else ()


def _fingerprint(rows: list[Row], digests: list[bytes]) -> str:
    """Return the digest of rows and of their files' digests."""
    digest = hashlib.sha256()
    for row, of_file in zip(rows, digests, strict=True):
        digest.update("\t".join(astuple(row)).encode())
        digest.update(of_file)
    return digest.hexdigest()
