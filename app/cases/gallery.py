"""The images of a case as its page shows them: read as columns, for a case may have two hundred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_security import current_user
from sqlalchemy import select

from app.cases.next_steps import next_steps
from app.cases.summary import BriefReading
from app.database import db
from app.records import IMAGE_ORDER, Reading, Review, SmearImage
from app.template_filters import FALLBACK_INTENDED_USE, outcome_words

ORDERS = ("position", "uncertainty")


@dataclass(frozen=True)
class Tile:
    """One image: its place in the case from 1, its readings, first reading first, and the review that holds."""

    id: str
    place: int
    display_name: str
    drawn: bool
    readings: list[BriefReading]
    review: Review | None
    differs: bool  # two bundles suggest different things

    @property
    def uncertainty(self) -> float:
        """Return by how much what the first bundle said calls for a person."""
        return self.readings[0].uncertainty if self.readings else 0.0


def tiles(case_id: str, readings: dict[str, list[BriefReading]], differing: set[str]) -> list[Tile]:
    """Return the images of a case in order."""
    query = (
        select(SmearImage.id, SmearImage.display_name, SmearImage.drawn)
        .where(SmearImage.case_id == case_id)
        .order_by(*IMAGE_ORDER)
    )
    reviews = select(Review).join(Review.image).where(SmearImage.case_id == case_id).order_by(Review.version)
    newest = {row.image_id: row for row in db.session.scalars(reviews)}  # the last of an image stays
    return [
        Tile(
            row.id,
            place,
            row.display_name,
            row.drawn,
            readings.get(row.id, []),
            newest.get(row.id),
            row.id in differing,
        )
        for place, row in enumerate(db.session.execute(query), 1)
    ]


def in_order(images: list[Tile], order: str) -> list[Tile]:
    """Return the images as they came, or the most uncertain first."""
    return sorted(images, key=lambda image: (-image.uncertainty, image.place)) if order == "uncertainty" else images


def intended_use(images: list[Tile]) -> str:
    """Return the line of the bundle that read the first image, which stands with every suggestion."""
    first = next((image.readings[0].reading_id for image in images if image.readings), None)
    query = select(Reading.intended_use).where(Reading.id == first)
    return (first and db.session.scalar(query)) or FALLBACK_INTENDED_USE


def image_json(image: SmearImage) -> dict[str, Any]:
    """Tell the page's script what came of a file."""
    reading = image.readings[0]
    return {
        "id": image.id,
        "url": url_for("reading.read", case_id=image.case_id, image_id=image.id),
        "thumbnail": url_for("reading.thumbnail", image_id=image.id),
        "remove": url_for("cases.remove", case_id=image.case_id, image_id=image.id),
        "name": image.display_name,
        "outcome": reading.outcome,
        "label": reading.label,
        "words": outcome_words(reading),
        "steps": [
            {"words": step.words, "url": step.address}
            for step in next_steps(reading, image.case, current_user.is_admin)
        ],
        "reasons": [reason.text for reason in reading.detail.suggestion.reasons],
        "drawn": image.drawn,
    }
