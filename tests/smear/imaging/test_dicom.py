"""DICOM as microscopes and clinical cameras write it, and that nothing of a person leaves the reader."""

import io
import logging
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from smear.imaging.colour_profile import CONVERTED
from smear.imaging.containers import open_file
from smear.imaging.decode import ImageError, decode
from smear.imaging.synthetic import field
from tests.smear.imaging.test_colour_profile import PROFILES, stored_in

MICROSCOPIC, PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.2", "1.2.840.10008.5.1.4.1.1.77.1.4"
WHOLE_SLIDE, VIDEO = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.77.1.2.1"
PERSON = "Miller^Jane"
SIDE = 96


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return field(3, "leukemic", SIDE)


def dicom(
    frames: Any = None, syntax: UID = ExplicitVRLittleEndian, kind: str = MICROSCOPIC, bits: int = 8, **elements: Any
) -> bytes:
    """frames: the pixels' bytes, or a list of compressed frames; elements: more, or others."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(kind), generate_uid()
    meta.TransferSyntaxUID = syntax
    found = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    found.SOPClassUID, found.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    found.PatientName, found.PatientID, found.PatientBirthDate = PERSON, "1234567", "19610203"
    found.Rows = found.Columns = SIDE
    found.SamplesPerPixel, found.PhotometricInterpretation, found.PlanarConfiguration = 3, "RGB", 0
    found.BitsAllocated = 8 if bits == 8 else 16
    found.BitsStored, found.HighBit, found.PixelRepresentation = bits, bits - 1, 0
    for name, value in elements.items():
        setattr(found, name, value)
    if frames is not None:
        found.PixelData = encapsulate(frames) if isinstance(frames, list) else frames
        if isinstance(frames, list):
            found["PixelData"].is_undefined_length = True
            found["PixelData"].VR = "OB"
        else:
            found["PixelData"].VR = "OB" if bits == 8 else "OW"
    buffer = io.BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data)
    assert PERSON not in caught.value.text
    return caught.value


# -- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [MICROSCOPIC, PHOTOGRAPHIC, "1.2.840.10008.5.1.4.1.1.77.1.3", "1.2.840.10008.5.1.4.1.1.7"]
)
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("planar", [0, 1])
def test_plain_pixels(drawn: np.ndarray, kind: str, syntax: UID, planar: int) -> None:
    values = np.moveaxis(drawn, -1, 0) if planar else drawn
    picture = decode(dicom(values.tobytes(), syntax, kind, PlanarConfiguration=planar))
    np.testing.assert_array_equal(picture.rgb, drawn)
    assert picture.format == "DICOM"
    assert picture.notes == ()


@pytest.mark.parametrize("bits", [12, 16])
def test_grey_of_more_bits_either_way_round(bits: int) -> None:
    ramp = np.rint(np.linspace(0, 2**bits - 1, SIDE * SIDE)).astype("<u2").reshape(SIDE, SIDE)
    grey = {"SamplesPerPixel": 1, "bits": bits}
    black = decode(dicom(ramp.tobytes(), PhotometricInterpretation="MONOCHROME2", **grey)).rgb
    white = decode(dicom(ramp.tobytes(), PhotometricInterpretation="MONOCHROME1", **grey)).rgb
    np.testing.assert_array_equal(black[..., 1], np.rint(ramp / ((2**bits - 1) / 255)))
    np.testing.assert_array_equal(white, 255 - black)


def test_ybr(drawn: np.ndarray) -> None:
    ybr = np.asarray(Image.fromarray(drawn).convert("YCbCr"))
    picture = decode(dicom(ybr.tobytes(), PhotometricInterpretation="YBR_FULL"))
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 3


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette(drawn: np.ndarray, bits: int) -> None:
    indexed = Image.fromarray(drawn).quantize(64)
    colours = np.zeros((256, 3), np.uint16)
    given = np.array(indexed.getpalette(), np.uint16).reshape(-1, 3)
    colours[: len(given)] = given * 257
    palettes: dict[str, Any] = {}
    for number, name in enumerate(("Red", "Green", "Blue")):
        values = colours[:, number] if bits == 16 else (colours[:, number] >> 8).astype(np.uint8)
        palettes[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        palettes[f"{name}PaletteColorLookupTableData"] = values.tobytes()
    data = dicom(
        np.asarray(indexed).tobytes(), SamplesPerPixel=1, PhotometricInterpretation="PALETTE COLOR", **palettes
    )
    np.testing.assert_array_equal(decode(data).rgb, np.asarray(indexed.convert("RGB")))


def test_a_palette_that_is_missing_is_damage(drawn: np.ndarray) -> None:
    values = np.ascontiguousarray(drawn[..., 0])
    data = dicom(values.tobytes(), SamplesPerPixel=1, PhotometricInterpretation="PALETTE COLOR")
    assert refusal(data).code == "truncated"


@pytest.mark.parametrize(
    ("syntax", "encode", "photometric"),
    [
        (JPEG2000Lossless, lambda rgb: imagecodecs.jpeg2k_encode(rgb, reversible=True, codecformat="j2k"), "RGB"),
        (JPEG2000Lossless, lambda rgb: imagecodecs.jpeg2k_encode(rgb, reversible=True, codecformat="j2k"), "YBR_RCT"),
        (JPEGLSLossless, imagecodecs.jpegls_encode, "RGB"),
        (JPEGBaseline8Bit, lambda rgb: imagecodecs.jpeg_encode(rgb, level=97), "YBR_FULL_422"),
    ],
)
def test_compressed_pixels(drawn: np.ndarray, syntax: UID, encode: Any, photometric: str) -> None:
    picture = decode(dicom([encode(drawn)], syntax, PhotometricInterpretation=photometric))
    difference = np.abs(picture.rgb.astype(int) - drawn)
    assert difference.mean() < 3 if syntax == JPEGBaseline8Bit else difference.max() == 0


def test_a_codec_that_gives_rgb_is_not_converted_once_more(drawn: np.ndarray) -> None:
    """JPEG Extended may hold 8 bits, which are then unpacked as baseline's are."""
    stream = imagecodecs.jpeg_encode(drawn, level=97)
    baseline = decode(dicom([stream], JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL_422")).rgb
    extended = decode(dicom([stream], JPEGExtended12Bit, PhotometricInterpretation="YBR_FULL_422")).rgb
    assert np.abs(extended.astype(int) - baseline).max() <= 8
    lossless = imagecodecs.jpegls_encode(np.asarray(Image.fromarray(drawn).convert("YCbCr")))
    stored = decode(dicom([lossless], JPEGLSLossless, PhotometricInterpretation="YBR_FULL")).rgb
    assert np.abs(stored.astype(int) - drawn).max() <= 3


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_twelve_bits_in_sixteen_are_told_by_the_values(photometric: str) -> None:
    """As in TIFF: a camera that writes 12 bits and says 16 has no black picture."""
    ramp = np.rint(np.linspace(0, 4095, SIDE * SIDE)).astype("<u2").reshape(SIDE, SIDE)
    picture = decode(dicom(ramp.tobytes(), SamplesPerPixel=1, PhotometricInterpretation=photometric, bits=16))
    right = np.rint(ramp / (4095 / 255))
    np.testing.assert_array_equal(picture.rgb[..., 0], right if photometric == "MONOCHROME2" else 255 - right)
    assert picture.notes == ("Values of 12 bits were scaled to 8 bits.",)


def test_run_lengths(drawn: np.ndarray) -> None:
    found = dcmread(io.BytesIO(dicom(drawn.tobytes())))
    found.compress(RLELossless)
    buffer = io.BytesIO()
    found.save_as(buffer)
    np.testing.assert_array_equal(decode(buffer.getvalue()).rgb, drawn)


def test_twelve_bit_and_lossless_jpeg() -> None:
    ramp = np.rint(np.linspace(0, 4095, SIDE * SIDE)).astype(np.uint16).reshape(SIDE, SIDE)
    grey = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "bits": 12}
    right = np.rint(ramp / (4095 / 255))
    lossless = dicom([imagecodecs.ljpeg_encode(ramp, bitspersample=12)], JPEGLosslessSV1, **grey)
    np.testing.assert_array_equal(decode(lossless).rgb[..., 0], right)
    lossy = dicom([imagecodecs.jpeg_encode(ramp, bitspersample=12, level=98)], JPEGExtended12Bit, **grey)
    assert np.abs(decode(lossy).rgb[..., 0] - right).max() <= 2


@pytest.mark.parametrize("nested", [False, True])
def test_a_profile_of_the_picture_or_of_its_optical_path(drawn: np.ndarray, nested: bool) -> None:
    profile = PROFILES["Adobe RGB"]
    stored = stored_in(drawn, profile).tobytes()
    if nested:
        path = Dataset()
        path.ICCProfile = profile
        data = dicom(stored, OpticalPathSequence=[path])
    else:
        data = dicom(stored, ICCProfile=profile)
    picture = decode(data)
    assert np.abs(picture.rgb.astype(int) - drawn).max() <= 3
    assert picture.notes == (CONVERTED,)


@pytest.mark.parametrize("compressed", [False, True])
def test_every_frame_is_a_picture(compressed: bool) -> None:
    fields = [field(seed, "sparse", SIDE) for seed in range(3)]
    if compressed:
        data = dicom([imagecodecs.jpegls_encode(one) for one in fields], JPEGLSLossless, NumberOfFrames=3)
    else:
        data = dicom(b"".join(one.tobytes() for one in fields), NumberOfFrames=3)
    pages = list(open_file(data, "a.dcm").pictures)
    for one, right in zip(pages, fields, strict=True):
        np.testing.assert_array_equal(one.decode().rgb, right)
    assert pages[1].decode().notes == ("Page 2 of 3 was read.",)


# -- what is refused -------------------------------------------------------------------------------


def test_no_pixels() -> None:
    error = refusal(dicom())
    assert error.code == "no_pixels"
    assert error.text.startswith("This DICOM file holds no picture")


def test_a_whole_slide_and_a_video(drawn: np.ndarray) -> None:
    assert refusal(dicom(drawn.tobytes(), kind=WHOLE_SLIDE)).text.startswith("This is a whole slide.")
    assert refusal(dicom(drawn.tobytes(), kind=VIDEO)).text.startswith("This is a video.")


def test_one_that_is_compressed_as_a_whole_is_not_unpacked(drawn: np.ndarray) -> None:
    error = refusal(dicom(bytes(SIDE * SIDE * 3), DeflatedExplicitVRLittleEndian))
    assert error.code == "unsupported_mode"
    assert "compressed as a whole" in error.text


def test_signed_values(drawn: np.ndarray) -> None:
    data = dicom(drawn.tobytes(), PixelRepresentation=1)
    assert refusal(data).code == "unsupported_mode"


def test_a_size_that_declares_gigabytes(drawn: np.ndarray) -> None:
    assert refusal(dicom(drawn.tobytes(), Rows=60_000, Columns=60_000)).code == "too_many_pixels"


def test_pixels_that_are_too_few(drawn: np.ndarray) -> None:
    assert refusal(dicom(drawn.tobytes()[:1000])).code == "truncated"
    assert refusal(dicom([imagecodecs.jpegls_encode(drawn[:64])], JPEGLSLossless)).code == "truncated"
    assert refusal(dicom([b"\xff\xd8\xff"], JPEGLSLossless)).code == "truncated"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9])
def test_any_cut_is_refused(drawn: np.ndarray, share: float) -> None:
    data = dicom(drawn.tobytes())
    refusal(data[: int(len(data) * share)])


def test_damage_is_found_wherever_it_is_asked_for(drawn: np.ndarray) -> None:
    data = bytearray(dicom(drawn.tobytes()))
    place = data.index(b"\x08\0\x16\0UI") + 4  # the kind of file, in the data set
    data[place : place + 2] = b"U\x01"
    assert [one.error is None for one in open_file(bytes(data)).pictures] == [True]
    assert refusal(bytes(data)).code in ("truncated", "no_pixels")


# -- whose it is -----------------------------------------------------------------------------------


def test_nothing_of_the_person_is_said_or_logged(drawn: np.ndarray, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    whole = dicom(drawn.tobytes())
    rng = np.random.default_rng(4)
    for _ in range(150):
        damaged = bytearray(whole[: int(rng.integers(200, len(whole)))])
        for place in rng.integers(132, min(len(damaged), 1500), 3):
            damaged[place] = int(rng.integers(0, 256))
        try:
            said = " ".join(decode(bytes(damaged)).notes)
        except ImageError as error:
            said = error.text
        assert "Miller" not in said
    spoken = caplog.text + "".join(capfd.readouterr())
    assert "Miller" not in spoken
    assert "1234567" not in spoken
    assert "19610203" not in spoken
