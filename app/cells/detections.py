"""Finding, measuring and cutting out the leukocytes of a case's fields, once for each field.

What is found is numbered for good, because people speak of cell 14 and their words are kept. So the numbers do not
follow a later version of the finder; the survey says which one it was.
"""

from __future__ import annotations

import time
from dataclasses import asdict

from sqlalchemy import select

from app.database import db, writing
from app.image_store import image_store
from app.inference.engine import engine
from app.records import CellSurvey, SmearImage
from smear.arrays import Array
from smear.imaging.decode import decode, encode
from smear.rendering.crop_sheet import sheet
from smear.segmentation import find as finding
from smear.segmentation import mask_network
from smear.segmentation.find import Leukocytes
from smear.segmentation.morphometry import measure

SECONDS = 4.0  # for which a page makes people wait; the next request goes on
DIGITS = 4


def survey_missing(case_id: str, seconds: float = SECONDS) -> int:
    """Survey the fields of a case that have no survey yet, for that long, one at least; return how many remain."""
    query = (
        select(SmearImage.id, SmearImage.pixels_sha256)
        .outerjoin(SmearImage.survey)
        .where(SmearImage.case_id == case_id, CellSurvey.id.is_(None))
        .order_by(SmearImage.position, SmearImage.added_at)
    )
    missing = [(image_id, digest) for image_id, digest in db.session.execute(query)]
    end = time.monotonic() + seconds
    for done, (image_id, digest) in enumerate(missing):
        if done and time.monotonic() > end:
            return len(missing) - done
        survey(image_id, digest)
    return 0


def survey(image_id: str, digest: str) -> None:
    """Find, measure and cut out the leukocytes of one stored field; nothing where somebody else just did."""
    with engine().desk():
        rgb, found = look(digest)
        measured = [asdict(one) for one in measure(found)]
        crops = encode(sheet(rgb, found), "PNG") if len(found) else b""
    stored = image_store().put(crops) if crops else ""
    row = CellSurvey(
        image_id=image_id,
        finder=finder_name(),
        boxes=found.boxes.tolist(),
        cut=found.cut.tolist(),
        measured=[rounded(one) for one in measured],
        sheet_sha256=stored,
    )
    with writing() as session:
        there = session.scalar(select(CellSurvey.id).where(CellSurvey.image_id == image_id))
        if there is None and session.get(SmearImage, image_id) is not None:
            session.add(row)


def look(digest: str) -> tuple[Array, Leukocytes]:
    """Return a stored picture, uint8 RGB (H, W, 3), and its leukocytes."""
    rgb = decode(image_store().path(digest).read_bytes()).rgb
    return rgb, finding.find(rgb)


def finder_name() -> str:
    """Return what finds leukocytes at present, with its version."""
    card = mask_network.read_card()
    return f"{card.name} {card.version}"


def rounded(measured: dict[str, object]) -> dict[str, object]:
    """Return measurements with four digits: more of them measure nothing."""

    def shorter(value: object) -> object:
        if isinstance(value, (list, tuple)):
            return [shorter(one) for one in value]
        return round(value, DIGITS) if isinstance(value, float) else value

    return {name: shorter(value) for name, value in measured.items()}
