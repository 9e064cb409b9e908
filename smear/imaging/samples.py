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
from smear.imaging.memory import ROWS, rooms

TRANSPARENT = "Transparent parts were laid over white."
EMPTY_ALPHA = "Its transparency is complete everywhere and was left out."


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
            rgb, note = _in_srgb(rgb if values.shape[2] == 3 else values, samples.profile)
    notes.append(note)
    if alpha is not None and int(alpha.min()) < 255:
        rgb = over_white(rgb, alpha, samples.premultiplied)
        notes.append(TRANSPARENT)
    return rgb, notes


def of_image(image: Image.Image, profile: bytes = b"") -> tuple[Array, list[str]]:
    """Return an 8-bit picture of Pillow, of any mode, as sRGB, uint8 (H, W, 3), and notes of what was done.

    Rows are worked on a few at a time: Pillow takes four bytes for a pixel, and as many again for each step.
    """
    alpha = _alpha_of(image)
    rgb = rooms.make(image.height, image.width)
    note = ""
    for top in range(0, image.height, ROWS):
        part, note = _as_rgb(_rows(image, top), alpha, profile)
        rgb[top : top + ROWS] = np.asarray(part)
    return rgb, [note, alpha] if alpha == TRANSPARENT else [alpha, note]


def _rows(image: Image.Image, top: int) -> Image.Image:
    rows = image.crop((0, top, image.width, min(top + ROWS, image.height)))
    return rows.convert("LA") if rows.mode == "La" else rows  # Pillow turns that of associated alpha into nothing else


def _alpha_of(image: Image.Image) -> str:
    """Return what is to be said of a picture's transparency: EMPTY_ALPHA, TRANSPARENT, or nothing."""
    if not image.has_transparency_data:
        return ""
    tops = range(0, image.height, ROWS)
    extremes = [_rows(image, top).convert("RGBA").getchannel("A").getextrema() for top in tops]
    if all(both == (0, 0) for both in extremes):
        return EMPTY_ALPHA
    return "" if all(both == (255, 255) for both in extremes) else TRANSPARENT


def _as_rgb(image: Image.Image, alpha: str, profile: bytes) -> tuple[Image.Image, str]:
    """Return rows of a picture as sRGB, over white where they are TRANSPARENT, and a note on its colours."""
    note = ""
    opacity = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opacity = image.getchannel("A") if alpha == TRANSPARENT else None
        image = image.convert("RGB") if opacity is None or profile else image
    elif profile and image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        image, note = colour_profile.to_srgb(image, profile)
    if opacity is not None:
        if profile:
            image = image.convert("RGB")
            image.putalpha(opacity)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return (image if image.mode == "RGB" else image.convert("RGB")), note


def _in_srgb(values: Array, profile: bytes) -> tuple[Array, str]:
    """Return uint8 (H, W, 1 or 3) by its profile, as (H, W, 3), and a note; of three channels in their place."""
    rgb = values if values.shape[2] == 3 and values.flags.writeable else _three(values).copy()
    note = ""
    for top in range(0, len(values), ROWS):
        part = values[top : top + ROWS]
        image = Image.fromarray(part[..., 0] if part.shape[2] == 1 else part)
        converted, note = colour_profile.to_srgb(image, profile)
        if converted is image:
            break
        rgb[top : top + ROWS] = np.asarray(converted.convert("RGB"))
    return rgb, note


def over_white(rgb: Array, alpha: Array, premultiplied: bool) -> Array:
    """Return uint8 (H, W, 3) laid over white by an alpha, uint8 (H, W)."""
    laid = rgb if rgb.flags.writeable else np.empty_like(rgb)
    for top in range(0, len(rgb), ROWS):
        colours = rgb[top : top + ROWS].astype(np.float32)
        opacity = alpha[top : top + ROWS, :, None] / np.float32(255)
        over = colours + 255 * (1 - opacity) if premultiplied else 255 - (255 - colours) * opacity
        laid[top : top + ROWS] = np.clip(np.rint(over), 0, 255)
    return laid


def _three(values: Array) -> Array:
    if values.shape[2] == 3:
        return values
    rgb = rooms.make(*values.shape[:2])
    rgb[...] = values
    return rgb


def _full_range(values: Array, depth: int) -> Array:
    """Return values of `depth` bits as uint16 of 16 bits."""
    if depth == 16:
        return values
    full = np.empty_like(values)
    for top in range(0, len(values), ROWS):
        part = values[top : top + ROWS].astype(np.float32) * np.float32(65535 / (2**depth - 1))
        full[top : top + ROWS] = np.minimum(np.rint(part), 65535)
    return full
