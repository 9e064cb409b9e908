"""What a candidate says of an image: kept for comparisons, and shown nowhere else."""

from __future__ import annotations

from sqlalchemy import select

from app.database import add_missing, db, writing
from app.differential import classification
from app.inference.engine import engine
from app.inference.job_queue import SHADOW, Task
from app.records import CellReading, Reading, ShadowReading, SmearImage, now, random_id
from app.stored_fields import field_of
from app.version import __version__
from smear.inference.bundle import Bundle

KIND = SHADOW


def do(task: Task) -> None:
    """Read one image of a job."""
    image = db.session.get(SmearImage, task.image_id)
    if image is not None:
        read(engine().load_to_read(task.argument), image)


def read(bundle: Bundle, image: SmearImage) -> None:
    """Let a bundle read an image in the shadow, unless this version has read it there or before all."""
    card, image_id = bundle.card, image.id
    if has_read(image_id, card.name, card.version, card.scope):
        return
    if card.scope == "cell":
        with engine().slots.stored(image.pixel_count):
            suggestions = classification.suggestions(bundle, field_of(image))
    else:
        suggestions = [engine().read_field(bundle, field_of(image)).suggestion]
    row = {
        "id": random_id(),
        "image_id": image_id,
        "bundle": card.name,
        "version": card.version,
        "scope": card.scope,
        "suggestions": [classification.shorter(suggestion) for suggestion in suggestions],
        "program": __version__,
        "made_at": now(),
    }
    with writing() as session:
        if session.get(SmearImage, image_id) is not None:  # not taken out of its case meanwhile
            add_missing(session, ShadowReading, [row])


def has_read(image_id: str, bundle: str, version: str, scope: str) -> bool:
    """Return whether a version of a bundle has read an image, in the shadow or for all to see."""
    shown = CellReading if scope == "cell" else Reading
    return any(
        db.session.scalar(
            select(record.id)
            .where(record.image_id == image_id, record.bundle == bundle, record.version == version)
            .limit(1)
        )
        for record in (ShadowReading, shown)
    )
