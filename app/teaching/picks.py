"""The next fields or cells to label for a model, picked by a job from the lab's own pictures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.database import db
from app.differential.cells import newest
from app.inference import lab_jobs
from app.inference.engine import engine
from app.inference.lab_jobs import LabTask
from app.lab import patients
from app.records import Case, Review, SmearImage
from app.reviewed import held_back
from app.rules import RefusedError
from app.stored_fields import FieldDamagedError, field_of
from app.teaching.variety import varied
from smear.arrays import Array
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.preprocess import prepare
from smear.inference.suggestion import calibrated
from smear.segmentation.field import Field

KIND = "pick"
COUNTS = (50, 100)
LOOKED_AT = 6  # candidates for each that is picked, at the most: a look takes tens of milliseconds
OF_A_FIELD = 12  # cells that one field gives to the candidates


class Wanted(msgspec.Struct, frozen=True):
    """What is asked of a job: how many of what a model reads."""

    bundle: str
    count: int


@dataclass(frozen=True)
class Pick:
    """One field or cell to label; number: of the cell, 0 for a field."""

    image_id: str
    number: int


@dataclass(frozen=True)
class Picked:
    """The newest pick of a lab: for which model, what, and which of it people have labelled.

    left: what can still be labelled, in order; the rest was removed since, or is in a case that is signed.
    """

    bundle: str
    picks: list[Pick]
    labelled: set[Pick]
    left: list[Pick]


def picked(lab_id: int) -> Picked | None:
    """Return the newest pick that is done; None before the first."""
    job = lab_jobs.newest_done(lab_id, KIND)
    if job is None:
        return None
    picks = [Pick(image_id, number) for image_id, number in job.result["picks"]]
    ready, images = labelled(picks), {pick.image_id for pick in picks}
    query = select(SmearImage.id).join(SmearImage.case).where(SmearImage.id.in_(images), Case.state != "signed")
    in_open_cases = set(db.session.scalars(query))
    left = [pick for pick in picks if pick not in ready and pick.image_id in in_open_cases]
    return Picked(msgspec.json.decode(job.argument, type=Wanted).bundle, picks, ready, left)


def labelled(picks: list[Pick]) -> set[Pick]:
    """Return of which picks somebody has said something that stands."""
    images = {pick.image_id for pick in picks}
    cells = {key for key, row in newest(db.session, images).items() if row.kind != "cleared"}
    fields = set(db.session.scalars(select(Review.image_id).where(Review.image_id.in_(images))))
    return {
        pick for pick in picks if ((pick.image_id, pick.number) in cells if pick.number else pick.image_id in fields)
    }


def do(task: LabTask) -> dict[str, Any]:
    """Pick for a model what it learns most from; RefusedError where there is nothing to pick from."""
    wanted = msgspec.json.decode(task.argument, type=Wanted)
    bundle = task.when_free(lambda: engine().load(wanted.bundle))
    images = unlabelled(task.lab_id, bundle.card.scope)
    candidates: list[Pick] = []
    answers: list[tuple[Array, Array]] = []
    most = LOOKED_AT * wanted.count
    for place, image_id in enumerate(images):
        task.step(min(len(candidates), most), min(most, OF_A_FIELD * len(images)))
        if len(candidates) >= most:
            break
        for pick, logits, features in task.when_free(partial(looked_at, bundle, image_id, place)):
            candidates.append(pick)
            answers.append((calibrated(logits, bundle.card.temperature), features))
    if not candidates:
        raise RefusedError(
            _("There is nothing to label for this model: add images to cases that are not signed, or open some again.")
        )
    probabilities, features = (np.stack(part) for part in zip(*answers, strict=True))
    chosen = varied(probabilities, features, wanted.count)
    return {"picks": [[candidates[index].image_id, candidates[index].number] for index in chosen]}


def unlabelled(lab_id: int, scope: str) -> list[str]:
    """Return the images of open cases from which to pick, one of each patient in turn, the newest first.

    For a model of fields those without a review; for one of cells all: their cells are looked at one by one. Labels of
    patients in a frozen panel would teach nothing.
    """
    query = (
        select(SmearImage)
        .join(SmearImage.case)
        .where(Case.lab_id == lab_id, Case.example.is_(False), SmearImage.drawn.is_(False), Case.state != "signed")
        .options(joinedload(SmearImage.case))
        .order_by(SmearImage.added_at.desc())
    )
    if scope == "field":
        query = query.where(SmearImage.id.not_in(select(Review.image_id)))
    held = held_back.groups(lab_id)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for image in db.session.scalars(query):
        group = patients.group_of(image.case)
        if group not in held:
            groups[group].append(image.id)
    return [image_id for several in zip_longest(*groups.values()) for image_id in several if image_id]


def looked_at(bundle: Bundle, image_id: str, seed: int) -> list[tuple[Pick, Array, Array]]:
    """Return what the network makes of a field, or of some cells that nobody spoke of.

    [] of what cannot be graded or was taken out of its case.
    """
    image = db.session.get(SmearImage, image_id)
    if image is None:
        return []
    try:
        with engine().slots.stored(image.pixel_count):
            field = field_of(image)
    except FieldDamagedError:
        return []
    if cell_reader.refusals(field) or not (~field.cut).any():
        return []
    numbers = cells_of(image, field, seed) if bundle.card.scope == "cell" else [0]
    shown = [prepare(field, bundle.card, number - 1 if number else None) for number in numbers]
    forwards = [engine().wait(future) for future in engine().submit_all(bundle, shown, beside=True)]
    return [
        (Pick(image_id, number), forward.logits[0], forward.features[0])
        for number, forward in zip(numbers, forwards, strict=True)
    ]


def cells_of(image: SmearImage, field: Field, seed: int) -> list[int]:
    """Return the numbers of some whole cells of a field that nobody spoke of, drawn by chance."""
    annotated = {number for _image, number in newest(db.session, [image.id])}
    whole = [int(index) + 1 for index in np.flatnonzero(~field.cut) if int(index) + 1 not in annotated]
    drawn = np.random.default_rng(seed).permutation(len(whole))[:OF_A_FIELD]
    return sorted(whole[index] for index in drawn)
