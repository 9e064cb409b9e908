"""The decoder: every format that is read, every file that is refused, and what damage makes of them."""

import io
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smear.imaging import decode as decoder
from smear.imaging import file_signatures
from smear.imaging.decode import ImageError, Picture, declared_pixels, decode, encode, is_ordinary
from smear.imaging.folders import pictures_in
from smear.imaging.picture import TURNS
from smear.imaging.synthetic import field
from tests.data import pictures
from tests.sizes import SIZES
from tests.smear.imaging.test_colour_profile import PROFILES
from tests.smear.imaging.test_dicom import dicom
from tests.smear.imaging.test_tiff import plain, tiff
from tests.smear.imaging.test_whole_files import avif, heic


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data)
    return caught.value


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", 96)


# -- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_very_pixels(drawn: np.ndarray, format: str) -> None:
    picture = decode(pictures.file(drawn, format))
    assert picture.format == format
    assert picture.notes == ()
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.flags.c_contiguous
    np.testing.assert_array_equal(picture.rgb, drawn)


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_lossy_formats_stay_close(drawn: np.ndarray, format: str) -> None:
    picture = decode(pictures.file(drawn, format, quality=95))
    assert picture.format == format
    assert np.abs(picture.rgb.astype(int) - drawn).mean() < 4


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_tiff_compressions(drawn: np.ndarray, compression: str) -> None:
    rgb = decode(pictures.file(drawn, "TIFF", compression=compression)).rgb
    assert np.abs(rgb.astype(int) - drawn).mean() < (8 if compression == "jpeg" else 1e-9)


def test_progressive_jpeg(drawn: np.ndarray) -> None:
    assert decode(pictures.file(drawn, "JPEG", progressive=True)).rgb.shape == drawn.shape


@pytest.mark.parametrize("mode", ["L", "1", "P"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_grey_one_bit_and_palette(drawn: np.ndarray, mode: str, format: str) -> None:
    converted = Image.fromarray(drawn).convert(mode)
    buffer = io.BytesIO()
    converted.save(buffer, format)
    np.testing.assert_array_equal(decode(buffer.getvalue()).rgb, np.asarray(converted.convert("RGB")))


def test_grey_jpeg_has_three_equal_channels(drawn: np.ndarray) -> None:
    rgb = decode(pictures.file(np.ascontiguousarray(drawn[..., 1]), "JPEG")).rgb
    assert rgb.shape == drawn.shape
    assert (rgb[..., 0] == rgb[..., 2]).all()


def test_cmyk_jpeg_is_not_inverted(drawn: np.ndarray) -> None:
    rgb = decode(pictures.cmyk_jpeg(drawn)).rgb
    assert np.abs(rgb.astype(int) - drawn).mean() < 5


def test_lab_tiff_grey_axis() -> None:
    buffer = io.BytesIO()
    Image.new("LAB", (20, 20), (128, 128, 128)).save(buffer, "TIFF")  # L* 50, a* and b* 0
    np.testing.assert_allclose(decode(buffer.getvalue()).rgb, 119, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_brings_the_picture_upright(orientation: int, format: str) -> None:
    upright = np.zeros((48, 64, 3), np.uint8)
    upright[:24, :32] = 200, 40, 40
    upright[:24, 32:] = 40, 200, 40
    upright[24:, :32] = 40, 40, 200
    # How a camera held that way would have stored it (EXIF 2.32: what row 0 and column 0 of the file show).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    rgb = decode(pictures.rotated(np.ascontiguousarray(stored), orientation, format)).rgb
    assert rgb.shape == upright.shape
    assert rgb.flags.c_contiguous
    assert np.abs(rgb.astype(int) - upright).max() < 40  # JPEG rings at the borders of the quarters


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_tiff_orientation_is_applied_once(orientation: int, deep: bool) -> None:
    values = np.arange(20 * 30 * 3).reshape(20, 30, 3) % 251
    stored = (values * 257).astype(np.uint16) if deep else values.astype(np.uint8)
    stored[0, 0] = 65535 if deep else 255
    upright = np.asarray(Image.fromarray((stored // 257 if deep else stored).astype(np.uint8)))
    if orientation > 1:
        upright = TURNS[orientation](upright)
    np.testing.assert_array_equal(decode(pictures.tiff_of(stored, orientation=orientation)).rgb, upright)


def test_exif_orientation_of_a_deep_png() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = pictures.ramp16(channels=1)
    rgb = decode(pictures.file(ramp, "PNG", exif=exif)).rgb
    np.testing.assert_array_equal(rgb[..., 0], np.rot90(np.rint(ramp / 257), -1))


@pytest.mark.parametrize("damage", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xee" * 40])
def test_damaged_metadata_does_not_spoil_the_pixels(drawn: np.ndarray, damage: bytes) -> None:
    assert decode(pictures.file(drawn, "JPEG", exif=damage)).rgb.shape == drawn.shape


@pytest.mark.parametrize("largest", [255, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("make", [pictures.png16, pictures.tiff_of])
def test_deep_ramps_scale_by_the_depth_they_use(make, channels: int, largest: int) -> None:
    ramp = pictures.ramp16(channels, largest)
    picture = decode(make(ramp))
    expected = np.rint(ramp * 255.0 / largest)
    if channels == 1:
        expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_array_equal(picture.rgb, expected)
    assert picture.notes == (f"Values of {largest.bit_length()} bits were scaled to 8 bits.",)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_both_byte_orders(order: str, channels: int) -> None:
    ramp = pictures.ramp16(channels)
    expected = np.rint(ramp / 257.0).reshape(40, 64, -1)
    np.testing.assert_array_equal(decode(pictures.tiff_of(ramp, order)).rgb, expected.repeat(4 - channels, 2)[..., :3])


def test_white_is_zero() -> None:
    ramp = pictures.ramp16(channels=1)
    rgb = decode(pictures.tiff_of(ramp, photometric=0)).rgb
    np.testing.assert_array_equal(rgb[..., 0], 255 - np.rint(ramp / 257))


def test_alpha_is_laid_over_white() -> None:
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 255, np.arange(32) * 8
    picture = decode(pictures.file(rgba))
    expected = np.rint(255 - np.arange(32) * 8 * 1.0)
    assert np.abs(picture.rgb[0, :, 1] - expected).max() <= 1
    assert (picture.rgb[..., 0] == 255).all()
    assert picture.notes == ("Transparent parts were laid over white.",)


def test_opaque_alpha_changes_nothing_and_says_nothing(drawn: np.ndarray) -> None:
    picture = decode(pictures.file(np.dstack([drawn, np.full(drawn.shape[:2], 255, np.uint8)])))
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.notes == ()


def test_deep_alpha() -> None:
    clear = np.zeros((32, 32, 4), np.uint16)
    clear[:16] = 65535, 0, 0, 65535
    rgb = decode(pictures.png16(clear)).rgb
    assert rgb[0, 0].tolist() == [255, 0, 0]
    assert rgb[-1, 0].tolist() == [255, 255, 255]


def test_the_transparent_colour_of_a_deep_png_becomes_white() -> None:
    """As in one of 8 bits; a colour that differs in the low byte alone is another."""
    colours = np.full((32, 32, 3), 20000, np.uint16)
    colours[16:] = 300, 400, 500
    colours[16:, :4] = 300, 400, 501
    picture = decode(pictures.png16(colours, transparent=(300, 400, 500)))
    assert picture.rgb[0, 0].tolist() == decode(pictures.png16(colours)).rgb[0, 0].tolist()
    assert picture.rgb[-1, -1].tolist() == [255, 255, 255]
    assert picture.rgb[-1, 0].max() < 20
    grey = decode(pictures.png16(colours[..., 0], transparent=(300,))).rgb
    assert grey[-1, 0].tolist() == [255, 255, 255] != grey[0, 0].tolist()


def test_transparent_palette_colour_becomes_white(drawn: np.ndarray) -> None:
    data = pictures.palette_png(drawn, transparent=0)
    index = np.asarray(Image.open(io.BytesIO(data)))
    rgb = decode(data).rgb
    assert (rgb[index == 0] == 255).all()
    plain = decode(pictures.palette_png(drawn)).rgb
    np.testing.assert_array_equal(rgb[index != 0], plain[index != 0])


def test_first_page_of_several() -> None:
    picture = decode(pictures.pages_tiff(3))
    np.testing.assert_array_equal(picture.rgb, field(0, "sparse", 96))
    assert picture.notes == ("Page 1 of 3 was read.",)


def test_damaged_second_page_does_not_spoil_the_first() -> None:
    data = pictures.pages_tiff(2)
    cut = data[: len(data) - 96 * 96]
    assert np.array_equal(decode(cut).rgb, field(0, "sparse", 96))


def test_an_endless_chain_of_pages_is_not_followed() -> None:
    data = bytearray(pictures.pages_tiff(2))
    first = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[first : first + 2], "little")
    place = first + 2 + 12 * entries
    data[place : place + 4] = first.to_bytes(4, "little")  # the next page is this page
    assert decode(bytes(data)).rgb.shape == (96, 96, 3)


@pytest.mark.realdata
def test_plain_files_give_the_pixels_that_they_always_gave(data: Path) -> None:
    files = [path for folder in ("taleghani", "pbc", "leukemia_types") for path in pictures_in(data / folder)][::97]
    masks = list(pictures_in(data / "segmentation" / "fields"))[::40]
    assert len(files) > 30
    assert masks
    for path in (*files, *masks):
        picture = decode(path.read_bytes())
        with Image.open(path) as image:
            np.testing.assert_array_equal(picture.rgb, np.asarray(image.convert("RGB")))
        assert picture.notes == ()


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (pictures.empty, "empty"),
        (pictures.text, "not_an_image"),
        (lambda: b"\0" * 500, "not_an_image"),
        (lambda: bytes(range(256)) * 4, "not_an_image"),
        (pictures.one_pixel, "too_small"),
        (lambda: pictures.file(np.zeros((15, 200, 3), np.uint8)), "too_small"),
        (pictures.bomb_png, "too_many_pixels"),
        (lambda: pictures.png_of(b"\0" * 64, 60_000, 60_000, bits=8, colour=2), "too_many_pixels"),
        (lambda: pictures.png_of(b"", 30_001, 16, 8, 2), "too_many_pixels"),
        (lambda: pictures.png_of(b"", 12_000, 10_001, 8, 2), "too_many_pixels"),
        (
            lambda: pictures.png_of(b"", 11_000, 10_000, 8, 2),
            "truncated",
        ),  # 110 Mpx are allowed, nothing is there
        (pictures.gif, "format_not_accepted"),
        (pictures.animated, "format_not_accepted"),
        (lambda: pictures.animated("PNG"), "animated"),
        (lambda: pictures.animated("WEBP"), "animated"),
        (pictures.float_tiff, "float_samples"),
        (lambda: pictures.float_tiff(3), "float_samples"),
        (lambda: pictures.tiff_of(np.zeros((32, 32), np.float64)), "float_samples"),
        (lambda: pictures.tiff_of(np.zeros((32, 32), np.int32)), "unsupported_mode"),
        (lambda: pictures.tiff_of(np.zeros((32, 32, 3), np.uint32)), "unsupported_mode"),
        (lambda: pictures.tiff_of(np.zeros((32, 32), np.int16)), "unsupported_mode"),
        *[(lambda format=format: pictures.truncated(format), "truncated") for format in pictures.ACCEPTED],
        *[(lambda format=format: pictures.smear(format)[:20], "truncated") for format in pictures.ACCEPTED],
    ],
)
def test_refused(make, code: str) -> None:
    error = refusal(make())
    assert error.code == code
    assert str(error) == error.text
    assert error.text[0].isupper()
    assert error.text.endswith(".")
    assert "\n" not in error.text
    assert len(error.text) < 200


@pytest.mark.parametrize(
    ("beginning", "name", "step"),
    [
        (pictures.gif(), "a GIF", "Save it as PNG, JPEG or TIFF"),
        (b"%PDF-1.7\n", "a PDF document", "Save the picture in it"),
        (b"\0\0\0\x18ftypisom", "a video", "Save the one picture to be read"),
        (b"\0\0\0\x14ftypqt  ", "a video", "Save the one picture to be read"),
        (b"\0\0\0\x18ftyphevc", "a sequence of HEIC photos", "Save the one picture to be read"),
        (b"\0\0\0\x18ftypmsf1", "a sequence of HEIC photos", "Save the one picture to be read"),
        (b"\0\0\0\x18ftypavis", "a sequence of AVIF images", "Save the one picture to be read"),
        (b"\0\0\0\x18ftypcrx ", "a camera raw file", "Develop it with the camera's software"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a camera raw file", "Develop it with the camera's software"),
        (b"IIRO\x08\0\0\0", "a camera raw file", "Develop it with the camera's software"),
        (b"IIU\0\x18\0\0\0", "a camera raw file", "Develop it with the camera's software"),
        (b"FUJIFILMCCD-RAW 0201", "a camera raw file", "Develop it with the camera's software"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing", "Save it as PNG"),
        (b"\n <svg/>", "an SVG drawing", "Save it as PNG"),
        (b"<!DOCTYPE html><html>", "a web page", "Save it as PNG"),
        (b"8BPS\0\1", "a Photoshop document", "Save it as PNG"),
        (b"ZISRAWFILE", "a Zeiss CZI file", "Export the field to be read"),
        (b"\xda\xce\xbe\n", "a Nikon ND2 file", "Export the field to be read"),
        (b"PK\x03\x04", "a ZIP archive", "Unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "pack the pictures as ZIP"),
    ],
)
def test_known_formats_are_named_with_what_to_do(beginning: bytes, name: str, step: str) -> None:
    error = refusal(beginning + b"\0" * 300)
    assert error.code == "format_not_accepted"
    assert error.text.startswith(f"This is {name}. ")
    assert step in error.text


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch, drawn: np.ndarray) -> None:
    monkeypatch.setattr(decoder, "MAX_BYTES", 1000)
    assert refusal(pictures.file(drawn)).code == "too_many_bytes"


def test_a_bomb_costs_neither_memory_nor_time() -> None:
    bomb = pictures.bomb_png()
    assert len(bomb) < 25_000
    tracemalloc.start()
    started = time.process_time()
    refusal(bomb)
    assert time.process_time() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_chunk_that_claims_gigabytes_costs_nothing() -> None:
    data = bytearray(pictures.png16(pictures.ramp16()))
    data[33:37] = b"\xd0\0\0\0"  # the length of IDAT
    started = time.process_time()
    assert refusal(bytes(data)).code == "truncated"
    assert time.process_time() - started < 0.5


def test_a_name_does_not_matter_only_the_bytes(drawn: np.ndarray) -> None:
    assert decode(pictures.file(drawn, "BMP")).format == "BMP"


def test_pillow_keeps_its_own_limits(drawn: np.ndarray) -> None:
    before = Image.MAX_IMAGE_PIXELS
    decode(pictures.file(drawn))
    refusal(pictures.bomb_png())
    assert before == Image.MAX_IMAGE_PIXELS


# -- whatever a damaged disk makes of it -----------------------------------------------------------


def sources() -> dict[str, bytes]:
    small = field(1, "sparse", 64)
    return {
        **{format: pictures.file(small, format) for format in pictures.ACCEPTED},
        "GIF": pictures.file(small, "GIF"),
        "progressive": pictures.file(small, "JPEG", progressive=True),
        "lzw": pictures.file(small, "TIFF", compression="tiff_lzw"),
        "jpeg in tiff": pictures.file(small, "TIFF", compression="jpeg"),
        "lossless webp": pictures.file(small, "WEBP", lossless=True),
        "exif": pictures.rotated(small, 6),
        "cmyk": pictures.cmyk_jpeg(small),
        "palette": pictures.palette_png(small, transparent=3),
        "16-bit png": pictures.png16(pictures.ramp16()),
        "16-bit tiff": pictures.tiff_of(pictures.ramp16()),
        "pages": pictures.pages_tiff(2),
        "animated": pictures.animated("WEBP"),
        "heic": heic(small),
        "avif": avif(small),
        "planar tiff": plain(
            np.moveaxis(pictures.ramp16(), -1, 0), photometric="rgb", planarconfig="separate", compression="lzw"
        ),
        "big tiff": plain(small, kind={"byteorder": ">", "bigtiff": True}, photometric="rgb", compression="jpeg"),
        "ome": tiff(np.ascontiguousarray(np.moveaxis(small, -1, 0)), kind={"ome": True}, photometric="minisblack"),
        "profile": pictures.file(small, "PNG", icc_profile=PROFILES["Adobe RGB"]),
        "dicom": dicom(small.tobytes(), Rows=64, Columns=64),
    }


SOURCES = sources()


def survives(data: bytes) -> None:
    try:
        picture = decode(data)
    except ImageError:
        return
    assert isinstance(picture, Picture)
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.ndim == 3
    assert picture.rgb.shape[2] == 3
    assert picture.rgb.flags.c_contiguous


@pytest.mark.faults
@pytest.mark.parametrize("name", SOURCES)
def test_any_truncation_is_read_or_refused(name: str) -> None:
    whole = SOURCES[name]
    rng = np.random.default_rng(1)
    for length in [*range(0, 64, 7), *rng.integers(0, len(whole), 60)]:
        survives(whole[:length])


@pytest.mark.faults
@pytest.mark.parametrize("name", SOURCES)
def test_any_flipped_bytes_are_read_or_refused(name: str) -> None:
    whole = np.frombuffer(SOURCES[name], np.uint8)
    rng = np.random.default_rng(2)
    for _ in range(SIZES.pictures):
        damaged = whole.copy()
        # Half of the time in the first bytes, where the headers and directories are.
        reach = len(damaged) if rng.random() < 0.5 else min(len(damaged), 200)
        damaged[rng.integers(0, reach, rng.integers(1, 6))] = rng.integers(0, 256)
        survives(damaged.tobytes())


def test_noise_with_any_beginning_is_refused() -> None:
    rng = np.random.default_rng(3)
    for offset, beginning, _ in file_signatures.BEGINNINGS:
        body = bytearray(rng.integers(0, 256, 600, np.uint8).tobytes())
        body[offset : offset + len(beginning)] = beginning
        refusal(bytes(body))


def test_no_warning_leaks_from_odd_files() -> None:
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        for data in SOURCES.values():
            survives(data)
            survives(data[: len(data) // 2])
    assert not leaked


# -- writing ---------------------------------------------------------------------------------------


def test_encode_png_is_lossless_and_bare(drawn: np.ndarray) -> None:
    data = encode(drawn)
    np.testing.assert_array_equal(decode(data).rgb, drawn)
    with Image.open(io.BytesIO(data)) as written:
        assert written.info == {}


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_encode_drops_metadata(drawn: np.ndarray, format: str) -> None:
    rgb = decode(pictures.rotated(drawn, 3)).rgb
    with Image.open(io.BytesIO(encode(rgb, format))) as written:
        assert not written.getexif()
        assert "exif" not in written.info
        assert "icc_profile" not in written.info
        assert np.abs(np.asarray(written).astype(int) - rgb).mean() < 5


def test_encode_takes_part_of_a_picture(drawn: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode(drawn[10:60:2, ::-1])).rgb, drawn[10:60:2, ::-1])


@pytest.mark.parametrize(
    ("rgb", "format"),
    [
        (np.zeros((20, 20, 3), np.float32), "PNG"),
        (np.zeros((20, 20), np.uint8), "PNG"),
        (np.zeros((20, 20, 3), np.uint8), "GIF"),
    ],
)
def test_encode_takes_only_rgb_and_known_formats(rgb: np.ndarray, format: str) -> None:
    with pytest.raises(ValueError, match=r"must be one of|expected uint8"):
        encode(rgb, format)


def test_a_small_jpeg_takes_about_a_millisecond() -> None:
    data = pictures.smear("JPEG", size=224)
    decode(data)
    times = []
    for _ in range(20):
        started = time.process_time()
        decode(data)
        times.append(time.process_time() - started)
    assert min(times) < 0.002


@pytest.mark.parametrize("height", [16, 511, 513, 1030])
def test_a_large_png_is_written_row_by_row_and_read_the_same(height, monkeypatch):
    """What is written a few rows at a time is a PNG to every reader."""
    rgb = np.random.default_rng(1).integers(0, 256, (height, 41, 3), dtype=np.uint8)
    monkeypatch.setattr(decoder, "ORDINARY_PIXELS", 0)
    data = encode(rgb)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), rgb)
    np.testing.assert_array_equal(decode(data).rgb, rgb)
    assert len(data) < 1.01 * rgb.nbytes + 200


def test_a_size_beyond_all_numbers_is_no_ordinary_file() -> None:
    """The product of its sides is larger than 63 bits hold."""
    data = bytearray(pictures.file(field(0, "sparse", 96)))
    data[16:24] = b"\xff" * 8
    assert declared_pixels(bytes(data)) == (2**32 - 1) ** 2
    assert not is_ordinary(bytes(data))
