"""Drawn fields, for a newcomer without a smear and for tests. They resemble no patient's.

A field is laid out in units of a 224-pixel field at 100x, where an erythrocyte is about 18 and a blast about
27 pixels wide, and painted as light passes: every cell multiplies the background by its own transmittance.
All randomness comes from the seed, and only sums, products, quotients and square roots touch the pixels, so
that a seed gives the same picture on every machine: a bundle names its golden inputs by their seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array

MIN_SIZE = 64
MAX_SIZE = 2048
_UNIT = 224.0  # layouts are in pixels of a field of this size


@dataclass(frozen=True)
class Kind:
    """What a field holds: how many of each (from, to), whether blasts, and a sentence that says so."""

    text: str
    leukocytes: tuple[int, int] = (0, 0)
    erythrocytes: tuple[int, int] = (0, 0)
    platelets: tuple[int, int] = (0, 0)
    blasts: bool = False


KINDS = {
    "sparse": Kind("Two or three small lymphocytes among erythrocytes.", (2, 3), (80, 120), (4, 9)),
    "leukemic": Kind("Eight to fifteen blasts among erythrocytes.", (8, 15), (60, 95), (1, 4), blasts=True),
    "erythrocytes_only": Kind("Erythrocytes and platelets, no leukocyte.", (0, 0), (90, 130), (3, 8)),
    "blank": Kind("An empty part of the slide."),
}


@dataclass(frozen=True)
class _Stain:
    """Colours of one laboratory: the background as seen, the rest as transmittance of one cell (0 to 1)."""

    background: tuple[float, float, float]
    erythrocyte: tuple[float, float, float]
    nucleus: tuple[float, float, float]
    cytoplasm: tuple[float, float, float]


_STAINS = (
    _Stain((240, 248, 247), (0.74, 0.78, 0.88), (0.65, 0.52, 0.98), (0.78, 0.78, 0.97)),  # grey-blue
    _Stain((233, 246, 250), (0.66, 0.76, 0.95), (0.66, 0.57, 0.98), (0.74, 0.76, 0.97)),  # blue
    _Stain((248, 250, 246), (0.82, 0.84, 0.90), (0.80, 0.60, 0.97), (0.88, 0.85, 0.98)),  # pale
    _Stain((243, 240, 238), (0.87, 0.72, 0.71), (0.57, 0.43, 0.78), (0.76, 0.74, 0.92)),  # pinkish
    _Stain((241, 238, 243), (0.84, 0.75, 0.80), (0.57, 0.39, 0.77), (0.76, 0.73, 0.92)),  # pink-violet
)


def field(seed: int, kind: str = "leukemic", size: int = 448) -> Array:
    """Draw a field: uint8 RGB (size, size, 3), the same for the same seed, kind and size.

    Another size gives the same layout at another magnification. Raises ValueError for a kind that is not in
    KINDS and for a size outside MIN_SIZE to MAX_SIZE.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(f"size must be {MIN_SIZE} to {MAX_SIZE}, not {size}")
    holds = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    stain = _STAINS[rng.integers(len(_STAINS))]
    leukocytes = _place(rng, holds.leukocytes, gap=(21, 27) if holds.blasts else (40, 60), obstacles=[])
    erythrocytes = _place(rng, holds.erythrocytes, gap=(8, 18), obstacles=[(x, y, 20.0) for x, y in leukocytes])
    platelets = _place(rng, holds.platelets, gap=(8, 12), obstacles=[])

    canvas = _illuminated(rng, stain, size)
    _paint_erythrocytes(canvas, rng, stain, erythrocytes)
    _paint_platelets(canvas, rng, stain, platelets)
    _paint_leukocytes(canvas, rng, stain, leukocytes, holds.blasts)
    return _photographed(canvas, rng)


def _place(
    rng: np.random.Generator,
    how_many: tuple[int, int],
    gap: tuple[float, float],
    obstacles: list[tuple[float, float, float]],
) -> list[tuple[float, float]]:
    """Centres at least a random `gap` apart, clear of the `obstacles` (x, y, radius); the edge cuts some."""
    wanted = int(rng.integers(how_many[0], how_many[1] + 1))
    centres: list[tuple[float, float]] = []
    occupied = np.array([*obstacles, *[(0.0, 0.0, 0.0)] * wanted]).reshape(-1, 3)
    count = len(obstacles)
    for x, y, clearance in rng.uniform((-4, -4, gap[0]), (_UNIT + 4, _UNIT + 4, gap[1]), (40 * wanted, 3)):
        if len(centres) == wanted:
            break
        dx, dy = occupied[:count, 0] - x, occupied[:count, 1] - y
        if np.all(dx * dx + dy * dy > np.maximum(occupied[:count, 2], clearance) ** 2):
            centres.append((float(x), float(y)))
            occupied[count] = x, y, 0.0
            count += 1
    return centres


def _illuminated(rng: np.random.Generator, stain: _Stain, size: int) -> Array:
    """The empty field, float32 RGB 0 to 255: brightest near the middle of the condenser, fading outwards."""
    x0, y0 = rng.uniform(-0.4, 0.4, 2)
    fall = rng.uniform(0.02, 0.07)
    tint = rng.uniform(-0.02, 0.02, 3)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    light = 1 - fall * ((axis[None, :] - x0) ** 2 + (axis[:, None] - y0) ** 2) / 2
    result: Array = (light[..., None] * np.array(stain.background) * (1 + tint - tint.max())).astype(np.float32)
    return result


def _radii(
    rng: np.random.Generator, canvas: Array, x: float, y: float, radius: float, flat: float, lobes: float
) -> tuple[tuple[slice, slice], Array]:
    """A window of the canvas around a cell, and in it the distance from its centre: 1 is the outline."""
    scale = canvas.shape[0] / _UNIT
    reach = radius * 1.35
    height, width = canvas.shape[:2]
    # A cell may lie wholly outside: its window is empty then, and never one that ends before the first pixel.
    x0, x1 = max(0, int((x - reach) * scale)), max(0, min(width, int((x + reach) * scale) + 1))
    y0, y1 = max(0, int((y - reach) * scale)), max(0, min(height, int((y + reach) * scale) + 1))
    dx = (np.arange(x0, x1) + 0.5) / scale - x
    dy = (np.arange(y0, y1)[:, None] + 0.5) / scale - y
    angle, stretch = rng.uniform(0, math.pi), 1 + rng.uniform(0, flat)
    cos, sin = math.cos(angle) / radius, math.sin(angle) / radius
    u, v = (dx * cos + dy * sin) * stretch, (dy * cos - dx * sin) / stretch
    distance = np.sqrt(u * u + v * v)
    # cos(3 angle) and sin(2 angle) as polynomials: uneven cells without a transcendental function
    first, second = rng.uniform(-lobes, lobes, 2)
    distance *= 1 + first * u * (u * u - 3 * v * v) + second * u * v
    return (slice(y0, y1), slice(x0, x1)), distance


def _step(distance: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((distance - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _pass_light(canvas: Array, window: tuple[slice, slice], thickness: Array, colour: object) -> None:
    """Dim the window as stained matter of that `thickness` does; 1 gives exactly `colour` (transmittance)."""
    density = 1 / np.asarray(colour, float) - 1
    canvas[window] /= 1 + thickness[..., None] * density


def _paint_erythrocytes(
    canvas: Array, rng: np.random.Generator, stain: _Stain, centres: list[tuple[float, float]]
) -> None:
    depth = np.zeros(canvas.shape[:2], np.float32)
    pallor_of_field = rng.uniform(0.15, 0.75)
    for x, y in centres:
        radius = rng.normal(9.0, 0.6)
        pallor = np.clip(pallor_of_field + rng.normal(0, 0.15), 0, 0.95)
        window, distance = _radii(rng, canvas, x, y, radius, flat=0.10, lobes=0.03)
        rim = 1 + 0.25 * _step(distance, 0.7, 0.92)
        disc = (1 - _step(distance, 0.95, 1.08)) * rim * (1 - pallor * (1 - _step(distance, 0.15, 0.7)))
        depth[window] += disc * rng.uniform(0.8, 1.15)
    # Where cells lie on each other the light passes both, but the layers are squeezed thinner.
    _pass_light(canvas, (slice(None), slice(None)), depth / (1 + 0.15 * depth), stain.erythrocyte)


def _paint_platelets(
    canvas: Array, rng: np.random.Generator, stain: _Stain, centres: list[tuple[float, float]]
) -> None:
    for x, y in centres:
        window, distance = _radii(rng, canvas, x, y, rng.uniform(1.6, 2.9), flat=0.3, lobes=0.2)
        _pass_light(canvas, window, (1 - _step(distance, 0.5, 1.15)) * rng.uniform(0.35, 0.8), stain.nucleus)


def _paint_leukocytes(
    canvas: Array,
    rng: np.random.Generator,
    stain: _Stain,
    centres: list[tuple[float, float]],
    blasts: bool,
) -> None:
    chromatin = _chromatin(rng, canvas.shape[0], coarse=not blasts)
    for x, y in centres:
        radius = rng.uniform(12.0, 15.5) if blasts else rng.uniform(9.5, 11.5)
        ratio = rng.uniform(0.72, 0.95) if blasts else rng.uniform(0.68, 0.85)  # nucleus to cell, by area
        window, distance = _radii(rng, canvas, x, y, radius, flat=0.12, lobes=0.07)
        cell = 1 - _step(distance, 0.96, 1.06)
        # Leukocytes push erythrocytes aside; what little they cover does not shine through.
        background = np.array(stain.background, np.float32)
        canvas[window] += (background - canvas[window]) * cell[..., None] * 0.85
        _pass_light(canvas, window, cell * (0.8 + 0.4 * _step(distance, 0.6, 1)), stain.cytoplasm)

        shift = radius * (1 - math.sqrt(ratio)) * 0.7
        dx, dy = rng.uniform(-shift, shift, 2)
        window, distance = _radii(
            rng, canvas, x + dx, y + dy, radius * math.sqrt(ratio), flat=0.10, lobes=0.06 if blasts else 0.03
        )
        thickness = (1 - _step(distance, 0.92, 1.06)) * (rng.uniform(0.8, 1.15) if blasts else 1.3)
        _pass_light(canvas, window, thickness * chromatin[window], stain.nucleus)


def _chromatin(rng: np.random.Generator, size: int, coarse: bool) -> Array:
    """A texture around 1, float32 (size, size): fine and open in blasts, clumped in lymphocytes."""
    cells = int(_UNIT / (3.0 if coarse else 2.2))
    texture = np.zeros((size, size), np.float32)
    for grid, weight in ((cells, 0.34 if coarse else 0.28), (cells // 3, 0.24 if coarse else 0.18)):
        noise = rng.integers(0, 256, (grid, grid), np.uint8)
        texture += cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR) * np.float32(weight / 128)
        texture -= np.float32(weight)
    return 1 + texture


def _photographed(canvas: Array, rng: np.random.Generator) -> Array:
    """The lens blurs a little, the sensor adds noise. At 8 bits OpenCV blurs alike to the bit everywhere."""
    picture: Array = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.55 * math.sqrt(canvas.shape[0] / _UNIT))
    noise = rng.integers(-2, 3, picture.shape, np.int8) + rng.integers(-2, 3, picture.shape, np.int8)
    result: Array = np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return result
