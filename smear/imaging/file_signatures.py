"""What a file is by its first bytes, so that one that is not read can be called by its name."""

# How the files that are read are called; whoever walks a folder takes these.
SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jfif",
        ".png",
        ".bmp",
        ".tif",
        ".tiff",
        ".webp",
        ".heic",
        ".heif",
        ".avif",
        ".dcm",
        ".jp2",
        ".j2k",
        ".j2c",
        ".jpc",
        ".jpf",
        ".jpx",
    }
)
ARCHIVE_SUFFIX = ".zip"

# The formats that are read, and the archive of pictures.
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "HEIC", "AVIF", "JPEG 2000", "DICOM")
ARCHIVE = "ZIP"
# What lies beside pictures, in their archives and folders, and is none.
DOCUMENTS = frozenset({"a PDF document", "an office document", "a PostScript document", "a web page", "an icon"})

# Offset, bytes, and what they begin; the first match counts.
BEGINNINGS = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"BM", "BMP"),
    (8, b"CR\x02", "a camera raw file"),  # Canon's, in the frame of a TIFF
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WEBP"),
    (128, b"DICM", "DICOM"),
    (0, b"PK\x03\x04", ARCHIVE),
    (0, b"PK\x05\x06", ARCHIVE),  # an empty one
    (0, b"GIF8", "a GIF"),
    (0, b"%PDF", "a PDF document"),
    (0, b"IIRO", "a camera raw file"),
    (0, b"IIRS", "a camera raw file"),
    (0, b"MMOR", "a camera raw file"),
    (0, b"IIU\0", "a camera raw file"),
    (0, b"FUJIFILMCCD-RAW", "a camera raw file"),
    (0, b"FOVb", "a camera raw file"),
    (0, b"\0MRM", "a camera raw file"),
    (6, b"HEAPCCDR", "a camera raw file"),
    (4, b"ftyp", "a video"),  # unless its brands say otherwise
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"\0\0\x01\xba", "a video"),
    (0, b"\0\0\x01\xb3", "a video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video"),
    (0, b"FLV\1", "a video"),
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (4, b"wide", "a video"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"II\xbc\x01", "a JPEG XR image"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"ZISRAWFILE", "a Zeiss CZI file"),
    (0, b"\xda\xce\xbe\n", "a Nikon ND2 file"),
    (0, b"\x70\0\0\0", "a Leica LIF file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
)
_MARKUP = (b"<svg", b"<?xml", b"<!--", b"<!doctype svg")
HEAD = 1024  # bytes by which a file is known; where markup must show what it is
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # bytes, of the versions that there are

# The brands of the ISO base media file format, in which photos and videos look alike.
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis"})
_AVIF = frozenset({b"avif"})
_SEQUENCES = {
    b"hevc": "a sequence of HEIC photos", b"hevx": "a sequence of HEIC photos", b"hevm": "a sequence of HEIC photos",
    b"hevs": "a sequence of HEIC photos", b"msf1": "a sequence of HEIC photos", b"avis": "a sequence of AVIF images",
}  # fmt: skip
_STILL = frozenset({b"mif1", b"mif2", b"miaf", b"MiHE", b"MiHA", b"MiHB"})

_FIELD = "Export the field to be read as TIFF or JPEG and upload that."
_ONE = "Save the one picture to be read as PNG or JPEG and upload it again."
_UNPACK = "Unpack it, or pack the pictures as ZIP, and upload that."
# What to do instead, where that is more than saving it in another format.
ADVICE = {
    "a camera raw file": "Develop it with the camera's software, save it as JPEG or TIFF and upload that.",
    "a video": _ONE,
    "a sequence of HEIC photos": _ONE,
    "a sequence of AVIF images": _ONE,
    "a PDF document": "Save the picture in it as PNG, JPEG or TIFF and upload that.",
    "an office document": "Save the picture in it as PNG, JPEG or TIFF and upload that.",
    "a whole slide": f"Whole slides are not read yet. {_FIELD}",
    "a Zeiss CZI file": f"Whole slides and stacks of this kind are not read yet. {_FIELD}",
    "a Nikon ND2 file": f"Whole slides and stacks of this kind are not read yet. {_FIELD}",
    "a Leica LIF file": f"Whole slides and stacks of this kind are not read yet. {_FIELD}",
    "a 7z archive": _UNPACK,
    "a RAR archive": _UNPACK,
    "a gzip archive": _UNPACK,
}


def recognise(data: bytes) -> str:
    """One of FORMATS or ARCHIVE; a name with its article ("a GIF") for another known kind; "" if unknown.

    A name or a suffix plays no part, and nothing is parsed: a damaged file is what its beginning says.
    """
    for offset, beginning, name in BEGINNINGS:
        if data.startswith(beginning, offset):
            return _by_brand(data) if beginning == b"ftyp" else name
    text = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP) and b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return ""


def begins_as_picture(head: bytes) -> bool:
    """Whether the first HEAD bytes of a file that is not called so are a picture's, of a format that is read.

    Two letters make no BMP: a table may begin with them, and no table has the length of a BMP's header behind.
    """
    kind = recognise(head)
    return kind in FORMATS and (kind != "BMP" or int.from_bytes(head[14:18], "little") in _BMP_HEADERS)


def refusal(kind: str) -> str:
    """Say what a file of a kind that is not read is, and what to do."""
    return f"This is {kind}. {ADVICE.get(kind, 'Save it as PNG, JPEG or TIFF and upload it again.')}"


def _by_brand(data: bytes) -> str:
    """HEIC, AVIF, raw or video, by the major brand and, where that names no codec, by the compatible ones."""
    major = data[8:12]
    length = min(int.from_bytes(data[:4], "big"), HEAD)
    others = {data[place : place + 4] for place in range(16, length, 4)}
    if major == b"crx ":
        return "a camera raw file"
    if major in _SEQUENCES:
        return _SEQUENCES[major]
    if major in _AVIF or (major in _STILL and others & _AVIF):
        return "AVIF"
    if major in _HEIC or major in _STILL:
        return "HEIC"
    return "a video"
