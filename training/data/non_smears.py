"""Generated pictures that are nobody's smear: what a model has to refuse and has never been shown."""

from collections.abc import Callable

import cv2
import numpy as np

from smear.arrays import Array

SIDE = 448


def non_smear(seed: int) -> Array:
    """Return a generated picture that shows no leukocyte, uint8 RGB (448, 448, 3); kinds take turns by seed."""
    return KINDS[seed % len(KINDS)](np.random.default_rng(seed))


def _noise(random: np.random.Generator) -> Array:
    """Return noise of a random grain, from single pixels to blotches, around a random colour."""
    cells = int(random.choice([SIDE, 112, 28, 9]))
    small = random.normal(random.uniform(60, 220, 3), random.uniform(20, 70), (cells, cells, 3))
    large = cv2.resize(np.clip(small, 0, 255).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0, 255).astype(np.uint8))


def _shapes(random: np.random.Generator) -> Array:
    """Return flat violet discs and boxes on a light ground: the colours of a smear and nothing of its cells."""
    picture = np.full((SIDE, SIDE, 3), random.integers(215, 250, 3), np.uint8)
    for _ in range(int(random.integers(3, 14))):
        colour = tuple(int(v) for v in random.integers((70, 20, 110), (170, 110, 200)))
        centre = random.integers(40, SIDE - 40, 2)
        half = random.integers(15, 50, 2)
        if random.random() < 0.5:
            angle = float(random.uniform(0, 180))
            cv2.ellipse(picture, centre.tolist(), half.tolist(), angle, 0, 360, colour, cv2.FILLED, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (centre - half).tolist(), (centre + half).tolist(), colour, cv2.FILLED)
    return picture


def _landscape(random: np.random.Generator) -> Array:
    """Return what a photograph of the outdoors has: a gradient above, darker texture below, soft edges."""
    horizon = int(random.integers(SIDE // 4, 3 * SIDE // 4))
    rows = np.linspace(0, 1, SIDE)[:, None, None]
    sky = random.uniform(120, 240, 3) * (1 - rows) + random.uniform(150, 250, 3) * rows
    ground = np.broadcast_to(random.uniform(30, 140, 3), (SIDE, SIDE, 3)).copy()
    ground += cv2.GaussianBlur(random.normal(0, 60, (SIDE, SIDE, 3)), (0, 0), float(random.uniform(1, 6))) * 3
    picture = np.where(np.arange(SIDE)[:, None, None] < horizon, np.broadcast_to(sky, ground.shape), ground)
    return np.asarray(np.clip(cv2.GaussianBlur(picture, (0, 0), 1), 0, 255).astype(np.uint8))


def _stripes(random: np.random.Generator) -> Array:
    """Return stripes or a chessboard of two colours."""
    step, turn = int(random.integers(6, 60)), random.uniform(0, np.pi)
    y, x = np.mgrid[:SIDE, :SIDE]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    on = (along // step).astype(int) % 2
    if random.random() < 0.5:
        on ^= (across // step).astype(int) % 2
    return np.asarray(random.integers(0, 256, (2, 3)).astype(np.uint8)[on])


KINDS: tuple[Callable[[np.random.Generator], Array], ...] = (_noise, _shapes, _landscape, _stripes)
