"""TIFF as microscopes and cameras write it, by files that tifffile writes here."""

import io
import struct
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from smear.imaging.decode import ImageError, decode
from smear.imaging.picture import MAX_PICTURES
from smear.imaging.synthetic import field
from tests.data import pictures

SIDE = 96
LOSSLESS = {"webp": {"lossless": True, "level": 100}, "jpegxl": {"lossless": True}, 33005: {"level": 0}}


def tiff(values: np.ndarray, *more: np.ndarray, kind: dict[str, Any] | None = None, **options: Any) -> bytes:
    """Pages as TIFF; kind: what the file is told as a whole (bigtiff, byteorder, ome, imagej)."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **(kind or {})) as writer:
        for page in (values, *more):
            writer.write(page, **options)
    return buffer.getvalue()


def plain(values: np.ndarray, *more: np.ndarray, **options: Any) -> bytes:
    """Without the description by which tifffile knows its own files."""
    return tiff(values, *more, metadata=None, **options)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", SIDE)


@pytest.fixture(scope="module")
def deep(drawn: np.ndarray) -> np.ndarray:
    return drawn.astype(np.uint16) * 257


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data)
    return caught.value


# -- how the samples lie ---------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("tile", [None, (32, 48)])
@pytest.mark.parametrize(
    ("compression", "predictor"),
    [(None, 1), ("packbits", 1), *((name, predictor) for name in ("lzw", "deflate", "zstd") for predictor in (1, 2))],
)
def test_every_way_to_lay_samples_gives_the_very_pixels(
    drawn: np.ndarray, bits: int, planar: bool, tile: tuple[int, int] | None, compression: str | None, predictor: int
) -> None:
    values = drawn if bits == 8 else drawn.astype(np.uint16) * 257
    data = plain(
        np.moveaxis(values, -1, 0) if planar else values,
        photometric="rgb",
        planarconfig="separate" if planar else "contig",
        tile=tile,
        compression=compression,
        predictor=predictor if compression else None,
        rowsperstrip=None if tile else 17,
    )
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_classic_and_big_tiff_of_both_byte_orders(
    drawn: np.ndarray, byteorder: Any, bigtiff: bool, bits: int, compression: str | None
) -> None:
    values = drawn if bits == 8 else drawn.astype(np.uint16) * 257
    kind = {"byteorder": byteorder, "bigtiff": bigtiff}
    data = plain(values, kind=kind, photometric="rgb", compression=compression, predictor=2 if compression else None)
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@pytest.mark.parametrize(("bits", "step"), [(8, 1), (16, 257)])
@pytest.mark.parametrize("value", [0, 200, 255])
def test_an_extra_sample_that_is_no_alpha_is_left_out(drawn: np.ndarray, bits: int, step: int, value: int) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    extra = np.full((SIDE, SIDE, 1), value * step, dtype)
    data = plain(np.dstack([drawn.astype(dtype) * step, extra]), photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@pytest.mark.parametrize(("dtype", "step"), [(np.uint8, 1), (np.uint16, 257)])
def test_alpha_is_laid_over_white_whether_the_colours_hold_it_already_or_not(
    drawn: np.ndarray, dtype: Any, step: int
) -> None:
    alpha = np.tile(np.linspace(0, 1, SIDE), (SIDE, 1))[..., None]
    expected = 255 - (255 - drawn) * alpha
    stored = np.rint(alpha * 255).astype(dtype) * step
    apart = plain(np.dstack([drawn.astype(dtype) * step, stored]), photometric="rgb", extrasamples=["unassalpha"])
    times = np.rint(drawn * alpha).astype(dtype) * step
    held = plain(np.dstack([times, stored]), photometric="rgb", extrasamples=["assocalpha"])
    assert np.abs(decode(apart).rgb - expected).max() <= 2
    opaque = alpha[..., 0] > 0.1  # where nearly nothing is left, eight bits tell no colour
    assert np.abs(decode(held).rgb - expected)[opaque].max() <= 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_two_extra_samples_of_which_the_second_is_alpha(drawn: np.ndarray, dtype: Any) -> None:
    full = np.iinfo(dtype).max
    step = full // 255
    extras = np.zeros((SIDE, SIDE, 2), dtype)
    extras[: SIDE // 2, :, 1] = full
    data = plain(
        np.dstack([drawn.astype(dtype) * dtype(step), extras]),
        photometric="rgb",
        planarconfig="contig",
        extrasamples=["unspecified", "unassalpha"],
    )
    rgb = decode(data).rgb
    np.testing.assert_array_equal(rgb[: SIDE // 2], drawn[: SIDE // 2])
    assert (rgb[SIDE // 2 :] == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_either_way_round(dtype: Any) -> None:
    full = np.iinfo(dtype).max
    ramp = np.rint(np.linspace(0, full, SIDE * SIDE)).astype(dtype).reshape(SIDE, SIDE)
    black = decode(plain(ramp, photometric="minisblack", tile=(32, 32))).rgb
    white = decode(plain(full - ramp, photometric="miniswhite", tile=(32, 32))).rgb
    np.testing.assert_array_equal(black[..., 1], np.rint(ramp / (full / 255)))
    np.testing.assert_array_equal(white, black)


def test_white_is_zero_with_the_depth_that_the_values_use() -> None:
    ramp = np.rint(np.linspace(0, 4095, SIDE * SIDE)).astype(np.uint16).reshape(SIDE, SIDE)
    rgb = decode(plain(ramp, photometric="miniswhite")).rgb
    np.testing.assert_array_equal(rgb[..., 0], 255 - np.rint(ramp / (4095 / 255)))


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_samples(drawn: np.ndarray, bits: int) -> None:
    values = np.rint(drawn * ((2**bits - 1) / 255)).astype(np.uint16)
    rgb = decode(plain(values, photometric="rgb", bitspersample=bits)).rgb
    np.testing.assert_array_equal(rgb, drawn)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_sixteen_with_hot_pixels(drawn: np.ndarray, bits: int) -> None:
    values = np.rint(drawn * ((2**bits - 1) / 255)).astype(np.uint16)
    values[::40, ::40] = 65535
    picture = decode(plain(values, photometric="rgb"))
    cold = np.ones((SIDE, SIDE), bool)
    cold[::40, ::40] = False
    np.testing.assert_array_equal(picture.rgb[cold], drawn[cold])
    assert (picture.rgb[~cold] == 255).all()
    assert picture.notes == (f"Values of {bits} bits were scaled to 8 bits.",)


def test_a_small_part_that_is_bright_is_no_hot_pixel() -> None:
    values = np.full((SIDE, SIDE, 3), 3000, np.uint16)
    values[:4] = 60000
    assert decode(plain(values, photometric="rgb")).notes == ("Values of 16 bits were scaled to 8 bits.",)


def test_colours_by_a_palette_in_a_big_endian_big_tiff(drawn: np.ndarray) -> None:
    indexed = Image.fromarray(drawn).quantize(64)
    palette = np.zeros((3, 256), np.uint16)
    colours = np.array(indexed.getpalette(), np.uint16).reshape(-1, 3)
    palette[:, : len(colours)] = colours.T * 257
    data = plain(np.asarray(indexed), kind={"byteorder": ">", "bigtiff": True}, photometric="palette", colormap=palette)
    np.testing.assert_array_equal(decode(data).rgb, np.asarray(indexed.convert("RGB")))


@pytest.mark.parametrize(
    ("code", "pack"), [(1, bytes), (50000, imagecodecs.zstd_encode), (34925, imagecodecs.lzma_encode)]
)
def test_a_palette_of_four_bits(drawn: np.ndarray, code: int, pack: Any) -> None:
    """Whoever unpacks it: its values are numbers of colours, and not grey. By hand: tifffile writes no such file."""
    indexed = Image.fromarray(drawn).quantize(16)
    values, palette = np.asarray(indexed), np.zeros((16, 3), "<u2")
    colours = np.array(indexed.getpalette(), "<u2").reshape(-1, 3)[:16] * 257
    palette[: len(colours)] = colours
    pixels = pack((values[:, ::2] << 4 | values[:, 1::2]).astype(np.uint8).tobytes())
    short, long, tags = 3, 4, 10
    after = 8 + 2 + 12 * tags + 4  # the header and its directory
    directory = [
        (256, long, SIDE), (257, long, SIDE), (258, short, 4), (259, short, code), (262, short, 3),
        (273, long, after + palette.nbytes), (277, short, 1), (278, long, SIDE), (279, long, len(pixels)),
        (320, short, after),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag[:2], 48 if tag[0] == 320 else 1, tag[2]) for tag in directory)
    data = b"II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(4) + palette.T.tobytes() + pixels
    np.testing.assert_array_equal(decode(data).rgb, np.asarray(indexed.convert("RGB")))


def test_grey_with_associated_alpha(drawn: np.ndarray) -> None:
    """Alpha that the grey is told times of: over white, as that of colours."""
    grey, alpha = drawn[..., 1], np.full(drawn.shape[:2], 255, np.uint8)
    alpha[:, :20] = 0
    values = np.dstack([np.where(alpha > 0, grey, 0), alpha]).astype(np.uint8)
    rgb = decode(plain(values, photometric="minisblack", extrasamples=["assocalpha"])).rgb
    np.testing.assert_array_equal(rgb[..., 0], np.where(alpha > 0, grey, 255))


def test_cmyk_of_twelve_bits_in_sixteen() -> None:
    inks = np.zeros((32, 32, 4), np.uint16)
    inks[..., 1] = 2048
    inks[:8, :8, 3] = 4095
    picture = decode(plain(inks, photometric="separated"))
    assert np.abs(picture.rgb[-1, -1].astype(int) - (255, 127, 255)).max() <= 1
    assert picture.notes == ("Values of 12 bits were scaled to 8 bits.",)


def test_cmyk_of_sixteen_bits(drawn: np.ndarray) -> None:
    cmyk = Image.fromarray(drawn).convert("CMYK")
    data = plain(np.asarray(cmyk).astype(np.uint16) * 257, photometric="separated")
    np.testing.assert_array_equal(decode(data).rgb, np.asarray(cmyk.convert("RGB")))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_planar_pages(deep: np.ndarray, drawn: np.ndarray, orientation: int) -> None:
    from smear.imaging.picture import TURNS

    data = plain(
        np.moveaxis(deep, -1, 0)[:, :50],
        photometric="rgb",
        planarconfig="separate",
        extratags=[(274, "H", 1, orientation, True)],
    )
    np.testing.assert_array_equal(decode(data).rgb, TURNS[orientation](drawn[:50]))


# -- how they are compressed -----------------------------------------------------------------------


@pytest.mark.parametrize("tile", [None, (48, 48)])
@pytest.mark.parametrize(
    ("compression", "dtype"), [("jpeg2000", np.uint8), ("jpeg2000", np.uint16), ("jpegxr", np.uint8)]
)
def test_lossless_codecs_of_microscopes(drawn: np.ndarray, compression: str, dtype: Any, tile: Any) -> None:
    values = drawn.astype(dtype) * dtype(1 if dtype is np.uint8 else 257)
    arguments = {"reversible": True, "level": 0} if compression == "jpeg2000" else {"level": 1.0}
    data = plain(values, photometric="rgb", compression=compression, compressionargs=arguments, tile=tile)
    assert np.abs(decode(data).rgb.astype(int) - drawn).max() <= 1


@pytest.mark.parametrize("tile", [None, (48, 48)])
def test_jpeg_of_twelve_bits(drawn: np.ndarray, tile: Any) -> None:
    values = np.rint(drawn * (4095 / 255)).astype(np.uint16)
    data = plain(
        values, photometric="rgb", bitspersample=12, compression="jpeg", compressionargs={"level": 98}, tile=tile
    )
    assert np.abs(decode(data).rgb.astype(int) - drawn).mean() < 3


@pytest.mark.parametrize("tile", [None, (48, 48)])
def test_jpeg_of_eight_bits_in_a_big_endian_big_tiff(drawn: np.ndarray, tile: Any) -> None:
    kind = {"byteorder": ">", "bigtiff": True}
    data = plain(drawn, kind=kind, photometric="rgb", compression="jpeg", compressionargs={"level": 98}, tile=tile)
    assert np.abs(decode(data).rgb.astype(int) - drawn).mean() < 3


@pytest.mark.parametrize("tile", [None, (48, 48)])
@pytest.mark.parametrize("compression", ["webp", "jpegxl", 33005])
def test_webp_jpeg_xl_and_jpeg_2000_of_slide_scanners(drawn: np.ndarray, compression: Any, tile: Any) -> None:
    for values in (drawn, np.dstack([drawn, np.full(drawn.shape[:2], 255, np.uint8)])):
        extra = {"extrasamples": ["unassalpha"]} if values.shape[2] == 4 else {}
        data = plain(
            values,
            photometric="rgb",
            compression=compression,
            compressionargs=LOSSLESS[compression],
            tile=tile,
            **extra,
        )
        np.testing.assert_array_equal(decode(data).rgb, drawn)


def test_jpeg_xl_of_sixteen_bits(drawn: np.ndarray) -> None:
    data = plain(
        drawn.astype(np.uint16) * 257, photometric="rgb", compression="jpegxl", compressionargs=LOSSLESS["jpegxl"]
    )
    np.testing.assert_array_equal(decode(data).rgb, drawn)


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_aperio_keeps_jpeg_2000_in_ycbcr(drawn: np.ndarray, photometric: str) -> None:
    """Whatever the tag says, 33003 holds light and two colours."""
    apart = cv2.cvtColor(drawn, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    data = plain(np.ascontiguousarray(apart), photometric="rgb", compression=33003, compressionargs={"level": 0})
    if photometric == "ycbcr":
        tag = (262).to_bytes(2, "little") + (3).to_bytes(2, "little") + (1).to_bytes(4, "little")
        data = data.replace(tag + b"\2", tag + b"\6")
    assert np.abs(decode(data).rgb.astype(int) - drawn).max() <= 2


def test_fewer_colours_than_light_in_jpeg_2000_are_told(drawn: np.ndarray) -> None:
    data = plain(drawn, photometric="rgb", compression=33005)
    place = data.index(b"\xff\x4f\xff\x51") + 42 + 3
    error = refusal(data[:place] + b"\7\2\1" + data[place + 3 :])
    assert (error.code, "lower resolution" in error.text) == ("unsupported_mode", True)


@pytest.mark.parametrize("compression", ["lerc"])
def test_a_way_of_compressing_that_is_not_read_is_told(drawn: np.ndarray, compression: Any) -> None:
    data = plain(drawn, photometric="rgb", compression=compression)
    assert refusal(data).code == "unsupported_mode"
    assert "compressed in a way that is not read here" in refusal(data).text


def test_a_tile_that_holds_a_larger_picture_than_it_says_is_not_unpacked(drawn: np.ndarray) -> None:
    data = plain(drawn, photometric="rgb", compression="jpeg2000", compressionargs={"reversible": True})
    place = data.index(b"\xff\x4f\xff\x51") + 8
    bomb = data[:place] + (60_000).to_bytes(4, "big") * 2 + data[place + 8 :]
    assert refusal(bomb).code == "truncated"


# -- what is no colour -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@pytest.mark.parametrize("channels", [1, 3])
def test_signed_values_are_refused(dtype: Any, channels: int) -> None:
    values = np.zeros((SIDE, SIDE, channels), dtype).squeeze()
    error = refusal(plain(values, photometric="rgb" if channels == 3 else "minisblack"))
    assert error.code == "unsupported_mode"
    assert "signed values" in error.text


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("planar", [False, True])
def test_floats_are_refused(dtype: Any, planar: bool) -> None:
    values = np.zeros((3, SIDE, SIDE) if planar else (SIDE, SIDE, 3), dtype)
    data = plain(values, photometric="rgb", planarconfig="separate" if planar else "contig")
    assert refusal(data).code == "float_samples"


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_wider_integers_are_refused_with_their_bits(dtype: Any) -> None:
    error = refusal(plain(np.zeros((SIDE, SIDE), dtype), photometric="minisblack"))
    assert error.code == "unsupported_mode"
    assert f"{np.dtype(dtype).itemsize * 8} bits per sample" in error.text


# -- which pages are pictures ----------------------------------------------------------------------


def raw(thumbnail: np.ndarray | None, **options: Any) -> bytes:
    sensor = np.zeros((128, 128), np.uint16)
    tags = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True)]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        if thumbnail is not None:
            writer.write(thumbnail, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        writer.write(sensor, **({"photometric": "cfa", "extratags": tags, "metadata": None} | options))
    return buffer.getvalue()


def test_a_camera_raw_file_is_called_so(drawn: np.ndarray) -> None:
    for data in (raw(drawn), raw(None), raw(drawn, photometric="minisblack")):
        error = refusal(data)
        assert error.code == "format_not_accepted"
        assert error.text.startswith("This is a camera raw file. ")


def test_a_thumbnail_before_the_picture_is_not_the_picture(drawn: np.ndarray) -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(drawn[::4, ::4].copy(), photometric="rgb", subfiletype=1, metadata=None)
        writer.write(drawn, photometric="rgb", metadata=None)
    picture = decode(buffer.getvalue())
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.notes == ()


def test_the_full_picture_below_its_thumbnail(drawn: np.ndarray) -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(drawn[::4, ::4].copy(), photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        writer.write(drawn, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(decode(buffer.getvalue()).rgb, drawn)


@pytest.mark.parametrize("flag", [0, 1])
def test_smaller_copies_are_no_further_pages(drawn: np.ndarray, flag: int) -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(drawn, photometric="rgb", metadata=None)
        writer.write(drawn[::2, ::2].copy(), photometric="rgb", subfiletype=flag, metadata=None)
        writer.write(drawn[::4, ::4].copy(), photometric="rgb", subfiletype=flag, metadata=None)
    assert decode(buffer.getvalue()).notes == ()


@pytest.mark.parametrize("kind", ["ome", "imagej"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_channels_on_pages_of_their_own_are_one_picture(drawn: np.ndarray, kind: str, dtype: Any) -> None:
    values = drawn.astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    data = tiff(
        np.ascontiguousarray(np.moveaxis(values, -1, 0)),
        kind={kind: True},
        photometric="minisblack",
        metadata={"axes": "CYX"},
    )
    picture = decode(data)
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.notes[-1] == "Its three channels were read as red, green and blue."


@pytest.mark.parametrize(("axes", "kind"), [("ZCYX", "ome"), ("CZYX", "ome"), ("TCYX", "ome"), ("ZCYX", "imagej")])
def test_channels_of_several_fields(axes: str, kind: str) -> None:
    fields = np.stack([field(seed, "leukemic", SIDE) for seed in range(4)])
    pages = np.moveaxis(fields, -1, 1 if axes[1] == "C" else 0)
    data = tiff(np.ascontiguousarray(pages), kind={kind: True}, photometric="minisblack", metadata={"axes": axes})
    for page, expected in enumerate(fields):
        picture = decode(data, page)
        np.testing.assert_array_equal(picture.rgb, expected)
        assert picture.notes[0] == f"Page {page + 1} of 4 was read."
    with pytest.raises(ImageError, match="no page 5"):
        decode(data, 4)


def test_colour_pages_of_ome(drawn: np.ndarray) -> None:
    fields = np.stack([field(seed, "leukemic", SIDE) for seed in range(3)])
    data = tiff(fields, kind={"ome": True}, photometric="rgb", metadata={"axes": "ZYXS"})
    for page, expected in enumerate(fields):
        np.testing.assert_array_equal(decode(data, page).rgb, expected)


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_that_are_no_colours_are_told(channels: int) -> None:
    values = np.zeros((channels, SIDE, SIDE), np.uint8)
    data = tiff(values, kind={"ome": True}, photometric="minisblack", metadata={"axes": "CYX"})
    error = refusal(data)
    assert error.code == "separate_colours"
    assert f"{channels} channels on separate pages" in error.text


def test_grey_pages_of_which_nobody_says_what_they_are(drawn: np.ndarray) -> None:
    error = refusal(plain(*(np.ascontiguousarray(drawn[..., c]) for c in range(3)), photometric="minisblack"))
    assert error.code == "separate_colours"
    assert "kept on separate pages" in error.text


def test_a_description_that_names_other_files_opens_none(drawn: np.ndarray, tmp_path, monkeypatch) -> None:
    (tmp_path / "secret.ome.tif").write_bytes(tiff(drawn, kind={"ome": True}, photometric="rgb"))
    monkeypatch.chdir(tmp_path)
    data = tiff(drawn, kind={"ome": True}, photometric="rgb")
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        text = tif.pages[0].tags["ImageDescription"].value
    assert "TiffData" in text
    named = text.replace("<TiffData ", '<TiffData FirstZ="0" ').replace("UUID=", "UUID=", 1)
    named = named.replace("</TiffData>", '<UUID FileName="secret.ome.tif">urn:uuid:1</UUID></TiffData>')
    again = plain(255 - drawn, photometric="rgb", description=named)
    np.testing.assert_array_equal(decode(again).rgb, 255 - drawn)


def test_a_whole_slide_says_what_to_do(drawn: np.ndarray) -> None:
    data = plain(drawn, photometric="rgb", tile=(48, 48), description="Aperio Image Library v11.2.1 \r\n96x96")
    error = refusal(data)
    assert error.code == "format_not_accepted"
    assert error.text.startswith("This is a whole slide. Whole slides are not read yet. Export the field")


# -- what is wrong with it -------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "jpeg2000"])
@pytest.mark.parametrize("planar", [False, True])
def test_a_file_that_ends_early_is_damaged(deep: np.ndarray, compression: str | None, planar: bool) -> None:
    values = np.moveaxis(deep, -1, 0) if planar else deep
    kind = {"photometric": "rgb", "planarconfig": "separate" if planar else "contig", "compression": compression}
    data = plain(values, **kind)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        end = max(a + b for a, b in zip(tif.pages[0].dataoffsets, tif.pages[0].databytecounts, strict=True))
    assert refusal(data[: end - 40]).code == "truncated"


def test_a_strip_that_is_not_there_is_damage_and_not_black(deep: np.ndarray) -> None:
    data = bytearray(plain(deep, photometric="rgb", rowsperstrip=16, compression="lzw"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        counts = tif.pages[0].tags["StripByteCounts"]
        place, size = counts.valueoffset, 4 if counts.dtype == 4 else 2
    data[place : place + size] = bytes(size)
    assert refusal(bytes(data)).code == "truncated"


def test_ten_thousand_pages_cost_little() -> None:
    import time

    page = pictures.tiff_of(np.zeros((16, 16, 3), np.uint8))
    start = int.from_bytes(page[4:8], "little")
    length = len(page) - start
    data = bytearray(page)
    end = start + 2 + 12 * int.from_bytes(page[start : start + 2], "little")
    for number in range(1, 10_000):  # the same directory again and again, each at a place of its own
        place = len(data)
        previous = start if number == 1 else place - length
        data[previous + (end - start) : previous + (end - start) + 4] = place.to_bytes(4, "little")
        data += page[start:]
    started = time.process_time()
    picture = decode(bytes(data))
    assert time.process_time() - started < 2
    assert picture.notes == (f"Page 1 of more than {MAX_PICTURES} was read.",)


def test_jpeg_xr_tells_its_size(drawn: np.ndarray) -> None:
    from smear.imaging.formats.tiff import _declared

    assert _declared(imagecodecs.jpegxr_encode(drawn[:64])) == (SIDE, 64)
    assert _declared(imagecodecs.jpeg2k_encode(drawn[:64])) == (SIDE, 64)
    assert _declared(imagecodecs.jpeg_encode(drawn[:64])) == (SIDE, 64)
    assert _declared(b"\0" * 40) == (0, 0)
