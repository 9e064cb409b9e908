"""Which pages of a TIFF are pictures: thumbnails, masks and smaller copies are none, and channels belong together.

Camera raw files and whole slides, which are TIFFs too, are refused by their names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from tifffile import TiffFile, TiffPage

from smear.imaging import file_signatures
from smear.imaging.picture import MAX_PICTURES, ImageError

Field = tuple[TiffPage, ...]  # one page, or a page for each of red, green and blue

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_CFA, _LINEAR_RAW = 32803, 34892  # photometric interpretations of what a sensor saw
_RAW_TAGS = (50706, 33421, 33422)  # DNG's version, and the pattern of a sensor's filters
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 34713, 65535})
_THUMBNAIL = 513  # the tag of EXIF's thumbnail
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_ALIKE = 0.02  # of the ratio of the sides: a page that is smaller by half and of this shape is a smaller copy
_SLIDES = ("is_svs", "is_ndpi", "is_scn", "is_bif", "is_philips", "is_ventana")
_MOST = 4 * MAX_PICTURES  # pages that are looked at: a field may have three, and a smaller copy


def fields_of(tif: TiffFile) -> list[Field]:
    """Return the pages of each picture, in order, and at most one more than MAX_PICTURES.

    ImageError for camera raw files, whole slides, and channels that are no colours.
    """
    pages = list(_pages(tif))
    if not pages:
        return []
    if any(getattr(tif, name, False) for name in _SLIDES):
        raise refused("a whole slide")
    if any(_is_raw(page) for page in (*pages[:8], *(sub for page in pages[:8] for sub in _sub_pages(page)))):
        raise refused("a camera raw file")
    described = _by_description(tif) if tif.is_ome or tif.is_imagej else None
    if described:
        return described[: MAX_PICTURES + 1]
    pictures = [page for page in pages if not _is_smaller_copy(page, pages[0])]
    if not pictures:  # everything calls itself reduced: the full picture may hang below
        below = [sub for sub in _sub_pages(pages[0]) if not int(sub.subfiletype) & (_REDUCED | _MASK)]
        pictures = below[:1] or pages[:1]
    _insist_on_colours(pictures)
    return [(page,) for page in pictures[: MAX_PICTURES + 1]]


def refused(kind: str) -> ImageError:
    """Return the error of a kind of file that is not read."""
    return ImageError("format_not_accepted", file_signatures.refusal(kind))


def _pages(tif: TiffFile) -> Iterator[TiffPage]:
    """Yield the pages of the chain, until it ends, breaks, returns to a page that was there, or is too long."""
    offsets: set[int] = set()
    for index in range(_MOST):
        try:
            page = tif.pages.get(index, aspage=True)
        except Exception:  # the end of the chain, or a damaged further page, which does not spoil the others
            return
        if not isinstance(page, TiffPage) or page.offset in offsets:
            return
        offsets.add(page.offset)
        yield page


def _sub_pages(page: TiffPage) -> list[TiffPage]:
    try:
        below = page.pages
        return [] if below is None else [sub for sub in list(below)[:8] if isinstance(sub, TiffPage)]
    except Exception:  # damaged ones are left out, as damaged further pages are
        return []


def _is_raw(page: TiffPage) -> bool:
    if page.photometric in (_CFA, _LINEAR_RAW) or page.compression in _RAW_COMPRESSIONS:
        return True
    return any(tag in page.tags for tag in _RAW_TAGS)


def _is_smaller_copy(page: TiffPage, first: TiffPage) -> bool:
    if int(page.subfiletype) & (_REDUCED | _MASK):
        return True
    if page is first:
        return False
    if _THUMBNAIL in page.tags:
        return True
    small = 2 * page.imagewidth <= first.imagewidth and 2 * page.imagelength <= first.imagelength
    ratio = (page.imagewidth * first.imagelength) / max(1, page.imagelength * first.imagewidth)
    return small and abs(ratio - 1) < _ALIKE


def _is_grey(page: TiffPage) -> bool:
    bits = page.bitspersample
    return page.samplesperpixel == 1 and page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and bits != 1


def _insist_on_colours(pictures: list[TiffPage]) -> None:
    """Refuse grey pages of one size: they are channels, and nothing says which is which."""
    sizes = {(page.imagewidth, page.imagelength) for page in pictures}
    if len(pictures) > 1 and len(sizes) == 1 and all(_is_grey(page) for page in pictures):
        raise ImageError(
            "separate_colours",
            "The pages of this TIFF are grey, as if its colours were kept on separate pages."
            " Export each field as one RGB picture and upload that.",
        )


def _by_description(tif: TiffFile) -> list[Field] | None:
    """Return the fields that OME or ImageJ describe, those of the highest resolution; None where they describe none."""
    fields: list[Field] = []
    try:
        for series in tif.series:
            if series.kind not in ("ome", "imagej"):
                return None
            fields += _fields_of_series(tif, series.axes, series.shape, list(series.pages))
            if len(fields) > MAX_PICTURES:
                break
    except ImageError:
        raise
    except Exception:  # a description that does not fit the file says nothing
        return None
    return fields or None


def _fields_of_series(tif: TiffFile, axes: str, shape: tuple[int, ...], pages: list[object]) -> list[Field]:
    """Return the pages of a series, grouped by what is no channel."""
    outer = [(axis, size) for axis, size in zip(axes, shape, strict=True) if axis not in "YXS"]
    wide = math.prod(size for _axis, size in outer)
    inside = len(pages) and wide // len(pages)  # an axis within a page: planar colours
    if not pages or wide != len(pages) * inside:
        return []
    while inside > 1 and outer and outer[-1][1] <= inside:
        inside //= outer.pop()[1]
    places = np.arange(len(pages)).reshape([size for _axis, size in outer])
    channel = next((i for i, (axis, size) in enumerate(outer) if axis == "C" and size > 1), None)
    if channel is None:
        groups = places.reshape(-1, 1)
    else:
        count = outer[channel][1]
        if count != 3:
            raise ImageError(
                "separate_colours",
                f"This TIFF keeps {count} channels on separate pages, and no three of them are red, green and blue."
                " Export each field as one RGB picture and upload that.",
            )
        groups = np.moveaxis(places, channel, -1).reshape(-1, count)
    return [tuple(_whole(tif, pages[place]) for place in group) for group in groups[: MAX_PICTURES + 1]]


def _whole(tif: TiffFile, page: object) -> TiffPage:
    """Return the page with its tags that a frame of a series stands for."""
    if isinstance(page, TiffPage):
        return page
    index = getattr(page, "index", None)
    whole = tif.pages.get(index, aspage=True) if isinstance(index, int) else None
    if not isinstance(whole, TiffPage):
        raise ValueError("a page of the series is missing")
    return whole
