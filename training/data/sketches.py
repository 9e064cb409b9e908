"""What a picture is known again by, however it was turned, mirrored, shifted, cropped or stored: its structure.

Structure is brightness less its surroundings, over how much it varies there: lamp, stain and exposure do not count, and
where nothing is, as on black or on an empty slide, there is none. It is kept twice. Coarse drawings of many parts of
the picture find what may be the same (`training.data.duplicates`), a fine one of the whole decides.
"""

import hashlib
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import BLACK

SIDE = 128  # px: the picture brought to a square
GRID = 12  # a coarse drawing has so many cells on a side
TURNS = 8  # quarter turns, and each mirrored
COARSE_SIDE = 64
COARSE = 1.25, 5.5, 4.0  # blur and reach of the surroundings in px, grey levels that are noise
FINE = 1.5, 6.0, 2.0
LEVELS = 32.0  # of the fine drawing, as int8, to one standard deviation
# Share of black from which a picture is a cell that was cut out, also where a shift left less around it.
ON_BLACK = 0.15
RIM = 3  # px of SIDE beside black that tell of the cutting out

# The parts that are drawn: share of the side, and where it lies of the room that is left, vertically and horizontally.
WHOLE = 1.0, 0.0, 0.0
CROPS = tuple((0.9, y / 2, x / 2) for y, x in product(range(3), repeat=2))
SMALL_CROPS = tuple((0.8, y / 4, x / 4) for y, x in product(range(5), repeat=2))
PARTS = (WHOLE, *CROPS, *SMALL_CROPS)
MIDDLE = PARTS.index((0.8, 0.5, 0.5))


@dataclass(frozen=True, eq=False)
class Sketch:
    """A picture's structure.

    digest: of its size and pixels; parts: coarse drawings of PARTS, float16 (P, GRID * GRID), each of mean 0 and length
    1; fine: int8 (SIDE, SIDE).
    """

    digest: str
    parts: Array
    fine: Array


def sketch(rgb: Array) -> Sketch:
    """Return the sketch of a picture, uint8 RGB (H, W, 3)."""
    small, visible = _framed(rgb)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    coarse = _structure(_shrunk(grey), _shrunk(visible), *COARSE)
    parts = np.stack(
        [cv2.resize(cut(coarse, *part), (GRID, GRID), interpolation=cv2.INTER_AREA).ravel() for part in PARTS]
    )
    fine = np.clip(np.rint(_structure(grey, visible, *FINE) * LEVELS), -127, 127).astype(np.int8)
    return Sketch(pixels_digest(rgb), unit(parts - parts.mean(axis=1, keepdims=True)).astype(np.float16), fine)


def pixels_digest(rgb: Array) -> str:
    """Return the SHA-256 of a picture's size and pixels, uint8 RGB (H, W, 3), in hexadecimal digits."""
    return hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()


def turned(drawing: Array, turn: int) -> Array:
    """Return a square drawing (..., n, n) in one of its TURNS."""
    rotated = np.rot90(drawing, turn % 4, axes=(-2, -1))
    return np.ascontiguousarray(rotated[..., ::-1] if turn >= 4 else rotated)


def cut(drawing: Array, share: float, y: float, x: float) -> Array:
    """Return a square part of a square drawing (n, n): `share` of its side, from `y` and `x` of the room left, 0..1."""
    side = drawing.shape[0]
    size = round(side * share)
    top, left = round((side - size) * y), round((side - size) * x)
    return drawing[top : top + size, left : left + size]


def unit(rows: Array) -> Array:
    """Return rows (..., K) brought to length 1; rows of nothing stay so."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-3))


def _framed(rgb: Array) -> tuple[Array, Array]:
    """Return a picture as a square, uint8 (SIDE, SIDE, 3), and where it shows anything, float32 (SIDE, SIDE), 0 or 1.

    A cell that was cut out on black is brought to fill the square, wherever on the black it lies.
    """
    black = cv2.inRange(rgb, (0, 0, 0), (BLACK,) * 3)
    if cv2.countNonZero(black) < ON_BLACK * black.size:
        return cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.ones((SIDE, SIDE), np.float32)
    shown = cv2.morphologyEx(cv2.bitwise_not(black), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    left, top, width, height = cv2.boundingRect(shown)
    side = max(width, height, 1)
    above, before = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[above : above + height, before : before + width] = rgb[top : top + height, left : left + width]
    outside = np.full((side, side), 255, np.uint8)
    outside[above : above + height, before : before + width] = black[top : top + height, left : left + width]
    touched = cv2.resize(outside, (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0
    near = cv2.dilate(touched.view(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))
    return cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), (1 - near).astype(np.float32)


def _shrunk(drawing: Array) -> Array:
    return cv2.resize(drawing, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA)


def _structure(grey: Array, visible: Array, blur: float, reach: float, noise: float) -> Array:
    """Return brightness less its surroundings in units of how much it varies, float32; 0 where nothing is seen."""

    whole = bool(visible.min() > 0)
    weights = {sigma: 1.0 if whole else cv2.GaussianBlur(visible, (0, 0), sigma) + 1e-6 for sigma in (blur, reach)}

    def mean(values: Array, sigma: float) -> Array:
        return np.asarray(cv2.GaussianBlur(values * visible, (0, 0), sigma) / weights[sigma])

    difference = (mean(grey, blur) - mean(grey, reach)) * visible
    return np.asarray(difference / (np.sqrt(mean(difference**2, reach)) + noise))
