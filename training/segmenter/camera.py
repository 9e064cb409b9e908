"""What a camera makes of a scene: a picture that is lit, focused, noisy and compressed in one of many ways."""

import cv2
import numpy as np

from smear.arrays import Array


def photographed(density: Array, diameter: float, random: np.random.Generator) -> Array:
    """Return the scene as a camera gives it, uint8 (S, S, 3): lamp, tint, lens, noise, compression.

    density: float32 (S, S, 3); diameter: of its leukocytes, in pixels.
    """
    side = len(density)
    white = 255 * random.uniform(0.7, 1) * random.uniform(0.88, 1, 3)
    if random.random() < 0.15:
        white[2] *= random.uniform(0.5, 0.85)  # yellowed
    axis = np.linspace(-0.5, 0.5, side, dtype=np.float32)
    tilt = random.normal(0, 0.05, 2)
    light = 1 + tilt[0] * axis[None, :] + tilt[1] * axis[:, None]
    rgb = np.exp(-density) * (light[..., None] * white).astype(np.float32)
    if random.random() < 0.5:
        rgb = cv2.GaussianBlur(rgb, (0, 0), random.uniform(0.3, 2.0) * np.sqrt(diameter / 40))
    if random.random() < 0.35:  # chromatic aberration: the outermost colours fall beside the green
        for channel in (0, 2):
            move = np.eye(2, 3, dtype=np.float32)
            move[:, 2] = random.normal(0, 0.8, 2) * np.sqrt(diameter / 40)
            rgb[..., channel] = cv2.warpAffine(rgb[..., channel], move, (side, side), borderMode=cv2.BORDER_REPLICATE)
    if random.random() < 0.2:  # the camera sharpens
        rgb = rgb + random.uniform(0.3, 1.2) * (rgb - cv2.GaussianBlur(rgb, (0, 0), random.uniform(0.8, 2)))
    if random.random() < 0.4:
        rgb = rgb + random.normal(0, random.uniform(0, 6), rgb.shape)
    rgb = np.clip(rgb, 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        quality = int(random.integers(45, 96))
        rgb = cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return np.asarray(rgb)
