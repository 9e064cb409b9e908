"""What another camera, its program and its files make of a cell: resolution, focus, sharpening, noise, compression.

A network that can tell the camera learns the laboratory, and with it the label that most of its cells have.
"""

import cv2
import numpy as np

from smear.arrays import Array

RESOLUTION = (0.35, 0.9)  # of the input's: from a wide field at 40x to nearly its own
SHARPENING = (0.3, 1.2)
NOISE = (1.0, 6.0)  # standard deviation, of 255
QUALITY = (30, 95)  # of a JPEG file


def another_camera(rgb: Array, often: float, random: np.random.Generator) -> Array:
    """Return `rgb`, uint8 (H, W, 3), as another camera would have left it; each change happens with chance `often`."""
    height, width = rgb.shape[:2]
    changed: Array = rgb
    if random.random() < often:
        share = random.uniform(*RESOLUTION)
        small = cv2.resize(
            rgb, (max(8, round(share * width)), max(8, round(share * height))), interpolation=cv2.INTER_AREA
        )
        method = cv2.INTER_CUBIC if random.random() < 0.5 else cv2.INTER_LINEAR
        changed = cv2.resize(small, (width, height), interpolation=method)
    values: Array = changed.astype(np.float32)
    if random.random() < often:
        values = values + random.uniform(*SHARPENING) * (values - cv2.GaussianBlur(values, (0, 0), 1.2))
    if random.random() < often:
        values = values + random.normal(0, random.uniform(*NOISE), values.shape)
    changed = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    if random.random() < often:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(*QUALITY))]
        changed = np.asarray(cv2.imdecode(cv2.imencode(".jpg", changed, quality)[1], cv2.IMREAD_COLOR))
    return np.asarray(changed)
