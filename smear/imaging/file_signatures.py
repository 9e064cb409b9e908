"""What a file is by its first bytes, so that one that is not read can be called by its name."""

# How the files that are read are called; whoever walks a folder takes these.
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

# Offset, bytes, and what they begin; the first match counts.
BEGINNINGS = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "a GIF"),
    (0, b"%PDF", "a PDF document"),
    (128, b"DICM", "a DICOM file"),
    (4, b"ftyphei", "an HEIC photo"),
    (4, b"ftyphev", "an HEIC photo"),
    (4, b"ftypmif1", "an HEIC photo"),
    (4, b"ftypmsf1", "an HEIC photo"),
    (4, b"ftypavi", "an AVIF image"),
    (4, b"ftyp", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"ZISRAWFILE", "a Zeiss CZI file"),
    (0, b"\xda\xce\xbe\n", "a Nikon ND2 file"),
    (0, b"\x70\0\0\0", "a Leica LIF file"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
)
_MARKUP = (b"<svg", b"<?xml", b"<!--", b"<!doctype svg")
_HEAD = 1024  # where markup must show what it is


def recognise(data: bytes) -> str:
    """JPEG, PNG, BMP, TIFF or WEBP; a name with its article ("a GIF") for another known kind; "" if unknown.

    A name or a suffix plays no part, and nothing is parsed: a damaged file is what its beginning says.
    """
    for offset, beginning, name in BEGINNINGS:
        if data.startswith(beginning, offset):
            return name
    text = data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP) and b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return ""
