"""What a leukocyte may look like on the next slide: geometry and stain, as a pure function of a seed.

Everything happens after the split and on the network's input, whose background is white; stain changes act on
optical density, so white stays white and only the cells change (compare the HED jitter of Tellez et al. 2018).
"""

from typing import Literal

import cv2
import numpy as np
from msgspec import Struct

from smear.arrays import Array
from training.augmentation.camera import another_camera
from training.augmentation.pipelines import PIPELINES

Pipeline = Literal["stain", "abed", "murtoza", "khan", "lubna", "bushi", "bushi-alexnet", "none"]


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True):
    """Ranges of the random changes; 0 or (1, 1) switches one off.

    rotation: degrees either way, after a random quarter turn and flip; zoom, saturation, value, density: factors;
    shift: share of the width; hue: degrees of 180 (OpenCV's) either way; blur: largest sigma in px; densities: factor
    of all three channels' optical density together, beside `density` of each; stray_light: largest share of white mixed
    in, as light from elsewhere leaves a picture whose background is made white; grey: how often colour is taken away;
    camera: how often each thing happens that another camera and its files do (`training.augmentation.camera`). They
    are those of our own pipeline, "stain"; a published one (`training.augmentation.pipelines`) brings its own and needs
    no white background.
    """

    pipeline: Pipeline = "stain"
    flips: bool = True
    rotation: float = 20
    zoom: tuple[float, float] = (0.85, 1.2)
    shift: float = 0.06
    hue: float = 6
    saturation: tuple[float, float] = (0.75, 1.25)
    value: tuple[float, float] = (0.8, 1.15)
    density: tuple[float, float] = (0.8, 1.25)
    blur: float = 0.8
    densities: tuple[float, float] = (1.0, 1.0)
    stray_light: float = 0.0
    grey: float = 0.0
    camera: float = 0.0


_RAMP = np.arange(256, dtype=np.float32)


def augment(rgb: Array, plan: Augmentation, seed: int) -> Array:
    """Return a changed copy of `rgb`, uint8 (H, W, 3) on white; the same for the same seed."""
    random = np.random.default_rng(seed)
    if plan.pipeline != "stain":
        return PIPELINES[plan.pipeline](rgb, random)
    changed = _stain(_turn(rgb, plan, random), plan, random)
    if plan.stray_light:
        mixed = random.uniform(0, plan.stray_light)
        changed = cv2.LUT(changed, np.rint(_RAMP + mixed * (255 - _RAMP)).astype(np.uint8))
    if plan.grey and random.random() < plan.grey:
        changed = cv2.cvtColor(cv2.cvtColor(changed, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return another_camera(changed, plan.camera, random) if plan.camera else np.asarray(changed)


def _turn(rgb: Array, plan: Augmentation, random: np.random.Generator) -> Array:
    if plan.flips:
        rgb = np.rot90(rgb, int(random.integers(4)))
        if random.random() < 0.5:
            rgb = rgb[:, ::-1]
        rgb = np.ascontiguousarray(rgb)
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), random.uniform(-plan.rotation, plan.rotation), random.uniform(*plan.zoom)
    )
    matrix[:, 2] += random.uniform(-plan.shift, plan.shift, 2) * (width, height)
    size, white = (width, height), (255,) * 3
    turned = cv2.warpAffine(
        rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=white
    )
    return np.asarray(turned)


def _stain(rgb: Array, plan: Augmentation, random: np.random.Generator) -> Array:
    gains = random.uniform(*plan.density, 3).astype(np.float32)
    if plan.densities != (1.0, 1.0):
        gains = gains * np.float32(random.uniform(*plan.densities))
    # I' = 255 (I / 255)^gain multiplies every channel's optical density by its gain.
    table = np.rint(255 * (_RAMP[:, None] / 255) ** gains[None, :]).astype(np.uint8)
    hsv = cv2.cvtColor(cv2.LUT(rgb, table.reshape(256, 1, 3)), cv2.COLOR_RGB2HSV)
    hue = np.mod(_RAMP + random.uniform(-plan.hue, plan.hue), 180)
    saturation = np.clip(_RAMP * random.uniform(*plan.saturation), 0, 255)
    # A plain factor on value would grey the white background and tell the network nothing: bend the curve instead.
    value = 255 * (_RAMP / 255) ** (1 / random.uniform(*plan.value))
    tables = np.rint(np.stack([hue, saturation, value], axis=1)).astype(np.uint8)
    changed = cv2.cvtColor(cv2.LUT(hsv, tables.reshape(256, 1, 3)), cv2.COLOR_HSV2RGB)
    sigma = random.uniform(0, plan.blur) if plan.blur else 0.0
    return np.asarray(cv2.GaussianBlur(changed, (0, 0), sigma) if sigma > 0.3 else changed)
