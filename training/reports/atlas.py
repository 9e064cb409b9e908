"""An atlas of what is found, without the photographs: for each folder of pictures one SVG of cells and nuclei.

No patient's picture may stand in the documentation. The shapes that were found may, and they show at a glance how many
leukocytes there are in a field, whether neighbours were told apart and which of them the border cuts.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training.data import annotated_masks, dataset
from training.progress import track
from training.reports import pages
from training.segmenter.outlines import outlines, svg_path

TILES, COLUMNS = 12, 4
TILE, GAP, CAPTION, HEAD = 240, 12, 34, 66  # units of the drawing
FINE = 4  # path units to a drawing unit: whole numbers, and still smooth
TOLERANCES = (0.5, 1.0, 1.8, 3.0)  # px; the first that keeps the file small
MOST_BYTES = 150_000

# How the sets are called in public (docs/data.md), by the folder names that the tests expect.
NAMES = {
    "taleghani": "Taleghani ALL (Aria et al. 2021)",
    "cnmc": "C-NMC 2019 (Gupta and Gupta)",
    "pbc": "PBC (Acevedo et al. 2020)",
    "leukemia_types": "LeukemiaAttri (Rehman et al. 2024) and BCCD",
    "cells": "Zheng et al. 2018",
    "fields": "BCCD",
}


@dataclass(frozen=True)
class Tile:
    """What was found in one picture, as it is drawn: lengths in units of the drawing, outlines in 1/FINE of them."""

    x: int
    y: int
    width: float
    height: float
    caption: str
    paths: list[tuple[str, str]]  # kind and outline: pale cells, those that the border cuts, dark nuclei
    centres: list[tuple[int, float, float]]  # number, x, y


def draw(folder: Path, out: Path, seed: int = 0) -> Path:
    """Draw what is found in a dozen pictures of `folder` as `out/<name of the folder>.svg`; return its path."""
    chosen = track(pick(labelled(folder), seed), folder.name)
    fields = [(label, find(annotated_masks.picture(path))) for path, label in chosen]
    name = folder.resolve().name
    for tolerance in TOLERANCES:
        drawing = sheet(NAMES.get(name, name), fields, tolerance)
        if len(drawing.encode()) <= MOST_BYTES:
            break
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.svg"
    path.write_text(drawing, encoding="utf-8")
    return path


def folders(root: Path) -> list[Path]:
    """Return the sets at `root`: each set with masks in it, or `root` itself."""
    inside = [path for path in sorted(root.iterdir()) if annotated_masks.is_set(path)] if root.is_dir() else []
    return inside or [root]


def labelled(folder: Path) -> list[tuple[Path, str]]:
    """Return the pictures of a set with masks, without a label, or of a labelled data set, in a fixed order."""
    if annotated_masks.is_set(folder):
        return [(path, "") for path in annotated_masks.pictures(folder / annotated_masks.IMAGES).values()]
    data = dataset.load(folder)
    return [(folder / path, label) for path, label in zip(data.paths, data.labels, strict=True)]


def pick(pictures: list[tuple[Path, str]], seed: int, most: int = TILES) -> list[tuple[Path, str]]:
    """Return up to `most` pictures by chance, of every label about as many, label by label."""
    rng = np.random.default_rng(seed)
    by_label = defaultdict(list)
    for place in rng.permutation(len(pictures)):
        by_label[pictures[place][1]].append(pictures[place])
    chosen: list[tuple[Path, str]] = []
    while by_label and len(chosen) < most:
        for label in sorted(by_label):
            chosen.append(by_label[label].pop())
            if not by_label[label]:
                del by_label[label]
    return sorted(chosen[:most], key=lambda pair: pair[1])


def sheet(name: str, fields: list[tuple[str, Field]], tolerance: float) -> str:
    """Return the drawing of what was found in pictures of a set, each with its label; `tolerance` as for outlines."""
    columns = min(COLUMNS, max(1, len(fields)))
    rows = -(-len(fields) // columns)
    tallest = max((size(field.labels)[1] for _label, field in fields), default=0)
    step = round(tallest) + CAPTION + GAP
    places = [(GAP + column * (TILE + GAP), HEAD + row * step) for row, column in np.ndindex(rows, columns)]
    total = sum(len(field) for _label, field in fields)
    return pages.render(
        "atlas.svg",
        width=columns * (TILE + GAP) + GAP,
        height=HEAD + rows * step,
        left=GAP,
        title=f"{name}: {leukocytes(total)} found in {len(fields)} pictures",
        scale=1 / FINE,
        tiles=[tile(*pair, place, tolerance) for pair, place in zip(fields, places, strict=False)],
    )


def tile(label: str, field: Field, place: tuple[int, int], tolerance: float) -> Tile:
    """Return one picture's cells in a square whose corner lies at `place`."""
    width, height = size(field.labels)
    unit = width / field.labels.shape[1]
    cut = np.isin(field.labels, 1 + np.flatnonzero(field.cut)) & (field.labels > 0)
    return Tile(
        *place,
        width,
        height,
        (f"{label}: " if label else "") + leukocytes(len(field)),
        [
            ("cell", outlines(np.where(cut, 0, field.labels), tolerance, FINE * unit)),
            ("cell cut", outlines(np.where(cut, field.labels, 0), tolerance, FINE * unit)),
            ("nucleus", svg_path(field.nuclei, tolerance, FINE * unit)),
        ],
        [(number, x * unit, y * unit) for number, x, y in centres(field.labels)],
    )


def size(mask: Array) -> tuple[float, float]:
    """Return the width and height at which a picture is drawn: its long side is TILE."""
    height, width = mask.shape
    return TILE * width / max(height, width), TILE * height / max(height, width)


def leukocytes(count: int) -> str:
    """Return how many leukocytes in words."""
    return f"{count} leukocyte{'' if count == 1 else 's'}"


def centres(labels: Array) -> list[tuple[int, float, float]]:
    """Return every label with the centre of its area."""
    counts = np.bincount(labels.ravel())
    y, x = np.indices(labels.shape)
    sums = [np.bincount(labels.ravel(), weights=place.ravel()) for place in (x, y)]
    return [
        (n, float(sums[0][n] / counts[n]), float(sums[1][n] / counts[n])) for n in range(1, len(counts)) if counts[n]
    ]
