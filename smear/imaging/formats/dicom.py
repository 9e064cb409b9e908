"""DICOM as microscopes and clinical cameras write it: the pixels and nothing else; no identifier leaves this module.

What pydicom unpacks with further libraries only, as JPEG-LS, lossless and 12-bit JPEG, is left to imagecodecs.
"""

from __future__ import annotations

import io
import logging
import warnings

import cv2
import imagecodecs
import numpy as np
from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from smear.arrays import Array
from smear.imaging import file_signatures
from smear.imaging.bit_depth import depth_of
from smear.imaging.formats import jpeg, jpeg2000
from smear.imaging.picture import (
    ImageError,
    Picture,
    animated,
    check_memory,
    check_size,
    damaged,
    no_such_page,
    page_note,
    picture,
    unsupported,
)
from smear.imaging.samples import Samples, to_rgb

_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_VIDEOS = frozenset(
    {"1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.2.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1"}
)
_VIDEO_SYNTAXES = "1.2.840.10008.1.2.4.10"  # MPEG-2, MPEG-4 and HEVC are numbered from 100
_DEFLATED = b"1.2.840.10008.1.2.1.99"  # the transfer syntax, as the file's header names it
_BY_IMAGECODECS = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (51, 57, 70, 80, 81))
_JPEG_2000 = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
_NO_PIXELS = "This DICOM file holds no picture, only its description. Export the field itself and upload that."
_UNPACKED = 6  # times the bytes of its samples that a frame takes while pydicom unpacks it
_YBR = ("YBR_FULL", "YBR_FULL_422")

# Its messages quote values, and people's names and birth dates are among those: none of them reaches a log.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


def read(data: bytes, page: int = 0) -> Picture:
    """Read one frame of a DICOM file, from 0."""
    header = _header(data)
    frames = _frames(header)
    if page >= frames:
        raise no_such_page(page)
    samples, notes = _samples(header, page)
    rgb, more = to_rgb(samples)
    return picture(rgb, "DICOM", [page_note(page, frames), *notes, *more])


def count(data: bytes) -> int:
    """Return how many frames a DICOM file has; ImageError where it is none that is read."""
    try:
        return _frames(_header(data))
    except ImageError:
        raise
    except Exception as error:  # values are read only when they are asked for, and so is damage to them found
        raise damaged("DICOM") from error


def _header(data: bytes) -> FileDataset:
    """Return the file's elements, of a kind that is read and of a size that may be unpacked."""
    # As for Pillow: a filter that is added again does nothing, and threads do not meet in it.
    warnings.filterwarnings("ignore", module=r"pydicom\.")
    if _DEFLATED in data:  # pydicom would unpack it at once, however large it becomes
        raise unsupported("DICOM", "This DICOM file is compressed as a whole, which is not read here.")
    try:
        dataset = dcmread(io.BytesIO(data))
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    except Exception as error:  # whatever a damaged file drives it to
        raise damaged("DICOM") from error
    kind = str(dataset.get("SOPClassUID", ""))
    if kind == _WHOLE_SLIDE:
        raise ImageError("format_not_accepted", file_signatures.refusal("a whole slide"))
    if kind in _VIDEOS or syntax.startswith(_VIDEO_SYNTAXES):
        raise animated("This is a video.")
    if "PixelData" not in dataset:
        if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
            raise unsupported("DICOM", "This DICOM file holds floating-point values.")
        raise ImageError("no_pixels", _NO_PIXELS)
    width, height = _number(dataset, "Columns"), _number(dataset, "Rows")
    check_size(
        width, height, _number(dataset, "SamplesPerPixel", 1) * max(1, _number(dataset, "BitsAllocated", 8) // 8)
    )
    if _number(dataset, "PixelRepresentation") or _number(dataset, "BitsAllocated", 8) not in (8, 16):
        raise unsupported("DICOM", "This DICOM file holds signed values, or more than 16 bits per sample.")
    if _number(dataset, "SamplesPerPixel", 1) not in (1, 3):
        raise unsupported("DICOM")
    return dataset


def _frames(dataset: Dataset) -> int:
    return max(1, _number(dataset, "NumberOfFrames", 1))


def _samples(dataset: FileDataset, page: int) -> tuple[Samples, list[str]]:
    """Return the samples of one frame."""
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
    values = _values(dataset, page, photometric)
    stored = _number(dataset, "BitsStored", 8)
    depth = stored if 8 <= stored < 16 else None  # of 16 the header does not tell: cameras write fewer
    profile = _profile(dataset)
    if photometric == "PALETTE COLOR":
        if values.shape[2] != 1:
            raise damaged("DICOM")
        try:
            colours = apply_color_lut(values[..., 0], dataset)
        except Exception as error:  # a palette that is missing or too short
            raise damaged("DICOM") from error
        return Samples(np.ascontiguousarray(colours[..., :3]), depth=16, profile=profile), []
    if photometric not in ("MONOCHROME1", "MONOCHROME2", "RGB", *_YBR, "YBR_ICT", "YBR_RCT"):
        raise unsupported("DICOM")
    if photometric == "MONOCHROME1":
        depth = depth or (depth_of(values) if values.dtype == np.uint16 else 8)
        largest = 2**depth - 1
        values = (largest - np.minimum(values, largest)).astype(values.dtype)
    return Samples(np.ascontiguousarray(values), depth=depth, profile=profile), []


def _values(dataset: FileDataset, page: int, photometric: str) -> Array:
    """Return the values of one frame as RGB or one channel, uint8 or uint16 (H, W, 1 or 3)."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax in _BY_IMAGECODECS | _JPEG_2000:
        values = _by_imagecodecs(dataset, page, syntax, photometric)
    else:
        check_memory(_UNPACKED * _size_of(dataset) * max(1, _number(dataset, "BitsAllocated", 8) // 8))
        try:
            values = pixel_array(dataset, index=page)
        except (NotImplementedError, RuntimeError, AttributeError) as error:
            if isinstance(error, AttributeError) or UID(syntax).is_encapsulated is False:
                raise damaged("DICOM") from error
            raise unsupported("DICOM", "This DICOM file is compressed in a way that is not read here.") from error
        values = values.reshape(*values.shape[:2], -1)
    size = (_number(dataset, "Rows"), _number(dataset, "Columns"), _number(dataset, "SamplesPerPixel", 1))
    if values.shape != size or values.dtype not in (np.uint8, np.uint16):
        raise damaged("DICOM")
    return values


def _size_of(dataset: FileDataset) -> int:
    """Return how many samples a frame has."""
    return _number(dataset, "Rows") * _number(dataset, "Columns") * _number(dataset, "SamplesPerPixel", 1)


def _by_imagecodecs(dataset: FileDataset, page: int, syntax: str, photometric: str) -> Array:
    frames = generate_frames(dataset.PixelData, number_of_frames=_frames(dataset))
    stream = next((frame for number, frame in enumerate(frames) if number == page), b"").rstrip(b"\0")
    if syntax in _JPEG_2000:
        codestream = jpeg2000.header(stream)
        size = (_number(dataset, "Columns"), _number(dataset, "Rows"))
        if codestream is None or (codestream.width, codestream.height) != size:
            raise damaged("DICOM")
        return jpeg2000.decode(stream, codestream)
    header = jpeg.frame(stream)
    if header is None or (header.width, header.height) != (_number(dataset, "Columns"), _number(dataset, "Rows")):
        raise damaged("DICOM")
    if header.bits == 8 and not jpeg.is_special(header):
        return imagecodecs.jpeg8_decode(stream, outcolorspace="rgb" if header.components == 3 else None).reshape(
            header.height, header.width, -1
        )
    values = jpeg.decode(stream, header)
    if photometric in _YBR and values.dtype == np.uint8 and values.shape[2] == 3:
        values = cv2.cvtColor(np.ascontiguousarray(values[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    return values


def _profile(dataset: Dataset) -> bytes:
    """Return the ICC profile of the picture or, as microscopes write it, of its optical path."""
    paths = dataset.get("OpticalPathSequence") or []
    for holder in (dataset, *list(paths)[:1]):
        profile = holder.get("ICCProfile")
        if isinstance(profile, bytes):
            return profile
    return b""


def _number(dataset: Dataset, name: str, default: int = 0) -> int:
    try:
        return int(dataset.get(name, default) or default)
    except (TypeError, ValueError):
        return default
