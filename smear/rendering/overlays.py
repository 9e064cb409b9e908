"""The pictures that a reading page shows beside the original, and the map laid over it."""

from collections.abc import Mapping

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.preprocess import prepare
from smear.segmentation.field import Field, working_copy
from smear.sentence import SentenceError

NAMES = ("original", "median", "mask", "model")
LARGEST_SIDE = 1600
LEGIBLE_SIDE = 900
DIMMED = 0.28  # how much of the picture stays where there is no leukocyte
OPACITY = 0.45
BLACK, PALE = (0, 0, 0), (255, 255, 255)
TOLERANCE = 0.5  # working pixels by which an outline may be off to have fewer corners

# Inferno (van der Walt and Smith 2015), perceptually even and safe for colour-blind readers.
_BGR = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)
INFERNO: Array = np.ascontiguousarray(_BGR[:, 0, ::-1])


class UnknownViewError(SentenceError):
    """There is no view of that name."""


def render(field: Field, name: str, card: Card | None = None) -> Array:
    """Return one view of a field, uint8 RGB with a long side of at most 1600 px.

    `original`; `median`, smoothed as the published systems do; `mask`, everything but the leukocytes dimmed;
    `model`, exactly what the card's network is given, enlarged without smoothing; it needs the card. UnknownViewError
    for another name.
    """
    if name == "model" and card is not None:
        shown = prepare(field, card)
        factor = max(1, 640 // max(shown.shape[:2]))
        return cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    shown = working_copy(field.rgb, LARGEST_SIDE)[0]
    if name == "original":
        return shown
    if name == "median":
        return cv2.medianBlur(shown, 3)
    if name == "mask":
        size = shown.shape[1], shown.shape[0]
        cells = cv2.resize(field.cells.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        pale = cv2.convertScaleAbs(shown, alpha=DIMMED, beta=255 * (1 - DIMMED))
        return np.where(cells[..., None] > 0, shown, pale)
    raise UnknownViewError(f"There is no view '{name}'. Known: {', '.join(NAMES)}.")


def model_input(field: Field, card: Card) -> Array:
    """Return what the card's network is given, uint8 RGB, in the shape of the view `original`: a map is laid on it."""
    height, width = working_copy(field.rgb, LARGEST_SIDE)[0].shape[:2]
    return cv2.resize(prepare(field, card), (width, height), interpolation=cv2.INTER_LINEAR)


def outlines(field: Field) -> list[list[int]]:
    """Return the outline of each leukocyte, x and y by turns, in pixels of the picture; [] for one of a few pixels."""
    polygons: list[list[int]] = []
    for i, (left, top, right, bottom) in enumerate(np.floor(field.boxes / field.scale).astype(int)):
        inside = (field.labels[top : bottom + 1, left : right + 1] == i + 1).view(np.uint8)
        contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not contours:
            polygons.append([])
            continue
        corners = cv2.approxPolyDP(max(contours, key=cv2.contourArea), TOLERANCE, closed=True)[:, 0]
        polygons.append(np.rint((corners + (left, top) + 0.5) * field.scale).astype(int).ravel().tolist())
    return polygons


def shaded(
    rgb: Array,
    polygons: Mapping[int, list[int]],
    weights: Mapping[int, float],
    opacity: float = OPACITY,
    boldness: int = 1,
) -> Array:
    """Return `rgb` with leukocytes outlined and numbered, each shaded by its weight, up to 1; not at all from 0 down.

    polygons: by number, as from `outlines`; weights: of the same numbers, or of none, for outlines alone; boldness:
    times the usual width of lines and size of numbers, for a picture that is printed small. A small picture is
    enlarged, so that lines and numbers are thin on it.
    """
    shown, scale = working_copy(rgb, LARGEST_SIDE)
    factor = max(1, LEGIBLE_SIDE // max(shown.shape[:2]))
    shown, scale = cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), scale / factor
    colours = shown.copy()
    corners = {
        n: (np.reshape(polygon, (-1, 2)) / scale).round().astype(np.int32) for n, polygon in polygons.items() if polygon
    }
    for number, polygon in corners.items():
        if weights.get(number, 0) > 0:
            level = int(np.rint(255 * min(1.0, weights[number])))
            cv2.fillPoly(colours, [polygon], INFERNO[level].tolist())
    shown = cv2.addWeighted(shown, 1 - opacity, colours, opacity, 0)
    thick = max(1, round(boldness * max(shown.shape) / 500))
    size = boldness * max(shown.shape) / 900
    for number, polygon in corners.items():
        x, y = (int(value) for value in polygon.min(axis=0))
        # White on black: seen on every stain.
        for colour, width in ((BLACK, 3 * thick), (PALE, thick)):
            cv2.polylines(shown, [polygon], True, colour, width, cv2.LINE_AA)
        foot = max(y - 2 * thick, round(24 * size))
        around = [(dx, dy, BLACK) for dx in (-thick, 0, thick) for dy in (-thick, 0, thick)]
        for dx, dy, colour in (*around, (0, 0, PALE)):  # a stroke's width does not change with OpenCV 5's fonts
            at = (x + dx, foot + dy)
            cv2.putText(shown, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
    return shown


def overlay(rgb: Array, grid: Array, opacity: float = OPACITY) -> Array:
    """Return `rgb` under a map: `grid`, float (h, w) in 0..1, enlarged and coloured; mixed at `opacity`."""
    shown = working_copy(rgb, LARGEST_SIDE)[0]
    if grid.size == 0:
        return shown
    size = shown.shape[1], shown.shape[0]
    level = np.clip(cv2.resize(grid.astype(np.float32), size, interpolation=cv2.INTER_LINEAR), 0, 1)
    colour = INFERNO[np.rint(level * 255).astype(np.uint8)]
    blended = shown * (1.0 - opacity) + colour * opacity
    return np.rint(blended).astype(np.uint8)
