"""HEIC photos by libheif, AVIF images by Pillow; both tell their colours by a profile or by numbers."""

from __future__ import annotations

import pillow_heif

from smear.imaging import colour_profile
from smear.imaging.formats.pillow import load, open_image, orientation_of, profile_of
from smear.imaging.picture import Picture, animated, check_size, damaged, picture, unsupported
from smear.imaging.samples import of_image

_NUMBERS = b"colrnclx"  # the box of the numbers of ITU-T H.273: primaries, transfer, matrix, each of two bytes
_MAJOR = 8  # where the major brand stands
_HEAD = 2**16  # bytes in which the box of properties ends


def read(data: bytes) -> Picture:
    """Read the primary picture of a HEIC file, turned as the file says; further ones are told in a note."""
    try:
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        if not len(file):
            raise damaged("HEIC")
        primary = file[file.primary_index]
        check_size(*primary.size)
        image = primary.to_pillow()
    except (RuntimeError, SyntaxError, EOFError, OSError) as error:
        # Of a whole file of a codec that it lacks libheif says so.
        raise (unsupported if "nsupported" in str(error) else damaged)("HEIC") from error
    several = f"The main picture of {len(file)} was read." if len(file) > 1 else ""
    profile, note = _profile(profile_of(image), data)
    rgb, notes = of_image(image, profile)
    return picture(rgb, "HEIC", [several, *notes, note])


def read_avif(data: bytes) -> Picture:
    """Read an AVIF file."""
    # Pillow goes by the major brand, for which some writers put one that names no codec.
    with open_image(data[:_MAJOR] + b"avif" + data[_MAJOR + 4 :], "AVIF") as image:
        if getattr(image, "is_animated", False):
            raise animated()
        orientation = orientation_of(image)
        load(image, "AVIF")
        profile, note = _profile(profile_of(image), data)
        rgb, notes = of_image(image, profile)
    return picture(rgb, "AVIF", [*notes, note], orientation)


def _profile(profile: bytes, data: bytes) -> tuple[bytes, str]:
    """Return the profile, or one of the numbers that stand for it, and a note."""
    place = data.find(_NUMBERS, 0, _HEAD)
    if profile or place < 0:
        return profile, ""
    place += len(_NUMBERS)
    primaries, transfer = (int.from_bytes(data[place + i : place + i + 2], "big") for i in (0, 2))
    return colour_profile.of_code_points(primaries, transfer)
