"""Small files that declare the most that a picture may have, and photographs that are as large as one may be.

Each is a function that makes the file, for some take a second; READ says which of them are read.
"""

import io
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pillow_heif
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset

from tests.data import pictures

SIDE = 10_950  # nearly the most pixels, as a square


def flat(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 200, np.uint8)


def png(colour: int, interlaced: bool = False, side: int = SIDE, bits: int = 8) -> bytes:
    """Return a black PNG that holds what it declares."""
    row = bytes(1 + side * {0: 1, 2: 3, 3: 1, 6: 4}[colour] * bits // 8)
    more = bytes(2 * side) if interlaced else b""  # each of its passes has beginnings of rows
    packer = zlib.compressobj(1)
    pixels = b"".join([*(packer.compress(row) for _ in range(side)), packer.compress(more), packer.flush()])
    data = pictures.png_of(b"", side, side, bits, colour)
    begin = data.index(b"IDAT") - 4
    header = bytearray(data[:begin])
    header[28] = interlaced
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    chunk = b"IDAT" + pixels
    return bytes(header) + len(pixels).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[-12:]


def tiff(side: int, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, flat(side, side), photometric="rgb", **({"compression": "zlib"} | options))
    return file.getvalue()


def deep_tiff(side: int) -> bytes:
    """Return a TIFF of 16 bits in strips of one row."""
    file = io.BytesIO()
    values = np.full((side, side, 3), 40_000, np.uint16)
    tifffile.imwrite(file, values, photometric="rgb", compression="zlib", rowsperstrip=1)
    return file.getvalue()


def many_tags() -> bytes:
    """Return a TIFF whose directories are as long as they may be, one after the other without end."""
    tags = b"".join(
        tag.to_bytes(2, "little") + b"\2\0" + (2**26).to_bytes(4, "little") + b"\0" * 4 for tag in range(65_535)
    )
    one = 2 + len(tags) + 4
    pages = [
        (65_535).to_bytes(2, "little") + tags + (8 + (number + 1) * one).to_bytes(4, "little") for number in range(40)
    ]
    return b"II*\0" + (8).to_bytes(4, "little") + b"".join(pages)


def jpeg(progressive: bool = False, subsampling: int = 0, side: int = SIDE) -> bytes:
    return pictures.file(flat(side, side), "JPEG", progressive=progressive, subsampling=subsampling)


def photograph(width: int = 12_000, height: int = 9_000, turned: bool = False) -> bytes:
    """Return the largest picture of a telephone: noise, which packs worst, perhaps lying on its side."""
    part = np.random.default_rng(0).normal(160, 18, (height // 9, width, 3)).clip(0, 255).astype(np.uint8)
    exif = Image.Exif()
    if turned:
        exif[274] = 6
    file = io.BytesIO()
    Image.fromarray(np.tile(part, (9, 1, 1))).save(file, "JPEG", quality=78, subsampling=2, exif=exif)
    return file.getvalue()


def heic(width: int, height: int) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (width, height), "pink")).save(file, quality=30)
    return file.getvalue()


def avif(width: int, height: int) -> bytes:
    return pictures.file(flat(width, height), "AVIF", quality=30, speed=10)


def dicom(side: int, syntax: str, pixels: bytes, bits: int = 8) -> bytes:
    """Return a DICOM of one encapsulated frame."""
    header = FileMetaDataset()
    header.TransferSyntaxUID = pydicom.uid.UID(syntax)
    header.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    header.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = FileDataset("", {}, file_meta=header, preamble=bytes(128))
    data.SOPClassUID, data.Rows, data.Columns = header.MediaStorageSOPClassUID, side, side
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, 0
    data.PixelData = pydicom.encaps.encapsulate([pixels])
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


MAKE: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: png(2),
    "PNG in grey": lambda: png(0),
    "PNG with alpha": lambda: png(6),
    "PNG, interlaced": lambda: png(2, interlaced=True),
    "PNG of 16 bits": lambda: png(2, side=8_940, bits=16),
    "JPEG": jpeg,
    "JPEG, progressive": lambda: jpeg(progressive=True),
    "JPEG, progressive, half the colours": lambda: jpeg(progressive=True, subsampling=2, side=9_000),
    "JPEG-LS": lambda: imagecodecs.jpegls_encode(flat(7_000, 7_000)) + bytes(100_000),
    "JPEG of a telephone": photograph,
    "JPEG of a telephone, turned": lambda: photograph(turned=True),
    "WebP": lambda: imagecodecs.webp_encode(flat(16_000, 7_500), lossless=True, method=0),
    "WebP, smaller": lambda: imagecodecs.webp_encode(flat(16_000, 4_500), lossless=True, method=0),
    "TIFF in one strip": lambda: tiff(SIDE, rowsperstrip=SIDE),
    "TIFF in one strip, smaller": lambda: tiff(7_000, rowsperstrip=7_000),
    "TIFF of 16 bits in rows": lambda: deep_tiff(6_000),
    "TIFF of endless tags": many_tags,
    "JPEG 2000": lambda: imagecodecs.jpeg2k_encode(flat(6_000, 6_000)),
    "JPEG 2000, smaller": lambda: imagecodecs.jpeg2k_encode(flat(4_000, 4_000)),
    "HEIC": lambda: heic(10_000, 9_000),
    "HEIC, smaller": lambda: heic(8_064, 6_048),
    "AVIF": lambda: avif(10_000, 9_000),
    "AVIF, smaller": lambda: avif(7_000, 7_000),
    "DICOM": lambda: dicom(SIDE, "1.2.840.10008.1.2.4.50", jpeg()),
    "DICOM, smaller": lambda: dicom(4_500, "1.2.840.10008.1.2.4.50", jpeg(side=4_500)),
}
READ = frozenset(
    {
        "PNG",
        "PNG in grey",
        "JPEG",
        "JPEG, progressive, half the colours",
        "JPEG-LS",
        "JPEG of a telephone",
        "JPEG of a telephone, turned",
        "WebP, smaller",
        "TIFF in one strip, smaller",
        "TIFF of 16 bits in rows",
        "JPEG 2000, smaller",
        "HEIC, smaller",
        "AVIF, smaller",
        "DICOM, smaller",
    }
)
