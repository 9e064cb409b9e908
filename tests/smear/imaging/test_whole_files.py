"""Files that are whole and were once called damaged, or were read as something else: JPEG, PNG, BMP, HEIC, AVIF."""

import io
import struct
import time
import tracemalloc
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image, PngImagePlugin

from smear.imaging.decode import ImageError, decode
from smear.imaging.synthetic import field
from tests.data import pictures


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", 96)


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data)
    return caught.value


# -- JPEG ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_ls(drawn: np.ndarray, channels: int) -> None:
    values = drawn if channels == 3 else np.ascontiguousarray(drawn[..., 1])
    picture = decode(imagecodecs.jpegls_encode(values))
    np.testing.assert_array_equal(picture.rgb, np.dstack([values] * 3)[..., :3] if channels == 1 else drawn)
    assert picture.format == "JPEG"


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_jpeg_ls(drawn: np.ndarray, bits: int) -> None:
    values = np.rint(drawn * ((2**bits - 1) / 255)).astype(np.uint16)
    values[0, 0] = 2**bits - 1
    right = drawn.copy()
    right[0, 0] = 255
    np.testing.assert_array_equal(decode(imagecodecs.jpegls_encode(values)).rgb, right)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_of_twelve_bits(drawn: np.ndarray, channels: int) -> None:
    values = np.rint(drawn[..., :channels] * (4095 / 255)).astype(np.uint16).squeeze()
    picture = decode(imagecodecs.jpeg_encode(values, bitspersample=12, level=98))
    assert np.abs(picture.rgb[..., :channels].astype(int) - drawn[..., :channels]).mean() < 3
    assert picture.notes == ("Values of 12 bits were scaled to 8 bits.",)


def lossless_jpeg(values: np.ndarray) -> bytes:
    data: bytes = imagecodecs.ljpeg_encode(np.ascontiguousarray(values), bitspersample=12)
    return data


def test_lossless_jpeg() -> None:
    ramp = np.rint(np.linspace(0, 4095, 64 * 64)).astype(np.uint16).reshape(64, 64)
    picture = decode(lossless_jpeg(ramp))
    np.testing.assert_array_equal(picture.rgb[..., 0], np.rint(ramp / (4095 / 255)))


def test_a_kind_of_jpeg_that_is_not_read_is_no_damage(drawn: np.ndarray) -> None:
    data = bytearray(pictures.file(drawn, "JPEG"))
    data[data.index(b"\xff\xc0") + 1] = 0xC5  # hierarchical
    error = refusal(bytes(data))
    assert error.code == "unsupported_mode"
    assert error.text.startswith("This kind of JPEG file is not read here.")


@pytest.mark.parametrize("encode", [imagecodecs.jpegls_encode, lambda v: imagecodecs.jpeg_encode(v, level=90)])
def test_special_jpeg_that_declares_gigabytes(encode: Any, drawn: np.ndarray) -> None:
    data = bytearray(encode(drawn))
    mark = data.index(b"\xff\xf7") if b"\xff\xf7" in data else data.index(b"\xff\xc0")
    data[mark + 5 : mark + 9] = b"\xff\xff\xff\xff"
    assert refusal(bytes(data)).code == "too_many_pixels"


# -- PNG -------------------------------------------------------------------------------------------


def with_chunk(png: bytes, name: bytes, body: bytes, checksum: int | None = None) -> bytes:
    place = 8 + 25  # after the header
    crc = zlib.crc32(name + body) if checksum is None else checksum
    return png[:place] + struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc) + png[place:]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"tEXt", b"Comment\0" + b"x" * 5_000_000),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 50_000_000)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 50_000_000)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * 5_000_000),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"x" * 50_000_000)),
        (b"prVt", b"x" * 3_000_000),
    ],
)
def test_megabytes_of_text(drawn: np.ndarray, deep: bool, name: bytes, body: bytes) -> None:
    plain = pictures.png16(drawn.astype(np.uint16) * 257) if deep else pictures.file(drawn)
    tracemalloc.start()
    started = time.process_time()
    np.testing.assert_array_equal(decode(with_chunk(plain, name, body)).rgb, drawn)
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


def test_many_texts(drawn: np.ndarray) -> None:
    data = pictures.file(drawn)
    for _ in range(300):
        data = with_chunk(data, b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 900_000))
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "name", [b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"tIME", b"gAMA", b"cHRM", b"iCCP", b"eXIf", b"bKGD", b"acTL", b"sRGB"]
)
def test_a_wrong_checksum_of_what_is_no_pixel(drawn: np.ndarray, deep: bool, name: bytes) -> None:
    plain = pictures.png16(drawn.astype(np.uint16) * 257) if deep else pictures.file(drawn)
    np.testing.assert_array_equal(decode(with_chunk(plain, name, b"\0\0\0\x09abc", checksum=1)).rgb, drawn)


def test_a_wrong_checksum_of_pixels_is_damage(drawn: np.ndarray) -> None:
    data = bytearray(pictures.file(drawn))
    data[data.index(b"IDAT") + 200] ^= 1
    assert refusal(bytes(data)).code == "truncated"


@pytest.mark.parametrize("key", ["XML:com.adobe.xmp", "Raw profile type exif"])
def test_orientation_that_stands_in_a_text(drawn: np.ndarray, key: str) -> None:
    text = PngImagePlugin.PngInfo()
    if key.startswith("XML"):
        text.add_itxt(key, '<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>')
    else:
        exif = Image.Exif()
        exif[274] = 3
        raw = b"Exif\0\0" + exif.tobytes()[6:]
        text.add_text(key, f"\nexif\n{len(raw):8}\n{raw.hex()}\n", zip=True)
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG", pnginfo=text)
    np.testing.assert_array_equal(decode(buffer.getvalue()).rgb, drawn[::-1, ::-1])


# -- an alpha of nothing but 0 ---------------------------------------------------------------------


def bmp32(rgb: np.ndarray, alpha: int, version: int) -> bytes:
    """A BMP of 32 bits with a header of version 4 or 5, whose fourth byte is called alpha."""
    height, width = rgb.shape[:2]
    size = {4: 108, 5: 124}[version]
    bgra = np.dstack([rgb[::-1, :, ::-1], np.full((height, width), alpha, np.uint8)]).tobytes()
    header = struct.pack("<IiiHHIIiiII", size, width, height, 1, 32, 3, len(bgra), 2835, 2835, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs"
    header += bytes(size - len(header))
    return struct.pack("<2sIHHI", b"BM", 14 + size + len(bgra), 0, 0, 14 + size) + header + bgra


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("alpha", [0, 255])
def test_bmp_of_32_bits(drawn: np.ndarray, version: int, alpha: int) -> None:
    np.testing.assert_array_equal(decode(bmp32(drawn, alpha, version)).rgb, drawn)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_an_empty_alpha_is_none_and_told(drawn: np.ndarray, form: str) -> None:
    rgba = np.dstack([drawn, np.zeros(drawn.shape[:2], np.uint8)])
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    picture = decode(pictures.file(rgba, form, **options))
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.notes == ("Its transparency is complete everywhere and was left out.",)


def test_an_empty_alpha_of_sixteen_bits(drawn: np.ndarray) -> None:
    rgba = np.dstack([drawn.astype(np.uint16) * 257, np.zeros(drawn.shape[:2], np.uint16)])
    np.testing.assert_array_equal(decode(pictures.png16(rgba)).rgb, drawn)


# -- HEIC and AVIF ---------------------------------------------------------------------------------


def heic(*several: np.ndarray, **options: Any) -> bytes:
    file = pillow_heif.HeifFile()
    for rgb in several:
        file.add_from_pillow(Image.fromarray(rgb))
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444, **options)
    return buffer.getvalue()


def avif(rgb: np.ndarray, **options: Any) -> bytes:
    return pictures.file(rgb, "AVIF", quality=95, subsampling="4:4:4", **options)


@pytest.mark.parametrize(("make", "form"), [(heic, "HEIC"), (avif, "AVIF")])
def test_photos_of_phones(drawn: np.ndarray, make: Any, form: str) -> None:
    picture = decode(make(drawn))
    assert picture.format == form
    assert picture.notes == ()
    assert np.abs(picture.rgb.astype(int) - drawn).mean() < 3


def test_a_photo_of_ten_bits(drawn: np.ndarray) -> None:
    deep = pillow_heif.from_bytes("RGB;16", (96, 96), (drawn.astype(np.uint16) * 257).tobytes())
    buffer = io.BytesIO()
    deep.save(buffer, quality=-1, chroma=444)
    assert np.abs(decode(buffer.getvalue()).rgb.astype(int) - drawn).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_turned_once(orientation: int) -> None:
    from smear.imaging.picture import TURNS

    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24, :32], stored[:24, 32:], stored[24:, :32] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    upright = TURNS[orientation](stored) if orientation > 1 else stored
    exif = Image.Exif()
    exif[274] = orientation
    for data in (heic(stored, exif=exif.tobytes()), avif(stored, exif=exif)):
        rgb = decode(data).rgb
        assert rgb.shape == upright.shape
        assert np.abs(rgb.astype(int) - upright).mean() < 5


def test_further_pictures_of_a_photo_are_told(drawn: np.ndarray) -> None:
    picture = decode(heic(drawn, 255 - drawn))
    assert np.abs(picture.rgb.astype(int) - drawn).mean() < 3
    assert picture.notes == ("The main picture of 2 was read.",)


@pytest.mark.parametrize("major", [b"hevc", b"msf1", b"avis"])
def test_a_sequence_says_what_to_do(drawn: np.ndarray, major: bytes) -> None:
    data = heic(drawn)
    error = refusal(data[:8] + major + data[12:])
    assert error.text.startswith("This is a sequence of ")
    assert "Save the one picture to be read" in error.text


def test_a_moving_avif_is_an_animation(drawn: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "AVIF", save_all=True, append_images=[Image.fromarray(255 - drawn)])
    assert refusal(buffer.getvalue()).code in ("animated", "format_not_accepted")


@pytest.mark.parametrize("form", ["HEIC", "AVIF"])
@pytest.mark.parametrize("brand", [b"mif1", b"miaf"])
def test_brands_that_name_no_codec(drawn: np.ndarray, form: str, brand: bytes) -> None:
    data = heic(drawn) if form == "HEIC" else avif(drawn)
    picture = decode(data[:8] + brand + data[12:])
    assert picture.format == form


@pytest.mark.parametrize("make", [heic, avif])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_photo_is_damaged(drawn: np.ndarray, make: Any, share: float) -> None:
    data = make(drawn)
    assert refusal(data[: int(share * len(data))]).code == "truncated"


def test_a_photo_that_declares_gigabytes(drawn: np.ndarray) -> None:
    data = bytearray(heic(drawn))
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", 60_000, 60_000)
    assert refusal(bytes(data)).code in ("too_many_pixels", "truncated")
