"""Colour profiles: what a file's numbers mean is what is read, in every format that can say it."""

import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms

from smear.imaging import colour_profile
from smear.imaging.colour_profile import ADOBE_RGB, CONVERTED, SRGB_PRIMARIES, TOO_LARGE, UNUSABLE, profile_of
from smear.imaging.decode import decode
from smear.imaging.synthetic import field

DISPLAY_P3 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
PROFILES = {"Adobe RGB": profile_of(*ADOBE_RGB), "Display P3": profile_of(DISPLAY_P3)}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", 96)


def stored_in(rgb: np.ndarray, profile: bytes, deep: bool = False) -> np.ndarray:
    """The numbers by which a profile tells sRGB colours: uint8, or uint16."""
    return imagecodecs.cms_transform(
        rgb, SRGB, profile, colorspace="rgb", outcolorspace="rgb", outdtype="uint16" if deep else "uint8", intent=1
    )


def cast(rgb: np.ndarray, right: np.ndarray) -> float:
    """By how much the mean of a channel is off, at most: what coding loses is left out of it."""
    return float(np.abs((rgb.astype(np.int16) - right).mean(axis=(0, 1))).max())


def by_pillow(form: str, **options: object) -> Callable[[np.ndarray, bytes], bytes]:
    def write(rgb: np.ndarray, profile: bytes) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(rgb).save(buffer, form, icc_profile=profile, **options)
        return buffer.getvalue()

    return write


def tiff_of(rgb: np.ndarray, profile: bytes) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, rgb, photometric="rgb", iccprofile=profile, compression="zstd", metadata=None)
    return buffer.getvalue()


def heic(rgb: np.ndarray, profile: bytes) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(rgb)).save(buffer, quality=-1, chroma=444, icc_profile=profile)
    return buffer.getvalue()


def bmp(rgb: np.ndarray, profile: bytes) -> bytes:
    height, width = rgb.shape[:2]
    pixels = np.ascontiguousarray(rgb[::-1, :, ::-1]).tobytes()  # 96 x 3 bytes fill whole words
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    header += bytes(16) + b"DEBM" + bytes(36 + 12)
    header += struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    assert len(header) == 124
    start = 14 + len(header)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels) + len(profile), 0, 0, start) + header + pixels + profile


WRITERS = {
    "PNG": by_pillow("PNG"),
    "WEBP": by_pillow("WEBP", lossless=True),
    "TIFF": by_pillow("TIFF"),
    "TIFF by tifffile": tiff_of,
    "BMP": bmp,
}
LOSSY = {
    "JPEG": by_pillow("JPEG", quality=98, subsampling=0),
    "AVIF": by_pillow("AVIF", quality=95, subsampling="4:4:4"),
    "HEIC": heic,
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("form", WRITERS)
def test_a_profile_is_applied(drawn: np.ndarray, form: str, profile: str) -> None:
    picture = decode(WRITERS[form](stored_in(drawn, PROFILES[profile]), PROFILES[profile]))
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 3
    assert np.abs(picture.rgb.astype(int) - drawn).mean() < 0.5
    assert picture.notes == (CONVERTED,)


@pytest.mark.parametrize("form", LOSSY)
def test_a_profile_is_applied_to_lossy_pictures(drawn: np.ndarray, form: str) -> None:
    profile = PROFILES["Adobe RGB"]
    stored = stored_in(drawn, profile)
    picture = decode(LOSSY[form](stored, profile))
    assert cast(picture.rgb, drawn) < 0.4 * cast(stored, drawn)
    assert picture.notes == (CONVERTED,)


@pytest.mark.parametrize("form", [*WRITERS, *LOSSY])
@pytest.mark.parametrize("profile", [SRGB, profile_of(SRGB_PRIMARIES), imagecodecs.cms_profile("srgb")])
def test_a_profile_that_means_srgb_changes_no_pixel(drawn: np.ndarray, form: str, profile: bytes) -> None:
    write = (WRITERS | LOSSY)[form]
    picture = decode(write(drawn, profile))
    assert picture.notes == ()
    if form in WRITERS:
        np.testing.assert_array_equal(picture.rgb, drawn)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("profile", PROFILES)
def test_sixteen_bits_keep_theirs_until_the_end(drawn: np.ndarray, form: str, profile: str) -> None:
    deep = stored_in(drawn, PROFILES[profile], deep=True)
    if form == "PNG":
        data = png_with(deep, (b"iCCP", b"x\0\0" + zlib.compress(PROFILES[profile])))
    else:
        data = tiff_of(deep, PROFILES[profile])
    picture = decode(data)
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 1
    assert picture.notes[-1] == CONVERTED


def test_twelve_bits_in_sixteen_with_a_profile(drawn: np.ndarray) -> None:
    profile = PROFILES["Adobe RGB"]
    deep = (stored_in(drawn, profile, deep=True) >> 4).astype(np.uint16)
    picture = decode(tiff_of(deep, profile))
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 2


def test_grey_with_a_profile_of_grey_and_with_the_cameras(drawn: np.ndarray) -> None:
    grey = np.ascontiguousarray(drawn[..., 1])
    profile = imagecodecs.cms_profile("gray", gamma=1.0)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", icc_profile=profile)
    linear = grey / 255
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert np.abs(decode(buffer.getvalue()).rgb[..., 0] - expected).max() <= 2
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", icc_profile=SRGB)
    np.testing.assert_array_equal(decode(buffer.getvalue()).rgb[..., 2], grey)


def test_alpha_is_laid_over_white_after_the_colours_are_right(drawn: np.ndarray) -> None:
    profile = PROFILES["Adobe RGB"]
    alpha = np.full((*drawn.shape[:2], 1), 255, np.uint8)
    alpha[:48] = 0
    picture = decode(WRITERS["PNG"](np.dstack([stored_in(drawn, profile), alpha]), profile))
    assert (picture.rgb[:48] == 255).all()
    assert np.abs(picture.rgb[48:].astype(int) - drawn[48:]).max() <= 3


@pytest.mark.parametrize("form", [*WRITERS, *LOSSY])
@pytest.mark.parametrize("profile", [b"no profile at all", SRGB[:200], LAB])
def test_a_profile_that_cannot_be_used_is_told_and_left_out(drawn: np.ndarray, form: str, profile: bytes) -> None:
    if form == "HEIC" and profile == b"no profile at all":
        profile = b"no profile at all, but long enough for a box"
    picture = decode((WRITERS | LOSSY)[form](drawn, profile))
    assert picture.notes == (UNUSABLE,)
    if form in WRITERS:
        np.testing.assert_array_equal(picture.rgb, drawn)


def test_a_printers_profile_on_a_screens_colours(drawn: np.ndarray) -> None:
    grey = imagecodecs.cms_profile("gray", gamma=2.2)
    assert decode(WRITERS["PNG"](drawn, grey)).notes == (UNUSABLE,)


# -- what PNG, HEIC and AVIF say without a profile -------------------------------------------------


def png_with(values: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand with chunks before its pixels."""
    height, width = values.shape[:2]
    deep = values.dtype == np.uint16
    rows = b"".join(b"\0" + row.astype(">u2" if deep else "u1").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, 2, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chromaticities(primaries: tuple[float, ...]) -> bytes:
    return struct.pack(">8I", *(round(value * 100_000) for value in (0.3127, 0.3290, *primaries)))


def test_gamma_and_chromaticities(drawn: np.ndarray) -> None:
    primaries, gamma = ADOBE_RGB
    stored = stored_in(drawn, PROFILES["Adobe RGB"])
    chunks = [(b"gAMA", struct.pack(">I", round(100_000 / gamma))), (b"cHRM", chromaticities(primaries))]
    picture = decode(png_with(stored, *chunks))
    # The gamma is so near to sRGB's that it may be read as sRGB's own curve; the colours have to be Adobe's.
    assert np.abs(picture.rgb.astype(int) - drawn).mean() < 1.5
    assert picture.notes == (CONVERTED,)


def test_a_linear_png(drawn: np.ndarray) -> None:
    linear = profile_of(SRGB_PRIMARIES, 1.0)
    picture = decode(png_with(stored_in(drawn, linear, deep=True), (b"gAMA", struct.pack(">I", 100_000))))
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 2


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"gAMA", struct.pack(">I", 45455))],
        [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", chromaticities(SRGB_PRIMARIES))],
        [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))],
        [(b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", struct.pack(">I", 100_000))],
        [(b"cICP", bytes([2, 2, 0, 1]))],
        [(b"gAMA", struct.pack(">I", 0))],
    ],
)
def test_chunks_that_mean_srgb_or_nothing(drawn: np.ndarray, chunks: list[tuple[bytes, bytes]]) -> None:
    picture = decode(png_with(drawn, *chunks))
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.notes == ()


def test_code_points(drawn: np.ndarray) -> None:
    stored = stored_in(drawn, PROFILES["Display P3"])
    picture = decode(png_with(stored, (b"cICP", bytes([12, 13, 0, 1]))))
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 3
    film = decode(png_with(drawn, (b"cICP", bytes([9, 16, 0, 1]))))
    assert film.notes == (colour_profile.HIGH_DYNAMIC_RANGE,)


@pytest.mark.parametrize("chunk", [(b"cHRM", bytes(32)), (b"cHRM", struct.pack(">8I", *[30000] * 8))])
def test_chromaticities_that_no_screen_has(drawn: np.ndarray, chunk: tuple[bytes, bytes]) -> None:
    picture = decode(png_with(drawn, chunk))
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.notes == (UNUSABLE,)


def test_heic_by_numbers(drawn: np.ndarray) -> None:
    stored = stored_in(drawn, PROFILES["Display P3"])
    buffer = io.BytesIO()
    image = pillow_heif.from_pillow(Image.fromarray(stored))
    image.save(buffer, quality=-1, chroma=444, color_primaries=12, transfer_characteristics=13)
    picture = decode(buffer.getvalue())
    assert cast(picture.rgb, drawn) < 0.4 * cast(stored, drawn)
    assert picture.notes == (CONVERTED,)


def test_a_camera_that_says_adobe_rgb_in_exif_alone(drawn: np.ndarray) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 65535, 0xA005: {1: "R03"}})
    stored = stored_in(drawn, PROFILES["Adobe RGB"])
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, "JPEG", quality=98, subsampling=0, exif=exif)
    picture = decode(buffer.getvalue())
    assert cast(picture.rgb, drawn) < 0.4 * cast(stored, drawn)
    assert picture.notes == (CONVERTED,)


# -- profiles of megabytes -------------------------------------------------------------------------


def test_a_profile_of_64_megabytes_is_told_and_costs_little(drawn: np.ndarray) -> None:
    packed = zlib.compress(bytes(64 * 2**20))
    data = png_with(drawn, (b"iCCP", b"x\0\0" + packed))
    assert len(data) < 200_000
    tracemalloc.start()
    started = time.process_time()
    picture = decode(data)
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
    assert picture.notes == (TOO_LARGE,)
    np.testing.assert_array_equal(picture.rgb, drawn)


@pytest.mark.parametrize("form", ["TIFF", "TIFF by tifffile", "WEBP"])
def test_profiles_that_are_long_in_the_file_itself(drawn: np.ndarray, form: str) -> None:
    picture = decode(WRITERS[form](drawn, SRGB + bytes(8 * 2**20)))
    assert picture.notes == (TOO_LARGE,)
    np.testing.assert_array_equal(picture.rgb, drawn)
