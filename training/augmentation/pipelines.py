"""The augmentation pipelines of the published works (docs/training.md), each a pure function of picture and generator.

Pictures are uint8 RGB (H, W, 3). Where an author gives no range, the usual one is taken and named here. What moves in
from outside repeats the border, as Keras' generator does it; Lubna's imgaug fills with black.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from smear.arrays import Array

Random = np.random.Generator


def abed(rgb: Array, random: Random) -> Array:
    """Flips both ways, transpose (p 0.25), brightness, contrast, saturation, random crop.

    Ranges are ours: 20 % each, and a crop to 80 %.
    """
    rgb = flipped(rgb, random, vertical=True)
    if random.random() < 0.25 and rgb.shape[0] == rgb.shape[1]:
        rgb = rgb.transpose(1, 0, 2)
    values = rgb.astype(np.float32)
    values = (values - values.mean()) * random.uniform(0.8, 1.2) + values.mean()
    grey = values.mean(axis=2, keepdims=True)
    values = (values - grey) * random.uniform(0.8, 1.2) + grey
    return cropped(_uint8(values * random.uniform(0.8, 1.2)), random, 0.8)


def murtoza(rgb: Array, random: Random) -> Array:
    """Rotation, flip, scale (ranges ours: any angle, both ways, 0.8 to 1.2)."""
    return moved(flipped(rgb, random, vertical=True), random, rotation=(-180, 180), zoom=(0.8, 1.2))


def khan(rgb: Array, random: Random) -> Array:
    """Zoom 0.2, shift of the width 0.2, rotation 15, horizontal flip: the random part of CAMSR."""
    return moved(flipped(rgb, random), random, rotation=(-15, 15), zoom=(0.8, 1.2), shift=(0.2, 0))


def lubna(rgb: Array, random: Random) -> Array:
    """Flip, blur, contrast, noise, brightness by channel and affine change as in imgaug's first example."""
    rgb = flipped(rgb, random)
    values: Array = rgb.astype(np.float32)
    sigma = random.uniform(0, 0.5)
    if random.random() < 0.5 and sigma > 0.05:
        values = cv2.GaussianBlur(values, (0, 0), sigma)
    values = (values - 128) * random.uniform(0.75, 1.5) + 128
    channels = 3 if random.random() < 0.5 else 1
    values = values + random.normal(0, random.uniform(0, 0.05 * 255), (*values.shape[:2], channels))
    values = values * random.uniform(0.8, 1.2, 3 if random.random() < 0.2 else 1)
    return moved(_uint8(values), random, (-25, 25), (0.8, 1.2), shift=(0.2, 0.2), shear=8, border=cv2.BORDER_CONSTANT)


def bushi(rgb: Array, random: Random) -> Array:
    """Flip along one axis, shift, zoom, shear, nearest neighbour, for the basic CNN.

    Ranges are ours: 0.1, 0.8 to 1.2, 10 degrees.
    """
    rgb = mirrored(rgb, random) if random.random() < 0.5 else rgb
    return moved(rgb, random, zoom=(0.8, 1.2), shift=(0.1, 0.1), shear=10, interpolation=cv2.INTER_NEAREST)


def bushi_alexnet(rgb: Array, random: Random) -> Array:
    """One of translation by 15 to 25 px, a mirror along one axis, rotation by 25 to 125 degrees left or right.

    Which way it is moved, and along which axis mirrored, is drawn; as for the AlexNet features.
    """
    change = int(random.integers(3))
    if change == 0:
        return moved(rgb, random, offset=random.uniform(15, 25, 2) * random.choice((-1, 1), 2))
    if change == 1:
        return mirrored(rgb, random)
    return moved(rgb, random, rotation=(25, 125) if random.random() < 0.5 else (-125, -25))


def none(rgb: Array, random: Random) -> Array:  # noqa: ARG001
    """Leave the picture as it is."""
    return rgb


PIPELINES: Mapping[str, Callable[[Array, Random], Array]] = {
    "abed": abed,
    "murtoza": murtoza,
    "khan": khan,
    "lubna": lubna,
    "bushi": bushi,
    "bushi-alexnet": bushi_alexnet,
    "none": none,
}


def flipped(rgb: Array, random: Random, vertical: bool = False) -> Array:
    """Return `rgb` mirrored left to right, and upside down if asked for, each half of the time."""
    if random.random() < 0.5:
        rgb = rgb[:, ::-1]
    if vertical and random.random() < 0.5:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)


def mirrored(rgb: Array, random: Random) -> Array:
    """Return `rgb` mirrored along one axis, either half of the time."""
    return np.ascontiguousarray(rgb[:, ::-1] if random.random() < 0.5 else rgb[::-1])


def cropped(rgb: Array, random: Random, least: float) -> Array:
    """Return a random part of `rgb`, of a side from `least` to 1, at the size of the whole."""
    height, width = rgb.shape[:2]
    share = random.uniform(least, 1)
    h, w = round(share * height), round(share * width)
    top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
    part = np.ascontiguousarray(rgb[top : top + h, left : left + w])
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR))


def moved(
    rgb: Array,
    random: Random,
    rotation: tuple[float, float] = (0, 0),
    zoom: tuple[float, float] = (1, 1),
    shift: tuple[float, float] = (0, 0),
    shear: float = 0.0,
    offset: Array | None = None,
    border: int = cv2.BORDER_REPLICATE,
    interpolation: int = cv2.INTER_LINEAR,
) -> Array:
    """Return `rgb` rotated and sheared (degrees), zoomed, and shifted by shares of its sides or by `offset` px."""
    height, width = rgb.shape[:2]
    middle = (width - 1) / 2, (height - 1) / 2
    matrix = np.vstack([cv2.getRotationMatrix2D(middle, random.uniform(*rotation), random.uniform(*zoom)), [0, 0, 1]])
    lean = np.tan(np.radians(random.uniform(-shear, shear)))
    sheared = np.array([[1, lean, -lean * middle[1]], [0, 1, 0], [0, 0, 1]])
    matrix = (sheared @ matrix)[:2]
    matrix[:, 2] += random.uniform(-1, 1, 2) * shift * (width, height) if offset is None else offset
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height), flags=interpolation, borderMode=border))


def _uint8(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
