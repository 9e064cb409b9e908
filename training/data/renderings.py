"""The same field as other cameras, programs and hands would have left it: what `stress` reads a bundle's pictures in.

Every rendering is a pure function of a picture, uint8 RGB (H, W, 3); those with chance in them draw from a generator
that starts anew for each picture. The leukocytes stay the same leukocytes, so a model that is right about them has to
stay right, or to say that it does not know such pictures.
"""

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import numpy as np

from smear.arrays import Array

Rendering = Callable[[Array], Array]

# Linear RGB to CIE XYZ under D65: sRGB (IEC 61966-2-1), Adobe RGB (1998), Display P3 (SMPTE EG 432-1, D65).
SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
ADOBE_RGB = np.array(
    [[0.5767309, 0.1855540, 0.1881852], [0.2973769, 0.6273491, 0.0752741], [0.0270343, 0.0706872, 0.9911085]]
)
DISPLAY_P3 = np.array(
    [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0000000, 0.0451134, 1.0439444]]
)
ADOBE_GAMMA = 563 / 256


def noise(rgb: Array, sigma: float) -> Array:
    """Return the picture with Gaussian noise of `sigma` grey levels, each channel by itself."""
    drawn = np.random.default_rng(0).normal(0, sigma, rgb.shape)
    return _eight_bits(rgb + drawn)


def blur(rgb: Array, sigma: float) -> Array:
    """Return the picture out of focus by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma))


def sharpen(rgb: Array, amount: float, sigma: float = 2.0) -> Array:
    """Return the picture after an unsharp mask: what a Gaussian of `sigma` takes away is added `amount` times."""
    values = rgb.astype(np.float32)
    return _eight_bits(values + amount * (values - cv2.GaussianBlur(values, (0, 0), sigma)))


def jpeg(rgb: Array, quality: int) -> Array:
    """Return the picture saved as JPEG with this quality, 1 to 100, and read again."""
    file = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return np.asarray(cv2.cvtColor(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB))


def interlace(rgb: Array, shift: int) -> Array:
    """Return the picture with every second row `shift` pixels aside, as a moving stage leaves it in a video's frame."""
    combed = rgb.copy()
    combed[1::2] = np.roll(rgb[1::2], shift, axis=1)
    return combed


def expose(rgb: Array, factor: float) -> Array:
    """Return the picture with `factor` times the light, in linear light; what is too bright is cut off."""
    return _encoded(_linear(rgb) * factor)


def stray_light(rgb: Array, level: int) -> Array:
    """Return the picture with light from beside: black becomes `level` (0 to 255), and white stays."""
    return _eight_bits(level + rgb.astype(np.float32) * (255 - level) / 255)


def turn_hue(rgb: Array, degrees: float) -> Array:
    """Return the picture with every hue turned by so many degrees of 360."""
    hsv = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = np.mod(hsv[..., 0] + degrees, 360)
    return _eight_bits(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def saturate(rgb: Array, factor: float) -> Array:
    """Return the picture with `factor` times the colour: each pixel's distance from its grey."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    return _eight_bits(grey + factor * (rgb - grey))


def balance(rgb: Array, red: float, blue: float) -> Array:
    """Return the picture under another white balance: factors on red and blue."""
    return _eight_bits(rgb * np.array([red, 1, blue], np.float32))


def in_numbers_of(rgb: Array, primaries: Array, gamma: float | None = None) -> Array:
    """Return the numbers by which another colour space says the same colours; they are then read as if they were sRGB.

    primaries: (3, 3), its linear RGB to XYZ; gamma: of its curve, None for that of sRGB.
    """
    linear = np.clip(_linear(rgb) @ (np.linalg.inv(primaries) @ SRGB).T, 0, 1)
    return _encoded(linear) if gamma is None else _eight_bits(255 * linear ** (1 / gamma))


def shrink(rgb: Array, factor: float) -> Array:
    """Return the picture `factor` times smaller, as a thumbnail has it."""
    return np.asarray(cv2.resize(rgb, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA))


def enlarge(rgb: Array, factor: float) -> Array:
    """Return the picture `factor` times larger, with nothing in it that was not there."""
    return np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC))


def enlarged_thumbnail(rgb: Array, factor: float) -> Array:
    """Return the picture made `factor` times smaller and as large again as it was."""
    return np.asarray(cv2.resize(shrink(rgb, factor), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def mosaic(rgb: Array, factor: int) -> Array:
    """Return the picture in squares of `factor` pixels, as a thumbnail that is shown large without smoothing."""
    return np.asarray(cv2.resize(shrink(rgb, factor), rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST))


def vignette(rgb: Array, loss: float) -> Array:
    """Return the picture with light falling off by the square of the distance, to 1 - `loss` in the corners."""
    height, width = rgb.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return _eight_bits(rgb * (1 - loss * (x * x + y * y) / 2)[..., None])


RENDERINGS: Mapping[str, Rendering] = {
    "as it is": lambda rgb: rgb,
    **{f"noise {sigma}": partial(noise, sigma=sigma) for sigma in (5, 10, 15, 20)},
    **{f"blur {sigma:g}": partial(blur, sigma=sigma) for sigma in (1, 1.5, 2, 3)},
    **{f"sharpening {amount:g}": partial(sharpen, amount=amount) for amount in (0.5, 1, 1.5, 2.5)},
    **{f"JPEG {quality}": partial(jpeg, quality=quality) for quality in (70, 40, 20, 10)},
    **{f"interlacing {shift} px": partial(interlace, shift=shift) for shift in (1, 2, 4)},
    **{f"exposure {factor:g}": partial(expose, factor=factor) for factor in (0.5, 0.7, 1.3, 1.6)},
    **{f"stray light {level}": partial(stray_light, level=level) for level in (20, 40, 60, 90)},
    **{f"hue {degrees:+d}": partial(turn_hue, degrees=degrees) for degrees in (-36, -18, -9, 9, 18, 36)},
    **{f"saturation {factor:g}": partial(saturate, factor=factor) for factor in (0.5, 0.75, 1.3, 1.6)},
    "white balance warm": partial(balance, red=1.15, blue=0.85),
    "white balance cold": partial(balance, red=0.85, blue=1.15),
    "white balance green": partial(balance, red=0.87, blue=0.87),
    "Adobe RGB": partial(in_numbers_of, primaries=ADOBE_RGB, gamma=ADOBE_GAMMA),
    "Display P3": partial(in_numbers_of, primaries=DISPLAY_P3),
    **{f"shrunk {factor:g}": partial(shrink, factor=factor) for factor in (1.5, 2)},
    **{f"enlarged {factor:g}": partial(enlarge, factor=factor) for factor in (2, 3)},
    **{f"thumbnail {factor:g}": partial(enlarged_thumbnail, factor=factor) for factor in (1.5, 2, 3)},
    **{f"mosaic {factor}": partial(mosaic, factor=factor) for factor in (2, 3)},
    **{f"vignette {loss:g}": partial(vignette, loss=loss) for loss in (0.3, 0.6)},
}


def _eight_bits(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


_LINEAR = np.where(
    np.arange(256) <= 0.04045 * 255, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
)


def _linear(rgb: Array) -> Array:
    result: Array = _LINEAR[rgb]
    return result


def _encoded(linear: Array) -> Array:
    clipped = np.clip(linear, 0, 1)
    return _eight_bits(255 * np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055))
