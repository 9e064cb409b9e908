"""Colour profiles: whatever colours a file's numbers mean, the picture is told in sRGB.

A profile that means sRGB changes no pixel, whatever it is called. One that cannot be used is left out, with a note.
"""

from __future__ import annotations

import io
from functools import lru_cache

import imagecodecs
import numpy as np
from PIL import Image, ImageCms

from smear.arrays import Array

LARGEST = 4 * 2**20  # bytes; the largest printing profiles have about three million
INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC  # a measurement: colours that sRGB has stay what they are
SAME = 2  # levels: a profile that changes no colour by more is sRGB, written by somebody who rounds differently
CONVERTED = "Its colours were converted to sRGB by its colour profile."
UNUSABLE = "Its colour profile cannot be used and was left out; the colours may be off."
TOO_LARGE = "Its colour profile is too large to be one and was left out; the colours may be off."
HIGH_DYNAMIC_RANGE = "Its colours are of high dynamic range and were read as they are; they may be off."

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of profiles: Pillow's mode
_ROWS = 512  # of deep pictures that are converted at once

D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256  # primaries and gamma
# By the numbers of ITU-T H.273, as PNG, HEIC and AVIF carry them.
_PRIMARIES = {
    1: SRGB_PRIMARIES,
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_CURVES = {4: 2.2, 5: 2.8, 8: 1.0}  # gamma; the others that are no film's are shown with sRGB's own curve
_DISPLAYED_AS_SRGB = frozenset({1, 6, 13, 14, 15})
_FILM = frozenset({16, 18})  # PQ and HLG
_CURVE_POINTS = 1024


def to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str]:
    """Return an 8-bit picture (modes L, RGB or CMYK) in sRGB, and a note; unchanged where the profile means sRGB.

    The mode may become RGB. A profile that is too large, broken or of another kind of colours leaves the picture as is.
    """
    if len(profile) > LARGEST:
        return image, TOO_LARGE
    try:
        transform = _transform(profile, image.mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError):
        return image, UNUSABLE
    if transform is None:
        return image, ""
    colours = image if image.mode == transform.input_mode else image.convert(transform.input_mode)
    converted = ImageCms.applyTransform(colours, transform)
    return (converted, CONVERTED) if converted is not None else (image, UNUSABLE)


def deep_to_srgb(samples: Array, profile: bytes) -> tuple[Array | None, str]:
    """Return uint16 samples of the full range, (H, W, 1 or 3), in sRGB as uint8 (H, W, 3), and a note.

    None where nothing is to be converted: the profile means sRGB, or the note says why it cannot be used.
    """
    mode = "L" if samples.shape[2] == 1 else "RGB"
    if len(profile) > LARGEST:
        return None, TOO_LARGE
    try:
        transform = _transform(profile, mode)
        if transform is None:
            return None, ""
        if transform.input_mode != mode:
            samples = np.repeat(samples, 3, axis=2)
        rgb = np.empty((*samples.shape[:2], 3), np.uint8)
        space = "gray" if samples.shape[2] == 1 else "rgb"
        for top in range(0, len(samples), _ROWS):
            part = samples[top : top + _ROWS, :, 0] if space == "gray" else samples[top : top + _ROWS]
            rgb[top : top + _ROWS] = imagecodecs.cms_transform(
                np.ascontiguousarray(part),
                profile,
                _srgb(),
                colorspace=space,
                outcolorspace="rgb",
                outdtype="uint8",
                intent=int(INTENT),
            )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError, RuntimeError):
        return None, UNUSABLE
    return rgb, CONVERTED


def profile_of(primaries: tuple[float, ...], gamma: float | None = None, white: tuple[float, float] = D65) -> bytes:
    """Return an ICC profile of six chromaticities (red, green and blue, x and y) and a gamma; None: sRGB's own curve.

    Raises ValueError for numbers that no screen has.
    """
    if not all(0 < value <= 1 for value in (*primaries, *white)) or not (gamma is None or 0.1 < gamma < 10):
        raise ValueError("These are no colours of a screen.")
    curve = None if gamma is not None else _srgb_curve()
    try:
        profile: bytes = imagecodecs.cms_profile(
            "rgb", whitepoint=white, primaries=primaries, gamma=gamma, transferfunction=curve
        )
    except RuntimeError as error:
        raise ValueError("These are no colours of a screen.") from error
    return profile


def of_code_points(primaries: int, transfer: int) -> tuple[bytes, str]:
    """Return a profile of the code points of ITU-T H.273, none where they mean sRGB or say nothing, and a note."""
    if transfer in _FILM:
        return b"", HIGH_DYNAMIC_RANGE
    if primaries not in _PRIMARIES or not (transfer in _CURVES or transfer in _DISPLAYED_AS_SRGB):
        return b"", ""
    if primaries == 1 and transfer in _DISPLAYED_AS_SRGB:
        return b"", ""
    return profile_of(_PRIMARIES[primaries], _CURVES.get(transfer)), ""


@lru_cache(16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what brings 8-bit colours of a mode to sRGB; None where the profile means sRGB.

    Raises whatever lcms says of a profile that is broken or of other colours.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = _SPACES[source.profile.xcolor_space.strip()]
    if space != mode and (mode, space) != ("L", "RGB"):  # grey is written with the profile of its camera
        raise ValueError(f"a profile of {space} with colours of {mode}")
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), space, "RGB", INTENT)
    if space == "CMYK":
        return transform
    cube = _cube(space)
    meant = np.asarray(ImageCms.applyTransform(cube, transform), np.int16)
    stored = np.asarray(cube.convert("RGB"), np.int16)
    return None if int(np.abs(meant - stored).max()) <= SAME else transform


def _cube(mode: str) -> Image.Image:
    """Return colours from everywhere in RGB, or every grey."""
    levels = np.linspace(0, 255, 17).astype(np.uint8)
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None, :])
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    return Image.fromarray(colours.reshape(1, -1, 3))


@lru_cache(1)
def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _srgb_curve() -> Array:
    values = np.linspace(0, 1, _CURVE_POINTS)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    curve: Array = np.rint(linear * 65535).astype(np.uint16)
    return curve
