"""The PDF of a signed version: the person's diagnosis first, then each image with what was seen and suggested."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cv2
import numpy as np
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.database import db
from app.image_store import UnreadableError, image_store
from app.inference import evidence
from app.reading.pictures import by_leukocyte, card_of, under_map
from app.records import SEXES, SPECIMENS, Reading, Signature
from app.report import count
from app.report.content import readable
from app.report.document import GREY, MARGIN, Document
from app.template_filters import FALLBACK_INTENDED_USE, chance, iso, kind_words
from smear.imaging.decode import encode
from smear.rendering import overlays

PICTURE = 40.0  # millimetres
PIXELS = 640  # the longer side of a picture in the document
MAP_WORDS = _l(
    "Outlined: the leukocytes without which the answer would change most. Coloured, on what the model was shown: where "
    "the evidence for the suggested label lies (Grad-CAM; dark none, yellow most)."
)


def draw(signature: Signature, newest: int) -> bytes:
    """Return the report of a signed version as PDF."""
    content = readable(signature.content)
    page = Document(signature)
    page.printable(content["lab"], _("Laboratory"))  # written on top of every page, and counted once
    page.add_page()
    page.write_line(_("Blood smear report"), 17, bold=True)
    if newest > signature.version:
        page.write_line(_("Replaced by version %(n)s.", n=newest), 10, bold=True)
    page.ln(2)
    page.facts(identifiers(content))
    page.heading(_("Diagnosis by %(who)s", who=content["signed"]["by"]))
    page.write_line(content["diagnosis"]["name"], 14, bold=True, field=_("Diagnosis"))
    if content["diagnosis"]["remark"]:
        page.ln(1)
        page.write_line(content["diagnosis"]["remark"], 10, field=_("Remark"))
    count.draw(page, content)
    page.heading(_("Images"))
    if has_maps(content):
        page.write_line(str(MAP_WORDS), 8, GREY)
        page.ln(1)
    for image in content["images"]:
        draw_image(page, image)
    page.heading(_("Signature"))
    page.facts(
        [
            (_("Signed by"), content["signed"]["by"]),
            (_("Signed"), clock(content["signed"]["at"])),
            (_("Version"), str(content["version"])),
            *([(_("Program"), f"LeukoLens {content['program']}")] if content["program"] else []),
            ("SHA-256", signature.sha256),
        ]
    )
    page.heading(_("Intended use of the suggestions"))
    for use in intended_uses(content):
        page.write_line(use, 8, GREY, field=_("Intended use"))
    if note := page.unprinted():
        page.ln(2)
        page.write_line(note, 8, bold=True)
    return bytes(page.output())


def has_maps(content: dict[str, Any]) -> bool:
    """Say whether any image has a suggestion, and so a map."""
    return any(image["reading"]["label"] for image in content["images"])


def identifiers(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what says which specimen this is."""
    case = content["case"]
    example = [(_("Example"), _("No patient of this laboratory. Not for use."))] if case.get("example") else []
    rows = [
        *example,
        (_("Accession"), case["accession"]),
        (_("Specimen"), SPECIMENS.get(case["specimen"], case["specimen"])),
        (_("Stain"), case["stain"]),
        *([(_("Microscope"), case["microscope"])] if case.get("microscope") else []),
        (_("Received"), case["received"]),
        (_("Age, sex"), ", ".join(filter(None, (case["age_band"], SEXES.get(case["sex"], ""))))),
        (_("Case opened"), clock(case["opened"])),
        (_("Notes"), case["notes"]),
        (_("Version"), str(content["version"])),
    ]
    if content["reason"]:
        rows.append((_("Amended because"), content["reason"]))
    return rows


def draw_image(page: Document, image: dict[str, Any]) -> None:
    """Draw an image with its map, and beside it what was seen, then what was suggested."""
    if page.will_page_break(PICTURE + 4):
        page.add_page()
    top, left = page.get_y(), MARGIN
    for picture in pictures(image):
        height, width = picture.shape[:2]
        scale = PICTURE / max(height, width)
        page.image(BytesIO(encode(picture, "JPEG", quality=85)), left, top, width * scale, height * scale)
        left += PICTURE + 2
    page.set_xy(MARGIN + 2 * PICTURE + 6, top)
    width = page.w - MARGIN - page.get_x()
    review, reading = image["review"], image["reading"]
    here = _("image %(place)s", place=image["place"])
    label = kind_words(review["kind"], review["label_name"])
    page.write_line(_("%(place)s. %(seen)s", place=image["place"], seen=label), 10, bold=True, width=width, field=here)
    page.write_line(
        _("reviewed by %(who)s, %(when)s", who=review["by"], when=clock(review["at"])),
        7.5,
        GREY,
        width=width,
        field=_("reviewer of image %(place)s", place=image["place"]),
    )
    if review["comment"]:
        page.write_line(
            review["comment"], 8.5, width=width, field=_("comment on image %(place)s", place=image["place"])
        )
    page.write_line(suggestion(reading), 8.5, width=width, field=here)
    if counting := counting_words(reading["id"]):
        page.write_line(counting, 7.5, GREY, width=width, field=here)
    for reason in reading["reasons"]:
        page.write_line(reason, 7.5, GREY, width=width, field=here)
    quality = " ".join(finding["text"] for finding in reading["findings"])
    page.write_line(f"{_('Leukocytes found')}: {reading['leukocytes']}. {quality}", 7.5, GREY, width=width, field=here)
    if image["drawn"]:
        page.write_line(
            _("This field is a drawing made by this program; there is no patient behind it."), 7.5, width=width
        )
    # A long comment may have gone on to the next page; there the pictures are not beside it.
    page.set_xy(MARGIN, max(page.get_y(), top + PICTURE) + 4 if page.get_y() >= top else page.get_y() + 4)


def suggestion(reading: dict[str, Any]) -> str:
    """Say what the model said, as a suggestion and with its version."""
    model = f"{reading['bundle']} {reading['version']}"
    if reading["outcome"] == "suggested":
        words = f"{reading['label_name']} {chance(reading['confidence'])}"
        return _("Suggested by %(model)s: %(words)s", model=model, words=words)
    if reading["outcome"] == "unsure":
        return _("No suggestion: %(model)s was unsure.", model=model)
    if reading["outcome"] == "unfamiliar":
        return _("No suggestion: unfamiliar to %(model)s.", model=model)
    return _("No suggestion: not gradable for %(model)s.", model=model)


def counting_words(reading_id: str) -> str:
    """Say which leukocytes count most for a suggestion; "" where none is known to."""
    reading = db.session.get(Reading, reading_id)
    leukocytes = evidence.count_most(reading) if reading else []
    if not leukocytes:
        return ""
    each = [
        _("no. %(n)s (%(p)s without it)", n=leukocyte.number, p=chance(leukocyte.without)) for leukocyte in leukocytes
    ]
    return _("Counts most: leukocyte %(each)s.", each=", ".join(each))


def pictures(image: dict[str, Any]) -> list[np.ndarray]:
    """Return the picture, small, and where a label was suggested what the model was shown under its map."""
    try:
        rgb = image_store().read(image["pixels_sha256"])
    except UnreadableError:
        return []  # the report of a restored database without its images still says what was signed
    reading = db.session.get(Reading, image["reading"]["id"])
    if reading is None or reading.label is None or not reading.detail.maps.size:
        return [small(rgb)]
    place = [known.id for known in reading.labels].index(reading.label)
    base = small(under_map(reading, card_of(reading)))
    return [
        small(by_leukocyte(reading, rgb, evidence.COUNT_MOST)),
        overlays.overlay(base, reading.detail.maps[place], overlays.OPACITY),
    ]


def small(rgb: np.ndarray) -> np.ndarray:
    """Return a picture at most as large as the document shows one."""
    ratio = min(1.0, PIXELS / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * ratio)), max(1, round(rgb.shape[0] * ratio))
    return np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def intended_uses(content: dict[str, Any]) -> list[str]:
    """Return what each of the models is for, once."""
    uses = [image["reading"]["intended_use"] or FALLBACK_INTENDED_USE for image in content["images"]]
    if content["differential"] and content["differential"]["model"]:
        uses.append(content["differential"]["model"]["intended_use"] or FALLBACK_INTENDED_USE)
    return list(dict.fromkeys(uses))


def clock(text: str) -> str:
    """Write a stored time for people; a document says its zone, as nobody knows who will read it where."""
    return iso(text)
