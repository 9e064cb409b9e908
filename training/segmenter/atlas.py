"""An atlas of what is found, without the photographs: for each folder of pictures one SVG of cells and nuclei.

No patient's picture may stand in the documentation. The shapes that were found may, and they show at a glance how many
leukocytes there are in a field, whether neighbours were told apart and which of them the border cuts.
"""

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training.data import annotated_masks, dataset
from training.progress import track
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
class _Tile:
    label: str
    leukocytes: Field


def draw(folder: Path, out: Path, seed: int = 0) -> Path:
    """Draw what is found in a dozen pictures of `folder` as `out/<name of the folder>.svg`; return its path."""
    chosen = track(pick(labelled(folder), seed), folder.name)
    tiles = [_Tile(label, find(annotated_masks.picture(path))) for path, label in chosen]
    name = folder.resolve().name
    for tolerance in TOLERANCES:
        drawing = _sheet(NAMES.get(name, name), tiles, tolerance)
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


def _sheet(name: str, tiles: list[_Tile], tolerance: float) -> str:
    columns = min(COLUMNS, max(1, len(tiles)))
    rows = -(-len(tiles) // columns)
    tallest = max((_size(tile.leukocytes.labels)[1] for tile in tiles), default=0)
    step = round(tallest) + CAPTION + GAP
    width, height = columns * (TILE + GAP) + GAP, HEAD + rows * step
    total = sum(len(tile.leukocytes) for tile in tiles)
    title = f"{escape(name)}: {_leukocytes(total)} found in {len(tiles)} pictures"
    drawn = "\n".join(
        f'<g transform="translate({GAP + column * (TILE + GAP)} {HEAD + row * step})">{_tile(tile, tolerance)}</g>'
        for (row, column), tile in zip(np.ndindex(rows, columns), tiles, strict=False)
    )
    return _SHEET.format(width=width, height=height, title=title, gap=GAP, style=_STYLE, tiles=drawn)


def _tile(tile: _Tile, tolerance: float) -> str:
    """Draw one picture's cells in a square: pale cells, dark nuclei, an outline, dashed where the border cuts."""
    leukocytes = tile.leukocytes
    width, height = _size(leukocytes.labels)
    unit = width / leukocytes.labels.shape[1]
    cut = np.isin(leukocytes.labels, 1 + np.flatnonzero(leukocytes.cut)) & (leukocytes.labels > 0)
    paths = "".join(
        f'<path class="{kind}" d="{data}"/>'
        for kind, data in (
            ("cell", outlines(np.where(cut, 0, leukocytes.labels), tolerance, FINE * unit)),
            ("cell cut", outlines(np.where(cut, leukocytes.labels, 0), tolerance, FINE * unit)),
            ("nucleus", svg_path(leukocytes.nuclei, tolerance, FINE * unit)),
        )
        if data
    )
    numbers = "".join(
        f'<text class="number" x="{x * unit:.0f}" y="{y * unit:.0f}">{number}</text>'
        for number, x, y in _centres(leukocytes.labels)
    )
    label = f"{escape(tile.label)}: " if tile.label else ""
    return (
        f'<rect class="field" width="{width:g}" height="{height:g}"/>'
        f'<g transform="scale({1 / FINE})">{paths}</g>{numbers}'
        f'<text class="caption" y="{height + 18:g}">{label}{_leukocytes(len(leukocytes))}</text>'
    )


def _size(mask: Array) -> tuple[float, float]:
    """Return the width and height at which a picture is drawn: its long side is TILE."""
    height, width = mask.shape
    return TILE * width / max(height, width), TILE * height / max(height, width)


def _leukocytes(count: int) -> str:
    return f"{count} leukocyte{'' if count == 1 else 's'}"


def _centres(labels: Array) -> list[tuple[int, float, float]]:
    """Return every label with the centre of its area."""
    counts = np.bincount(labels.ravel())
    y, x = np.indices(labels.shape)
    sums = [np.bincount(labels.ravel(), weights=place.ravel()) for place in (x, y)]
    return [
        (n, float(sums[0][n] / counts[n]), float(sums[1][n] / counts[n])) for n in range(1, len(counts)) if counts[n]
    ]


# Colours of its own on a page of its own, so that it reads on the light and on the dark side of a documentation site.
_STYLE = """
text { font-family: system-ui, sans-serif; fill: #1b1f24 }
.title { font-size: 20px; font-weight: 600 }
.legend, .caption { font-size: 14px }
.number { font-size: 11px; font-weight: 600; fill: #fff; stroke: #2d1a5e; stroke-width: 2.5px; paint-order: stroke;
  text-anchor: middle; dominant-baseline: central }
.field { fill: #fff; stroke: #c4cad1 }
.cell { fill: #ddd3f2; stroke: #5b3fa6; stroke-width: 1.5px; vector-effect: non-scaling-stroke }
.cut { fill: #f6e3c5; stroke: #9a5b00; stroke-dasharray: 5 3 }
.nucleus { fill: #5b3fa6; fill-opacity: .75; fill-rule: evenodd }
"""

_SHEET = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
<title>{title}</title>
<style>{style}</style>
<rect width="100%" height="100%" fill="#f5f6f8"/>
<text class="title" x="{gap}" y="28">{title}</text>
<g transform="translate({gap} 41)">
<path class="cell" d="M1 1h22v12h-22z"/><text class="legend" x="30" y="12">cell</text>
<path class="nucleus" d="M71 1h22v12h-22z"/><text class="legend" x="100" y="12">nucleus</text>
<path class="cell cut" d="M166 1h22v12h-22z"/><text class="legend" x="195" y="12">cut by the border</text>
</g>
{tiles}
</svg>
"""
