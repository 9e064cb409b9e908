"""Files that should be read, files that should not, and pictures that are no smear.

Functions that return bytes are whole files; functions that return arrays are uint8 RGB.
"""

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

from smear.imaging.background import background_colour
from smear.imaging.decode import encode
from smear.imaging.synthetic import field

SUGGESTED = 70  # a seed: of its leukemic field, as `suggested` takes it, the shipped bundle suggests a label
ACCEPTED = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")


def suggested() -> bytes:
    """A drawn field, as JPEG, that gets a suggestion: shrunk, lit and saved as the training pictures were.

    Nearly all drawings are refused as unfamiliar, most of them by their light.
    """
    drawn = cv2.resize(field(SUGGESTED, "leukemic", 672), (224, 224), interpolation=cv2.INTER_AREA)
    lit = drawn.astype(np.float32) * (np.array([247, 255, 252]) / background_colour(drawn))
    return encode(np.clip(lit, 0, 255).astype(np.uint8), "JPEG", quality=88)


def file(rgb: np.ndarray, format: str = "PNG", **options: object) -> bytes:
    """Any picture as a file of any format that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format, **options)
    return buffer.getvalue()


def smear(format: str = "JPEG", seed: int = 0, kind: str = "leukemic", size: int = 224) -> bytes:
    return file(field(seed, kind, size), format)


# -- files that are not read -----------------------------------------------------------------------


def empty() -> bytes:
    return b""


def text() -> bytes:
    return b"Dear laboratory, please find the smear enclosed.\n" * 20


def truncated(format: str = "JPEG", share: float = 0.5) -> bytes:
    whole = smear(format)
    return whole[: int(len(whole) * share)]


def bomb_png(side: int = 13_000) -> bytes:
    """Some 20 kB that hold, and not only declare, `side` x `side` white-or-black pixels."""
    return png_of(b"\0" * (1 + side // 8) * side, side, side, bits=1, colour=0)


def one_pixel() -> bytes:
    return file(np.full((1, 1, 3), 255, np.uint8))


def gif() -> bytes:
    return file(field(0, "sparse", 96), "GIF")


def animated(format: str = "GIF") -> bytes:
    """A moving GIF, PNG or WEBP of three frames."""
    first, *others = [Image.fromarray(field(seed, "sparse", 96)) for seed in range(3)]
    buffer = io.BytesIO()
    first.save(buffer, format, save_all=True, append_images=others, duration=100)
    return buffer.getvalue()


def float_tiff(channels: int = 1) -> bytes:
    values = np.linspace(0, 1, 64 * 64 * channels, dtype=np.float32).reshape(64, 64, channels)
    return tiff_of(values.squeeze())


# -- files that are read, but not as plainly as they look ------------------------------------------


def png_of(rows: bytes, width: int, height: int, bits: int, colour: int, transparent: bytes = b"") -> bytes:
    """A PNG by hand, from rows that begin with their filter byte. `colour` is PNG's colour type; transparent: tRNS."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    clear = chunk(b"tRNS", transparent) if transparent else b""
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + clear + pixels + chunk(b"IEND", b"")


def png16(values: np.ndarray, transparent: tuple[int, ...] = ()) -> bytes:
    """uint16 (H, W) or (H, W, 2, 3 or 4 channels) as a 16-bit PNG: grey, grey with alpha, RGB, RGBA.

    transparent: the colour that is, if one is.
    """
    channels = 1 if values.ndim == 2 else values.shape[2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    clear = np.array(transparent, ">u2").tobytes()
    return png_of(rows, values.shape[1], values.shape[0], 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], clear)


def tiff_of(values: np.ndarray, order: str = "<", orientation: int = 1, photometric: int | None = None) -> bytes:
    """An uncompressed TIFF by hand: integers or floats, (H, W) or (H, W, channels), either byte order."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    if photometric is None:
        photometric = 2 if channels >= 3 else 1
    pixels = values.astype(values.dtype.newbyteorder(order)).tobytes()
    tags = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [values.dtype.itemsize * 8] * channels),
        259: ("H", [1]),
        262: ("H", [photometric]),
        273: ("I", [8]),
        274: ("H", [orientation]),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(pixels)]),
        339: ("H", [{"u": 1, "i": 2, "f": 3}[values.dtype.kind]] * channels),
    }
    start = 8 + len(pixels)
    entries, overflow = b"", b""
    for number, (kind, numbers) in sorted(tags.items()):
        body = struct.pack(order + kind * len(numbers), *numbers)
        if len(body) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(overflow)
            overflow += body
            body = struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", number, 3 if kind == "H" else 4, len(numbers)) + body.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    return head + pixels + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + overflow


def ramp16(channels: int = 3, largest: int = 65535) -> np.ndarray:
    """uint16 (40, 64, channels) whose values span 0 to `largest`, each channel in another direction."""
    ramp = np.rint(np.linspace(0, largest, 40 * 64)).astype(np.uint16).reshape(40, 64)
    return np.dstack([ramp, ramp[::-1], ramp[:, ::-1]])[..., :channels].squeeze()


def cmyk_jpeg(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).convert("CMYK").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def palette_png(rgb: np.ndarray, transparent: int | None = None) -> bytes:
    buffer = io.BytesIO()
    options = {} if transparent is None else {"transparency": transparent}
    Image.fromarray(rgb).quantize(256).save(buffer, "PNG", **options)
    return buffer.getvalue()


def pages_tiff(pages: int = 3) -> bytes:
    first, *others = [Image.fromarray(field(seed, "sparse", 96)) for seed in range(pages)]
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=others)
    return buffer.getvalue()


def rotated(rgb: np.ndarray, orientation: int, format: str = "JPEG") -> bytes:
    """Stored as it is, with an EXIF tag that says how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    return file(rgb, format, exif=exif, **quality)


# -- pictures that are no smear --------------------------------------------------------------------


def solid(colour: tuple[int, int, int] = (255, 255, 255), size: int = 224) -> np.ndarray:
    return np.full((size, size, 3), colour, np.uint8)


def noise(seed: int = 0, size: int = 224) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def scene(seed: int = 0, size: int = 448) -> np.ndarray:
    """A house on a meadow under the sky, each time with other colours and another layout."""
    rng = np.random.default_rng(seed)
    horizon = int(size * rng.uniform(0.35, 0.65))
    picture = np.empty((size, size, 3), np.float32)
    depth = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    picture[:] = (1 - depth) * rng.uniform((60, 110, 190), (110, 160, 250)) + depth * (215, 230, 245)
    grass = rng.uniform((40, 110, 20), (110, 170, 60))
    texture = cv2.GaussianBlur(rng.normal(0, 40, (size, size, 1)).astype(np.float32), (0, 0), 1.2)[..., None]
    picture[horizon:] = (grass * (0.6 + 0.6 * depth) + texture)[horizon:]
    picture = np.ascontiguousarray(picture)

    def colour(low: tuple[int, int, int], high: tuple[int, int, int]) -> tuple[float, ...]:
        return tuple(rng.uniform(low, high))

    for x in rng.uniform(0, size, 4):  # clouds and trees
        cv2.ellipse(picture, (int(x), horizon // 3), (size // 9, size // 28), 0, 0, 360, (250, 250, 252), -1)
        cv2.circle(picture, (int(x), horizon), size // 16, colour((20, 70, 10), (70, 120, 50)), -1, cv2.LINE_AA)
    left, width, top = int(size * rng.uniform(0.1, 0.5)), size // 3, horizon - size // 8
    cv2.rectangle(picture, (left, top), (left + width, top + size // 4), colour((190, 150, 80), (240, 210, 140)), -1)
    roof = np.array([(left - 9, top), (left + width + 9, top), (left + width // 2, top - size // 7)])
    cv2.fillPoly(picture, [roof], colour((150, 40, 20), (210, 80, 40)), cv2.LINE_AA)
    cv2.rectangle(picture, (left + 20, top + 20), (left + 50, top + 60), (60, 70, 90), -1)
    cv2.circle(picture, (size - size // 6, size // 7), size // 14, (255, 220, 60), -1, cv2.LINE_AA)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def text_page(seed: int = 0, size: int = 448) -> np.ndarray:
    """Lines of print on white paper."""
    rng = np.random.default_rng(seed)
    page = np.full((size, size, 3), 250, np.uint8)
    for y in range(24, size - 10, 22):
        words = " ".join("".join(rng.choice(list("abdeghilmnorstu"), rng.integers(2, 9))) for _ in range(9))
        cv2.putText(page, words, (12, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (25, 25, 30), 1, cv2.LINE_AA)
    return page


def portrait(seed: int = 0, size: int = 448) -> np.ndarray:
    """A face-like picture: skin, hair and a coloured shirt before a plain wall."""
    rng = np.random.default_rng(seed)
    picture = np.empty((size, size, 3), np.float32)
    picture[:] = rng.uniform((150, 150, 140), (225, 220, 215))
    picture = np.ascontiguousarray(picture * np.linspace(1.0, 0.8, size, dtype=np.float32)[None, :, None])
    middle = (size // 2, int(size * 0.42))
    shirt, hair = tuple(rng.uniform(20, 220, 3)), tuple(rng.uniform((20, 15, 10), (120, 80, 50)))
    cv2.ellipse(picture, (size // 2, size), (size // 2, size // 3), 0, 0, 360, shirt, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (middle[0], middle[1] - size // 20), (size // 5, size // 4), 0, 0, 360, hair, -1)
    skin = tuple(rng.uniform((150, 100, 70), (235, 190, 165)))
    cv2.ellipse(picture, middle, (size // 6, size // 5), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(picture, (middle[0] + side * size // 14, middle[1]), size // 60, (40, 30, 30), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (middle[0], middle[1] + size // 9), (size // 20, size // 70), 0, 0, 360, (170, 70, 70), -1)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 1.5) + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
