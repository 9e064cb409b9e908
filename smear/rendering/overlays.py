"""The pictures that a reading page shows beside the original, and the map laid over it."""

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.preprocess import prepare
from smear.segmentation.field import Field, working_copy
from smear.sentence import SentenceError

NAMES = ("original", "median", "mask", "model")
LARGEST_SIDE = 1600
DIMMED = 0.28  # how much of the picture stays where there is no leukocyte
OPACITY = 0.45

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
