"""Sets of pictures with masks drawn by people: `images/` and `masks/`, a mask for every picture, of the same stem.

A mask is grey and has three levels: background, cytoplasm, nucleus. Sets disagree on the grey of the cytoplasm (128 in
Zheng et al. 2018, 155 in BCCD), edges may be smoothed and JPEG adds noise, so the three levels are taken from the
histogram of the whole set and every pixel counts as the nearest. Classes numbered 0, 1, 2 are read as such.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.decode import ImageError, decode
from smear.imaging.file_signatures import SUFFIXES
from smear.imaging.folders import left_out
from smear.segmentation.split_touching import nearest
from training.data.manifest import DataError

IMAGES, MASKS = "images", "masks"
NUCLEUS = 255
CYTOPLASM = 128  # where the set shows no clear level
BETWEEN = slice(48, 216)  # values among which the set's grey for cytoplasm is looked for
CLEAR = 0.3  # of those, within 4 of the most frequent: else that is a slope of smoothed edges and no level
LEAST_SHARE = 1e-4  # of a set's pixels: fewer at a level are smoothed edges and noise
GREY = 48  # how far the channels of a grey mask may lie apart: JPEG
WAIST = 0.7  # of the half-width of the widest cell: where a neck is narrower, touching cells are cut
LEAST_OF_LARGEST = 0.3  # nucleus of one of two touching cells, of the larger nucleus: less is a lobe or a speck


@dataclass(frozen=True)
class Annotation:
    """What people drew: `labels` int32 (H, W), 1..N inside each whole cell; `nuclei` bool (H, W)."""

    labels: Array
    nuclei: Array


@dataclass(frozen=True)
class MaskedSet:
    """The pictures and masks of one set, in the order of their names, and the set's levels.

    cytoplasm, nucleus: the least value that counts as such; `notes`: what is missing, as sentences.
    """

    name: str
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    cytoplasm: float
    nucleus: float
    has_nuclei: bool
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def pairs(self) -> Iterator[tuple[Array, Annotation]]:
        """Yield every picture, uint8 RGB, with what people drew in it; DataError where their sizes differ."""
        for index in range(len(self)):
            yield self.pair(index)

    def pair(self, index: int) -> tuple[Array, Annotation]:
        """Return picture `index`, uint8 RGB, with what people drew in it."""
        rgb, mask = picture(self.images[index]), _grey(self.masks[index])
        if mask.shape != rgb.shape[:2]:
            wrong, right = (f"{array.shape[1]} x {array.shape[0]}" for array in (mask, rgb))
            raise DataError(f"{self.masks[index]} is {wrong} pixels, its picture is {right}. Make them the same size.")
        nuclei = mask >= self.nucleus
        return rgb, Annotation(instances(mask >= self.cytoplasm, nuclei), nuclei)


def load(root: Path) -> list[MaskedSet]:
    """Return the sets at `root`: itself where it has `images/` or `masks/`, else every folder in it that has."""
    if not root.is_dir():
        raise DataError(f"There is no folder {root}.")
    folders = [root] if is_set(root) else sorted(path for path in root.iterdir() if is_set(path))
    sets = [_set(folder) for folder in folders]
    if not sets:
        raise DataError(f"{root} holds no set with masks. A set is a folder with {IMAGES}/ and {MASKS}/.")
    return sets


def is_set(folder: Path) -> bool:
    """Return whether `folder` means to be a set with masks."""
    return (folder / IMAGES).is_dir() or (folder / MASKS).is_dir()


def pictures(folder: Path) -> dict[str, Path]:
    """Return the pictures directly in `folder` by stem, in order; DataError where two have the same stem."""
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}. A set needs {IMAGES}/ and {MASKS}/ with files of the same names."
        )
    by_stem: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or left_out(Path(path.name)) or not path.is_file():
            continue
        if path.stem in by_stem:
            raise DataError(f"{folder} has both {by_stem[path.stem].name} and {path.name}. Keep one of them.")
        by_stem[path.stem] = path
    return by_stem


def picture(path: Path) -> Array:
    """Return the picture at `path`, uint8 RGB; DataError naming the file where it cannot be read."""
    try:
        return decode(path.read_bytes()).rgb
    except ImageError as error:
        raise DataError(f"{path}: {error.text} Repair or remove the file.") from error


def instances(cells: Array, nuclei: Array) -> Array:
    """Return which cell every pixel belongs to, int32 (H, W), 1..N in `cells` and 0 outside.

    A connected component is one cell, whatever its nucleus looks like: the lobes of a neutrophil lie apart. Only where
    it has a waist and a nucleus of about the same size on either side are two cells taken to touch.
    """
    count, parts = cv2.connectedComponents(cells.astype(np.uint8))
    labels = np.zeros(cells.shape, np.int32)
    last = 0
    for part in range(1, count):
        x, y, w, h = cv2.boundingRect((parts == part).view(np.uint8))
        window = slice(y, y + h), slice(x, x + w)
        inside = parts[window] == part
        touching = _touching(inside, nuclei[window] & inside)
        labels[window][inside] = touching[inside] + last
        last += int(touching.max())
    return labels


def _touching(cell: Array, nuclei: Array) -> Array:
    """Return the cells that make up one component, int32 (h, w), numbered from 1."""
    alone = cell.astype(np.int32)
    depth = cv2.distanceTransform(np.pad(cell, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    count, cores = cv2.connectedComponents((depth > WAIST * depth.max()).view(np.uint8))
    if count <= 2:
        return alone
    share = np.bincount(nearest(cores, cell)[nuclei], minlength=count)[1:]
    cells = 1 + np.flatnonzero(share >= max(1.0, LEAST_OF_LARGEST * share.max()))
    if len(cells) < 2:
        return alone
    numbers = np.zeros(count, np.int32)
    numbers[cells] = np.arange(1, len(cells) + 1)
    return nearest(numbers[cores], cell)


def _set(folder: Path) -> MaskedSet:
    images, masks = pictures(folder / IMAGES), pictures(folder / MASKS)
    if not images:
        raise DataError(f"{folder / IMAGES} holds no pictures.")
    missing = [path.name for stem, path in images.items() if stem not in masks]
    if missing:
        raise DataError(f"{folder}: {len(missing)} of {len(images)} pictures have no mask, the first is {missing[0]}.")
    counts = np.zeros(256)
    for stem in images:
        counts += np.bincount(_grey(masks[stem]).ravel(), minlength=256)
    return MaskedSet(
        folder.resolve().name, tuple(images.values()), tuple(masks[stem] for stem in images), *levels(counts)
    )


def levels(counts: Array) -> tuple[float, float, bool, tuple[str, ...]]:
    """Return where cytoplasm and nucleus begin, whether there are nuclei, and notes, from the values' histogram."""
    total = counts.sum()
    if counts[3:].sum() == 0:  # classes 0, 1, 2 stored as they are
        grey, white, least = 1, 2, 0.0
        cytoplasm, nuclei = counts[1], counts[2]
    else:
        grey = BETWEEN.start + int(counts[BETWEEN].argmax())
        least = LEAST_SHARE * total
        if counts[grey - 4 : grey + 5].sum() <= max(least, CLEAR * counts[BETWEEN].sum()):
            grey = CYTOPLASM
        white = NUCLEUS
        cytoplasm = counts[grey - 8 : grey + 9].sum()
        nuclei = counts[int((grey + white) / 2) :].sum()
    notes = []
    if cytoplasm <= least:
        notes.append("These masks know no cytoplasm: what is drawn as nucleus counts as the whole cell.")
    if nuclei <= least:
        notes.append("These masks know no nuclei: there is no nucleus Dice.")
    return grey / 2, (grey + white) / 2, bool(nuclei > least), tuple(notes)


def _grey(path: Path) -> Array:
    """Return a mask's values, uint8 (H, W); DataError where it is in colour: its levels would be a guess."""
    rgb = picture(path)
    lowest, highest = rgb.min(axis=2), rgb.max(axis=2)
    if np.mean(highest - lowest > GREY) > 0.01:
        raise DataError(f"{path} is in colour. A mask is grey: black background, grey cytoplasm, white nucleus.")
    return rgb[..., 1]
