"""More maps of a reading, by tf-keras-vis: Grad-CAM++, Score-CAM and SmoothGrad take seconds, so they are a job."""

from __future__ import annotations

import numpy as np
from flask_babel import gettext as _
from sqlalchemy import select

from app.database import db, writing
from app.inference import jobs
from app.inference.engine import engine
from app.inference.evidence import bundle_of
from app.inference.job_queue import Task
from app.records import Explanation, Reading, SmearImage, User
from app.rules import RefusedError
from app.stored_fields import field_of
from smear.arrays import Array
from smear.inference.preprocess import prepare
from smear.rendering.explain import METHODS, explain

KIND = "maps"
SLOW = METHODS[1:]  # the first comes with every reading
NAMES = {"grad-cam": "Grad-CAM", "grad-cam++": "Grad-CAM++", "score-cam": "Score-CAM", "smoothgrad": "SmoothGrad"}
LARGEST = 48  # places to a side that a map is kept with: finer than any layer that explains
DIGITS = 3


def ask(reading: Reading, label: str, user: User) -> str:
    """Queue the maps of one label and return the job's id.

    RefusedError where the reading shows no maps, as no refusal does, or where its version of the bundle is not loaded
    any more.
    """
    if label not in {known.id for known in reading.labels} or not reading.detail.maps.size:
        raise RefusedError(_("There are no maps of this reading."))
    if reading.detail.parts:
        raise RefusedError(_("This field was read in parts. More maps are drawn of fields that were read whole."))
    bundle_of(reading)
    image = reading.image
    return jobs.submit(KIND, image.case, [image.id], user, f"{reading.id} {label}")


def do(task: Task) -> None:
    """Compute the maps of a job."""
    reading_id, _space, label = task.argument.partition(" ")
    reading, image = db.session.get(Reading, reading_id), db.session.get(SmearImage, task.image_id)
    if reading is None or image is None or not reading.detail.maps.size:
        return
    bundle = bundle_of(reading)
    index = [known.id for known in bundle.card.labels].index(label)
    with engine().slots.stored(image.pixel_count):
        shown = prepare(field_of(image), bundle.card)[None].astype(np.float32)
    db.session.rollback()  # nothing is held in the database for the seconds that follow
    grids = {method: compact(explain(bundle, shown, index, method)) for method in SLOW}
    with writing() as session:
        same = (Explanation.reading_id == reading_id, Explanation.label == label)
        there = set(session.scalars(select(Explanation.method).where(*same)))
        session.add_all(
            Explanation(reading_id=reading_id, label=label, method=method, grid=grid)
            for method, grid in grids.items()
            if method not in there
        )


def compact(grid: Array) -> list[list[float]]:
    """Return a map, float (h, w) in 0..1, as rows of few digits, averaged down to at most LARGEST places a side."""
    factor = -(-max(grid.shape) // LARGEST)
    if factor > 1:
        height, width = (size // factor * factor for size in grid.shape)
        blocks = grid[:height, :width].reshape(height // factor, factor, width // factor, factor)
        grid = blocks.mean(axis=(1, 3))
        grid = grid / max(float(grid.max()), 1e-9)
    rows: list[list[float]] = np.round(grid.astype(np.float64), DIGITS).tolist()
    return rows


def drawn(reading: Reading) -> dict[str, dict[str, list[list[float]]]]:
    """Return the maps that there are of a reading: by method and label. Of a refusal an older version may have drawn
    some; they are not shown.
    """
    maps: dict[str, dict[str, list[list[float]]]] = {}
    if reading.outcome != "suggested":
        return maps
    query = select(Explanation).where(Explanation.reading_id == reading.id)
    for row in db.session.scalars(query):
        maps.setdefault(row.method, {})[row.label] = row.grid
    return maps
