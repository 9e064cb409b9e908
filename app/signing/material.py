"""Everything on which a diagnosis rests, as the data that is signed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.database import db
from app.differential import review_rules
from app.differential.content import content as differential_content
from app.records import IMAGE_ORDER, BlindReading, Case, Lab, Reading, Review, SmearImage
from app.reviews import blind_reading
from app.version import __version__

# 3: neither the differential count nor blind readings were signed; 2: unsure and unfamiliar were one outcome;
# 1: a review's kind was called its verdict.
SCHEMA = 4


def images_of(session: Session, case_id: str) -> list[SmearImage]:
    """Return the images of a case in order, with everything that is signed."""
    query = (
        select(SmearImage)
        .where(SmearImage.case_id == case_id)
        .order_by(*IMAGE_ORDER)
        .options(selectinload(SmearImage.readings).undefer(Reading.result), selectinload(SmearImage.reviews))
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def material(case: Case, images: list[SmearImage]) -> dict[str, Any]:
    """Return everything on which the diagnosis rests, as JSON data."""
    return {
        "schema": SCHEMA,
        "program": __version__,
        "case": {
            "id": case.id,
            "accession": case.accession,
            "specimen": case.specimen,
            "stain": case.stain,
            "microscope": case.microscope,
            "notes": case.notes,
            "received": case.received_on,
            "age_band": case.age_band,
            "sex": case.sex,
            "opened": case.created_at.isoformat(),
            "example": case.example,
        },
        "version": case.version,
        "images": [image_material(place, image) for place, image in enumerate(images, 1)],
        "differential": count_material(case),
        "blind_readings": [
            blind_material(reading, [image.id for image in images]) for reading in blind_reading.finished(case.id)
        ],
    }


def count_material(case: Case) -> dict[str, Any] | None:
    """Return the differential count as it stands; None where nobody and nothing named a cell."""
    return differential_content(case, db.session.get_one(Lab, case.lab_id), review_rules.told_of(case.id))


def blind_material(reading: BlindReading, order: list[str]) -> dict[str, Any]:
    """Return a second reading that was made blind: by whom, of how many images, and at which places it differs."""
    return {
        "id": reading.id,
        "by": reading.reader.shown_name,
        "at": reading.ended_at.isoformat() if reading.ended_at else None,
        "images": len(reading.reviews),
        "differs": sorted(order.index(image_id) + 1 for image_id in reading.differing if image_id in order),
    }


def image_material(place: int, image: SmearImage) -> dict[str, Any]:
    """Return an image with its first reading and the review that holds."""
    reading, review = image.reading, image.review
    detail = reading.detail
    return {
        "id": image.id,
        "place": place,
        "name": image.display_name,
        "source_sha256": image.source_sha256,
        "pixels_sha256": image.pixels_sha256,
        "width": image.width,
        "height": image.height,
        "drawn": image.drawn,
        "reading": {
            "id": reading.id,
            "bundle": reading.bundle,
            "version": reading.version,
            "outcome": reading.outcome,
            "label": reading.label,
            "label_name": reading.label_name() if reading.label else None,
            "confidence": reading.confidence,
            "reasons": [reason.text for reason in detail.suggestion.reasons],
            "leukocytes": detail.leukocytes,
            "findings": [{"severity": finding.severity, "text": finding.text} for finding in detail.findings],
            "intended_use": reading.intended_use,
        },
        "review": review_material(review) if review else None,
    }


def review_material(review: Review) -> dict[str, Any]:
    """Return what a person saw."""
    return {
        "id": review.id,
        "version": review.version,
        "kind": review.kind,
        "label": review.label,
        "label_name": review.label_name,
        "comment": review.comment,
        "by": review.made_by.shown_name,
        "at": review.made_at.isoformat(),
    }
