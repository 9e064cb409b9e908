"""The values that a format's reader unpacked, on their way to 8-bit sRGB: depth, profile, transparency.

Alpha is laid over white, which is what an empty part of a bright field looks like. An alpha of nothing but 0 is no
alpha: programs that fill the fourth byte with zeros mean a picture, not a hole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from smear.arrays import Array
from smear.imaging import bit_depth, colour_profile

TRANSPARENT = "Transparent parts were laid over white."
EMPTY_ALPHA = "Its transparency is complete everywhere and was left out."
_ROWS = 512  # laid over white at once


@dataclass
class Samples:
    """Unpacked values of one picture.

    values: uint8 or uint16 (H, W, 1) grey or (H, W, 3) RGB, white is the largest; alpha: (H, W) of the same type;
    premultiplied: the colours are told times alpha; depth: bits that the values use, None where they have to tell;
    profile: ICC, may be empty.
    """

    values: Array
    alpha: Array | None = None
    premultiplied: bool = False
    depth: int | None = None
    profile: bytes = b""


def to_rgb(samples: Samples) -> tuple[Array, list[str]]:
    """Return samples as sRGB, uint8 (H, W, 3), and notes of what was done."""
    values, alpha = samples.values, samples.alpha
    notes = []
    if alpha is not None and not alpha.any():
        alpha = None
        notes.append(EMPTY_ALPHA)
    if values.dtype == np.uint16:
        depth = samples.depth or bit_depth.depth_of(values)
        notes.insert(0, bit_depth.depth_note(depth))
        rgb, note = None, ""
        if samples.profile:
            rgb, note = colour_profile.deep_to_srgb(_full_range(values, depth), samples.profile)
        if rgb is None:
            rgb = _three(bit_depth.scaled(values, depth))
        if alpha is not None:  # it uses the range of its file, whatever the colours do
            alpha = bit_depth.scaled(alpha, samples.depth or 16)
    else:
        rgb, note = _three(values), ""
        if samples.profile:
            image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
            converted, note = colour_profile.to_srgb(image, samples.profile)
            rgb = rgb if converted is image else np.asarray(converted.convert("RGB"))
    notes.append(note)
    if alpha is not None and int(alpha.min()) < 255:
        rgb = over_white(rgb, alpha, samples.premultiplied)
        notes.append(TRANSPARENT)
    return rgb, notes


def of_image(image: Image.Image, profile: bytes = b"") -> tuple[Array, list[str]]:
    """Return an 8-bit picture of Pillow, of any mode, as sRGB, uint8 (H, W, 3), and notes of what was done."""
    notes = []
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        extremes = image.getchannel("A").getextrema()
        if extremes == (0, 0):
            notes.append(EMPTY_ALPHA)
        elif extremes != (255, 255):
            alpha = image
        image = image.convert("RGB") if alpha is None or profile else image
    elif profile and image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        image, note = colour_profile.to_srgb(image, profile)
        notes.append(note)
    if alpha is not None:
        if profile:
            image = image.convert("RGB")
            image.putalpha(alpha.getchannel("A"))
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        notes.append(TRANSPARENT)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB")), notes


def over_white(rgb: Array, alpha: Array, premultiplied: bool) -> Array:
    """Return uint8 (H, W, 3) laid over white by an alpha, uint8 (H, W)."""
    laid = np.empty_like(rgb)
    for top in range(0, len(rgb), _ROWS):
        colours = rgb[top : top + _ROWS].astype(np.float32)
        opacity = alpha[top : top + _ROWS, :, None] / np.float32(255)
        over = colours + 255 * (1 - opacity) if premultiplied else 255 - (255 - colours) * opacity
        laid[top : top + _ROWS] = np.clip(np.rint(over), 0, 255)
    return laid


def _three(values: Array) -> Array:
    return values if values.shape[2] == 3 else np.repeat(values, 3, axis=2)


def _full_range(values: Array, depth: int) -> Array:
    """Return values of `depth` bits as uint16 of 16 bits."""
    if depth == 16:
        return values
    full = np.empty_like(values)
    for top in range(0, len(values), _ROWS):
        part = values[top : top + _ROWS].astype(np.float32) * np.float32(65535 / (2**depth - 1))
        full[top : top + _ROWS] = np.minimum(np.rint(part), 65535)
    return full
