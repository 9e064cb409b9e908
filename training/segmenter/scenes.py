"""Scenes for the network that finds leukocytes: labelled pictures turned, scaled, pasted together and restained.

Everything but geometry happens in optical density against the source's own background, where stains add up
(Beer-Lambert). Because the outlines are known, the stain of nuclei, of cytoplasm and of all that is no leukocyte can
change independently: erythrocytes become pale, or as violet as a nucleus, while the cells stay cells. A scene is a
pure function of its seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.background import background_colour, white_balanced
from smear.segmentation.split_touching import deepest
from training.segmenter.camera import photographed
from training.segmenter.labelling import CYTOPLASM, NUCLEUS, OUTSIDE, UNSURE, Labelled

SIDE = 160
SMALLEST, LARGEST = 17.0, 76.0  # diameter of a leukocyte in a scene, in pixels
MOST_MAGNIFIED = 2.2  # beyond, a scene shows interpolation and not a cell
CORE = 0.45  # of the largest depth in a cell: inside it touching cells are apart
PASTED = 0.4  # share of scenes with cells pasted in, and how many
MOST_PASTED = 5
PALER = 0.6  # than nuclei: violet erythrocytes at most
SPECKLED, RIMMED = 0.35, 0.25  # share of scenes with small violet things, and with dark rims on the cells
AROUND = 0.3  # share of those rims that go all the way round, as the lens draws them above or below its focus
GRANULATED = 0.2  # share of scenes whose cytoplasm is full of granules, as dense as a pale nucleus


@dataclass(frozen=True)
class Source:
    """A labelled picture ready for scenes: density float32 (h, w, 3), classes and instances uint8 (h, w).

    diameter: of its median leukocyte, in pixels; place: of the middle of each leukocyte, float (N, 2) x, y; lonely:
    whether exactly one leukocyte is in it, so that it can be pasted elsewhere.
    """

    density: Array
    classes: Array
    instances: Array
    diameter: float
    places: Array
    lonely: bool


def source(labelled: Labelled, diameter: float | None = None) -> Source:
    """Return `labelled` ready for scenes; `diameter` says how large a leukocyte would be where none is in it."""
    white = background_colour(labelled.rgb).astype(np.float32)
    density = -np.log((labelled.rgb.astype(np.float32) + 1) / (white + 1))
    numbers = [int(n) for n in np.unique(labelled.instances) if n]
    areas = [int((labelled.instances == n).sum()) for n in numbers]
    places = [np.argwhere(labelled.instances == n).mean(axis=0)[::-1] for n in numbers]
    typical = float(2 * np.sqrt(np.median(areas) / np.pi)) if areas else float(diameter or SMALLEST)
    return Source(
        density.astype(np.float16),  # thousands of them stay in memory
        labelled.classes,
        labelled.instances,
        typical,
        np.array(places, np.float32).reshape(-1, 2),
        len(numbers) == 1,
    )


@dataclass
class _Layer:
    """A scene in the making: density float32 (S, S, 3), classes and instances uint8 (S, S)."""

    density: Array
    classes: Array
    instances: Array


def scene(sources: Sequence[Source], lonely: Sequence[int], chosen: int, seed: int) -> tuple[Array, Array, Array]:
    """Return scene `seed` around source `chosen`: the network's input uint8 (S, S, 3), classes and cores uint8 (S, S).

    lonely: the indices of the sources that may be pasted into others.
    """
    random = np.random.default_rng(seed)
    base = sources[chosen]
    largest = min(LARGEST, MOST_MAGNIFIED * base.diameter)
    diameter = float(np.exp(random.uniform(np.log(SMALLEST), np.log(largest))))
    places = base.places if len(base.places) else np.array([base.classes.shape[::-1]]) / 2
    middle = places[random.integers(len(places))] if len(base.places) else places[0]
    layer = _turned(base, diameter / base.diameter, middle + random.normal(0, 0.9, 2) * base.diameter, random)
    if lonely and random.random() < PASTED:
        for _ in range(int(random.integers(1, MOST_PASTED + 1))):
            guest = sources[lonely[int(random.integers(len(lonely)))]]
            _paste(layer, guest, min(diameter * random.uniform(0.8, 1.25), LARGEST), random)
    if random.random() < SPECKLED:
        _speckle(layer, diameter, random)
    if random.random() < GRANULATED:
        _granulate(layer, diameter, random)
    density = _restained(layer, random)
    if random.random() < RIMMED:
        _rim(density, layer, diameter, random)
    rgb = photographed(density, diameter, random)
    return white_balanced(rgb, background_colour(rgb)), layer.classes, cores(layer.instances)


def _turned(labelled: Source, scale: float, middle: Array, random: np.random.Generator) -> _Layer:
    """Return the part of `labelled` around `middle`, scaled and turned; beyond its border the picture is mirrored."""
    density: Array = labelled.density.astype(np.float32)
    classes, instances = labelled.classes, labelled.instances
    if scale < 0.7:  # warpAffine alone would skip pixels
        size = tuple(max(8, round(side * scale)) for side in classes.shape[::-1])
        density = cv2.resize(density, size, interpolation=cv2.INTER_AREA)
        classes, instances = (cv2.resize(m, size, interpolation=cv2.INTER_NEAREST) for m in (classes, instances))
        middle, scale = middle * scale, 1.0
    matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), random.uniform(0, 360), scale)
    stretch = np.array([random.uniform(0.94, 1.06), random.choice([-1.0, 1.0])])
    matrix = stretch[:, None] * (matrix - [[0, 0, middle[0]], [0, 0, middle[1]]])
    matrix[:, 2] += SIDE / 2
    size = (SIDE, SIDE)
    return _Layer(
        cv2.warpAffine(density, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT),
        cv2.warpAffine(classes, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT),
        cv2.warpAffine(instances, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT),
    )


def _paste(layer: _Layer, guest: Source, diameter: float, random: np.random.Generator) -> None:
    """Lay the one leukocyte of `guest` on `layer`, also across its border and over other cells."""
    turned = _turned(guest, diameter / guest.diameter, guest.places[0], random)
    inside = ((turned.classes == CYTOPLASM) | (turned.classes == NUCLEUS)).view(np.uint8)
    reach = 0.9 * diameter  # mirrored copies of it lie farther away
    inside &= cv2.circle(np.zeros_like(inside), (SIDE // 2, SIDE // 2), int(reach), 1, cv2.FILLED)
    move = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    move[:, 2] = random.uniform(-0.55, 0.55, 2) * SIDE
    density, classes, inside = (
        cv2.warpAffine(part, move, (SIDE, SIDE), flags=cv2.INTER_NEAREST)
        for part in (turned.density, turned.classes, inside)
    )
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8)[..., None]
    layer.density += (density - layer.density) * soft
    where = inside > 0
    layer.classes[where] = classes[where]
    layer.instances[where] = int(layer.instances.max()) % 250 + 1


def _speckle(layer: _Layer, diameter: float, random: np.random.Generator) -> None:
    """Lay platelets, precipitate and inclusions where no leukocyte is: violet, small, of any shape."""
    marks = np.zeros(layer.classes.shape, np.uint8)
    for _ in range(int(random.integers(1, 11))):
        centre = tuple(int(v) for v in random.integers(0, SIDE, 2))
        axes = tuple(int(v) for v in np.ceil(diameter * random.uniform(0.02, 0.16, 2)))
        start, sweep = random.uniform(0, 360), random.choice([360.0, random.uniform(60, 200)])
        thick = cv2.FILLED if random.random() < 0.6 else max(1, round(0.04 * diameter))
        cv2.ellipse(marks, centre, axes, random.uniform(0, 180), start, start + sweep, 1, thick)
    marks[layer.classes != OUTSIDE] = 0
    soft = cv2.GaussianBlur(marks.astype(np.float32), (0, 0), 0.8)[..., None]
    violet = np.array([random.uniform(0.3, 0.9), 1.0, random.uniform(0.1, 0.5)], np.float32)
    layer.density += soft * violet * random.uniform(0.3, 1.3)


def _granulate(layer: _Layer, diameter: float, random: np.random.Generator) -> None:
    """Fill the cytoplasm with granules, red as an eosinophil's to violet as a basophil's, coarse or fine."""
    cytoplasm = cv2.GaussianBlur((layer.classes == CYTOPLASM).astype(np.float32), (0, 0), 0.8)
    if not cytoplasm.any():
        return
    grain = max(0.6, diameter * random.uniform(0.015, 0.05))
    noise = cv2.GaussianBlur(random.normal(0, 1, cytoplasm.shape).astype(np.float32), (0, 0), grain)
    grains = np.clip(0.5 + noise / (2 * max(float(noise.std()), 1e-6)), 0, 1.5)
    colour = np.array([random.uniform(0.1, 0.7), 1.0, random.uniform(0.4, 1.1)], np.float32)
    nuclei = layer.density[..., 1][layer.classes == NUCLEUS]
    dense = float(np.median(nuclei)) if nuclei.size else 0.8
    layer.density += (cytoplasm * grains)[..., None] * colour * dense * random.uniform(0.2, 0.8)


def _rim(density: Array, layer: _Layer, diameter: float, random: np.random.Generator) -> None:
    """Darken the outermost part of the cells on one side, as light that falls in aslant does, or all around."""
    cell = (np.isin(layer.classes, (CYTOPLASM, NUCLEUS))).astype(np.float32)
    width = max(1.0, diameter * random.uniform(0.03, 0.08))
    if random.random() < AROUND:
        size = 2 * round(width) + 1
        inner = cv2.erode(cell, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    else:
        angle = random.uniform(0, 2 * np.pi)
        move = np.array([[1, 0, width * np.cos(angle)], [0, 1, width * np.sin(angle)]], np.float32)
        inner = cv2.warpAffine(cell, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    crescent = cv2.GaussianBlur(cell * (1 - inner), (0, 0), max(0.6, 0.4 * width))[..., None] * cell[..., None]
    density += crescent * random.uniform(0.2, 1.2) * np.array([1.0, random.uniform(0.7, 1.1), 0.5], np.float32)


def cores(instances: Array) -> Array:
    """Return 1 well inside each leukocyte, 0 elsewhere, so that touching leukocytes have separate cores; (h, w)."""
    three = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(instances, three) != cv2.erode(instances, three)
    apart = ((instances > 0) & ~edge).view(np.uint8)
    count, parts = cv2.connectedComponents(apart)
    depth = cv2.distanceTransform(apart, cv2.DIST_L2, 3)
    return np.asarray(((apart > 0) & (depth > CORE * deepest(parts, depth, count)[parts])).astype(np.uint8))


def _gains(random: np.random.Generator, spread: float, low: float, high: float) -> Array:
    """Return a factor for each channel: a common one from low..high times one of its own within `spread`."""
    return (random.uniform(low, high) * random.uniform(1 - spread, 1 + spread, 3)).astype(np.float32)


def _restained(layer: _Layer, random: np.random.Generator) -> Array:
    """Return the scene's density in another stain, float32 (S, S, 3)."""
    known = layer.classes != UNSURE
    cell = cv2.GaussianBlur(((layer.classes != OUTSIDE) & known).astype(np.float32), (0, 0), 0.8)[..., None]
    nucleus = cv2.GaussianBlur(((layer.classes == NUCLEUS) & known).astype(np.float32), (0, 0), 0.8)[..., None]
    density = layer.density
    change = np.ones_like(density)
    if random.random() < 0.65:
        change += (1 - cell) * (_gains(random, 0.3, 0.05, 1.35) - 1)
    if random.random() < 0.5:
        change += (cell - nucleus).clip(0) * (_gains(random, 0.35, 0.35, 1.4) - 1)
    if random.random() < 0.25:  # cytoplasm of another colour, as granules, eosin and the camera may make it
        tint = random.uniform(0.25, 1, 3).astype(np.float32)
        paler = density.mean(axis=2, keepdims=True) * (tint / tint.mean()) * random.uniform(0.4, 1.2)
        density = density + (cell - nucleus).clip(0) * (paler - density)
    if random.random() < 0.5:
        change += nucleus * (_gains(random, 0.45, 0.6, 1.5) - 1)
    density = density * change
    if random.random() < 0.3:  # erythrocytes in the colour of cytoplasm or of a pale nucleus
        violet = np.array([random.uniform(0.3, 0.95), 1.0, random.uniform(0.1, 0.65)], np.float32)
        matter = density.max(axis=2, keepdims=True) * violet * random.uniform(0.6, 2.2)
        # In one picture erythrocytes are paler than nuclei, whatever the stain.
        darkest = np.median(density[..., 1][layer.classes == NUCLEUS]) if (layer.classes == NUCLEUS).any() else 1.0
        matter = np.minimum(matter, violet * PALER * max(float(darkest), 0.3))
        density = density + (1 - cell) * (matter - density)
    if random.random() < 0.6:  # another camera mixes the channels a little
        share = random.uniform(0, 0.35)
        mixing = (1 - share) * np.eye(3) + share * random.dirichlet((1, 1, 1), 3)
        density = density @ mixing.T.astype(np.float32)
    return (density * _gains(random, 0.2, 0.55, 1.5)).astype(np.float32)
