"""Letting a model read the lab's signed and labelled pictures in the shadow, so that it can be compared: a job."""

from __future__ import annotations

from functools import partial
from typing import Any

from app.comparison.answers import labelled
from app.comparison.panels import images_of
from app.database import db
from app.inference.engine import engine
from app.inference.lab_jobs import LabTask
from app.records import SmearImage
from app.reviewed.held_back import open_panels
from app.shadow import reading
from app.stored_fields import FieldDamagedError
from smear.inference.bundle import Bundle

KIND = "compare"


def do(task: LabTask) -> dict[str, Any]:
    """Read what the model that is named has not read yet, and return how many pictures there are."""
    bundle = task.when_free(lambda: engine().load_to_read(task.argument))
    frozen = [panel for panel in open_panels(task.lab_id) if panel.scope == bundle.card.scope]
    images = sorted({item.image.id for item in labelled(task.lab_id, bundle.card.scope)} | set(images_of(frozen)))
    damaged = 0
    for place, image_id in enumerate(images):
        task.step(place, len(images))
        try:
            task.when_free(partial(read, bundle, image_id))
        except FieldDamagedError:
            damaged += 1
    task.step(len(images), len(images))
    return {"images": len(images), "damaged": damaged}


def read(bundle: Bundle, image_id: str) -> None:
    """Read one image, if it is still there."""
    image = db.session.get(SmearImage, image_id)
    if image is not None:
        reading.read(bundle, image)
