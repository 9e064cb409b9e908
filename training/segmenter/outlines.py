"""A page of the pictures in which leukocytes were found worst, with the drawn and the found outlines laid over them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.decode import encode
from smear.segmentation.find import working_copy
from training.data.annotated_masks import MaskedSet
from training.segmenter.agreement import found
from training.segmenter.metrics import Agreement, count, median_cell

MOST = 20
SHOWN_SIDE = 640  # px; outlines stay sharp at any size, the photograph need not be larger
TOLERANCE = 0.4  # px by which a drawn outline may leave the mask's edge


@dataclass(frozen=True)
class _Bad:
    where: MaskedSet
    index: int
    agreement: Agreement
    median: float


def write(measured: Sequence[tuple[MaskedSet, list[Agreement]]], path: Path) -> None:
    """Write the page of the worst twenty pictures of all sets, by cell Dice, to `path`: one file, nothing beside it."""
    bad = [
        _Bad(one, index, agreement, median_cell(agreements))
        for one, agreements in measured
        for index, agreement in enumerate(agreements)
    ]
    bad.sort(key=lambda picture: (picture.agreement.cell_dice, picture.agreement.nucleus_dice))
    figures = "\n".join(_figure(picture) for picture in bad[:MOST])
    shown = min(MOST, len(bad))
    path.write_text(_PAGE.format(style=_STYLE, shown=shown, of=len(bad), figures=figures), encoding="utf-8")


def svg_path(mask: Array, tolerance: float = TOLERANCE, factor: float = 1.0) -> str:
    """Return the outline of a mask's parts and holes as SVG path data, in whole units of `factor` to the pixel."""
    # Contours run through the centres of pixels, the edge half a pixel further out. Twice as large, the centres are a
    # quarter of a pixel from the edge, and rounding to whole pixels puts them on it.
    twice = np.pad(np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1), 1)
    contours, _ = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    pieces = []
    for contour in contours:
        corners = cv2.approxPolyDP(contour, 2 * tolerance, True).reshape(-1, 2)
        points = np.rint((corners - 0.5) * (factor / 2)).astype(int)
        steps = np.diff(points, axis=0)
        steps = steps[np.any(steps != 0, axis=1)]
        if len(steps) < 2:
            continue
        x, y = points[0]
        pieces.append(f"M{x} {y}l" + " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-") + "z")
    return "".join(pieces)


def outlines(labels: Array, tolerance: float = TOLERANCE, factor: float = 1.0) -> str:
    """Return the outlines of all cells of a labelling as SVG path data: cells that touch keep their common border."""
    pieces = []
    for label in range(1, int(labels.max(initial=0)) + 1):
        x, y, w, h = cv2.boundingRect((labels == label).view(np.uint8))
        alone = np.zeros((y + h, x + w), bool)
        alone[y:, x:] = labels[y : y + h, x : x + w] == label
        pieces.append(svg_path(alone, tolerance, factor))
    return "".join(pieces)


def _figure(bad: _Bad) -> str:
    rgb, annotation = bad.where.pair(bad.index)
    labels, nuclei = found(rgb)
    photograph = base64.b64encode(encode(working_copy(rgb, SHOWN_SIDE)[0], "JPEG", 88)).decode()
    cells = count(bad.agreement, bad.median)
    height, width = rgb.shape[:2]
    nucleus = f"{bad.agreement.nucleus_dice:.3f}" if bad.where.has_nuclei else "not drawn"
    name = escape(f"{bad.where.name}/{bad.where.images[bad.index].name}")
    drawn, guessed = int(annotation.labels.max(initial=0)), int(labels.max(initial=0))
    layers = "".join(
        f'<path class="{kind}" d="{data}"/>'
        for kind, data in (
            ("drawn nucleus", svg_path(annotation.nuclei)),
            ("drawn", outlines(annotation.labels)),
            ("found nucleus", svg_path(nuclei)),
            ("found", outlines(labels)),
        )
    )
    return f"""<figure>
<svg viewBox="0 0 {width} {height}" role="img" aria-label="{name}: {drawn} cells drawn, {guessed} found">
<image href="data:image/jpeg;base64,{photograph}" width="{width}" height="{height}" preserveAspectRatio="none"/>
<g>{layers}</g></svg>
<figcaption><strong>{name}</strong>
<span>Dice: cell {bad.agreement.cell_dice:.3f}, nucleus {nucleus}</span>
<span>Cells: {drawn} drawn, {guessed} found; {cells.right} matched, {cells.false} false, {cells.missed} missed</span>
</figcaption></figure>"""


_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --line: #d5dae0; --soft: #57606a }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171a; --text: #e8ebee; --line: #39404a; --soft: #a3adb8 }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 84rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.35rem; margin: 0 0 .5rem }
p { margin: 0 0 .75rem; max-width: 70ch }
.legend { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; margin-bottom: 1rem }
.legend > * { display: inline-flex; gap: .5rem; align-items: center }
.legend svg { width: 3rem; height: 1rem; background: #6b4a86 }
.legend input { width: 1.25rem; height: 1.25rem }
main { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)) }
figure { margin: 0; border: 1px solid var(--line); border-radius: .4rem; overflow: hidden }
figure svg { display: block; width: 100%; height: auto; max-height: 26rem }
figcaption { padding: .5rem .75rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
figcaption span { display: block; color: var(--soft); font-size: .875rem }
path { fill: none; stroke-width: 2.5px; vector-effect: non-scaling-stroke }
path.nucleus { stroke-width: 1.25px }
.drawn { stroke: #ffb000 }
.found { stroke: #00e5ff; stroke-dasharray: 6 3 }
figure g { filter: drop-shadow(0 0 .6px #000) }
body:has(#lines:not(:checked)) figure g { display: none }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Where leukocytes were found worst</title>
<style>{style}</style>
</head>
<body>
<h1>Where leukocytes were found worst</h1>
<p>The {shown} pictures of {of} whose cells agree least with what people drew, worst first.</p>
<div class="legend">
<span><svg viewBox="0 0 48 16" aria-hidden="true"><path class="drawn" d="M2 8h44"/></svg> drawn by people</span>
<span><svg viewBox="0 0 48 16" aria-hidden="true"><path class="found" d="M2 8h44"/></svg> found, dashed</span>
<span>Thick: whole cell. Thin: nucleus.</span>
<label><input type="checkbox" id="lines" checked> Show outlines</label>
</div>
<main>
{figures}
</main>
</body>
</html>
"""
