"""One picture with the crops of all leukocytes of a field, all at one magnification, so that sizes can be compared."""

import cv2
import numpy as np

from smear.arrays import Array
from smear.segmentation.field import Field

TILE = 128  # pixels to a side
COLUMNS = 16
AROUND = 1.4  # side of a crop over the median longer side of the field's boxes
CLOSE = 1.06  # over the longer side of a box that is larger than that: such a cell is shown smaller


def place(number: int) -> tuple[int, int]:
    """Return x and y of the tile of cell `number`, from 1, on the sheet, in pixels."""
    row, column = divmod(number - 1, COLUMNS)
    return column * TILE, row * TILE


def size(cells: int) -> tuple[int, int]:
    """Return width and height of the sheet of that many cells, in pixels."""
    return min(cells, COLUMNS) * TILE, -(-cells // COLUMNS) * TILE


def sheet(field: Field) -> Array:
    """Return the crops around the leukocytes of a field as tiles, uint8 RGB (rows * TILE, columns * TILE, 3).

    They are cut from the picture at its own size; what lies outside of it is the background's colour. There has to be a
    leukocyte: ValueError without any.
    """
    if not len(field):
        raise ValueError("There is no leukocyte to cut out.")
    boxes = field.boxes
    longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    usual = AROUND * float(np.median(longest))
    width, height = size(len(boxes))
    drawn = np.empty((height, width, 3), np.uint8)
    drawn[:] = field.background
    for number, (x0, y0, x1, y1) in enumerate(boxes.tolist(), 1):
        side = max(8, round(max(usual, CLOSE * max(x1 - x0, y1 - y0))))
        x, y = place(number)
        left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
        drawn[y : y + TILE, x : x + TILE] = _tile(field.rgb, left, top, side, field.background)
    return drawn


def _tile(rgb: Array, left: int, top: int, side: int, background: Array) -> Array:
    """Return one square of the picture as a tile; it may reach over the border."""
    height, width = rgb.shape[:2]
    inside = rgb[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + side - height), max(0, left + side - width)
    colour = [int(value) for value in background]
    cut = cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_CONSTANT, value=colour)
    return cv2.resize(cut, (TILE, TILE), interpolation=cv2.INTER_AREA if side > TILE else cv2.INTER_CUBIC)
