"""Another bundle's opinion of images that were read before: one at a time, or of a whole case as a job."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from app import ledger
from app.cases.intake import record
from app.database import db, writing
from app.inference import evidence, jobs
from app.inference.engine import engine
from app.inference.job_queue import Task
from app.inference.loaded_bundles import published
from app.inference.result_cache import ResultCache
from app.records import IMAGE_ORDER, Case, Reading, SmearImage, User
from app.registry.activation import active_bundle
from app.rules import RefusedError
from app.stored_fields import field_of
from smear.inference.card import Card

KIND = "fields"


def read_again(image: SmearImage, bundle_name: str, user_id: int, lab_id: int) -> Reading:
    """Read a stored image with another bundle; the first reading stays what it was."""
    image_id, case_id = image.id, image.case_id
    bundle, field = engine().bundle(bundle_name), field_of(image)
    cache = ResultCache.of(image, field.rgb)
    result = cache.reading(bundle)
    if result is None:
        result = engine().read_field(bundle, field)
        cache.add_reading(bundle, result)
    reading = record(bundle, result, user_id)
    with writing() as session:
        for earlier in session.scalars(select(Reading).where(Reading.image_id == image_id)):
            if (earlier.bundle, earlier.version) == (result.bundle, result.version):
                raise RefusedError(_("This image already has a reading by %(bundle)s.", bundle=bundle_name))
        reading.image_id = image_id
        session.add(reading)
        session.flush()
        ledger.record(
            session,
            "reading.added",
            lab=lab_id,
            actor=user_id,
            subject=image_id,
            rows=[reading],
            reading=reading.id,
            bundle=f"{result.bundle} {result.version}",
        )
        cache.keep(session)
        queued = evidence.queue(session, reading, lab_id, case_id)
    if queued:
        jobs.runner().wake()
    return reading


def usable() -> dict[str, Card]:
    """Return the cards of the bundles that read whole fields, are usable and make suggestions, by their names."""
    return {
        name: card
        for name, card, _text in published(engine().folder)
        if card and card.scope == "field" and card.suggests and engine().loaded(name).usable
    }


def other_cards(lab_id: int) -> list[Card]:
    """Return the cards of the usable bundles that read whole fields, but for the lab's active one."""
    active = active_bundle(lab_id)
    return [card for name, card in usable().items() if name != active]


def unread(case_id: str, name: str, version: str) -> list[str]:
    """Return the images of a case, in order, that this version of a bundle has not read."""
    done = select(Reading.image_id).where(Reading.bundle == name, Reading.version == version)
    query = select(SmearImage.id).where(SmearImage.case_id == case_id, SmearImage.id.not_in(done))
    return list(db.session.scalars(query.order_by(*IMAGE_ORDER)))


def offered(case_id: str) -> dict[str, int]:
    """Return the loaded bundles that read whole fields, by name, with how many images of the case each has left."""
    left = {name: len(unread(case_id, card.name, card.version)) for name, card in usable().items()}
    return {name: count for name, count in left.items() if count}


def read_case(case: Case, name: str, user: User) -> str:
    """Queue the images of a case that a bundle has not read, and return the job's id; RefusedError where none is."""
    card = engine().load_to_read(name).card
    missing = unread(case.id, card.name, card.version)
    if card.scope != "field" or not missing:
        raise RefusedError(_("Choose a model that has not read all images of this case yet."))
    return jobs.submit(KIND, case, missing, user, name)


def do(task: Task) -> None:
    """Read one image of a job."""
    image = db.session.get(SmearImage, task.image_id)
    card = engine().load_to_read(task.argument).card
    if image is not None and task.image_id in unread(task.case_id, card.name, card.version):
        read_again(image, task.argument, task.user_id, task.lab_id)
