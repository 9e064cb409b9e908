"""Taking an image in: decode, read, store, and only then the rows; or nothing at all."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app import ledger
from app.database import db, writing
from app.differential import at_upload, review_rules
from app.image_store import image_store
from app.inference import evidence, jobs
from app.inference.engine import engine
from app.inference.examined import Recognized, examine
from app.records import Case, Lab, Reading, Redrawing, SmearImage, User, now
from app.registry.activation import active_bundle
from app.reviews.blind_reading import conclude, open_reading
from app.rules import RefusedError, refuse_signed
from app.shadow import trial
from app.stored_fields import keep_outlines
from app.terms import term_lists
from app.terms.term_lists import REMOVAL
from smear.imaging.containers import Enclosed
from smear.inference.bundle import Bundle
from smear.inference.reading import Reading as SmearReading
from smear.segmentation.find import find

NAME_LENGTH = 120
# Why an image leaves a case; the ledger keeps the code.
REASONS = {
    "unsharp": _l("out of focus"),
    "stain": _l("badly stained or smeared"),
    "artefact": _l("dirt, bubbles or damage"),
    "wrong_case": _l("belongs to another case"),
    "duplicate": _l("shows the same field as another"),
    "taken_back": _l("taken back by who added it"),
}


def removal_reasons(lab_id: int) -> dict[str, Any]:
    """Return why an image may leave a case of a lab, in words by code; the lab's own reasons are their own codes."""
    return REASONS | term_lists.names(lab_id, REMOVAL)


@dataclass(frozen=True)
class Incoming:
    """A picture on its way into a case, and the name that it is shown under."""

    picture: Enclosed
    name: str
    drawn: bool = False
    position: int | None = None  # in the case; after the last one where nobody says


def clean_name(name: str | None) -> str:
    """Keep of a file name what can be shown: it is never a path and never an address."""
    last = re.split(r"[/\\]", name or "")[-1]
    visible = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    return visible.strip()[:NAME_LENGTH] or _("unnamed image")


def take_in(case: Case, incoming: Incoming, user: User) -> SmearImage:
    """Read a picture with the lab's active bundle and make it part of the case."""
    # The ids are read now: the transaction below forgets what the request has loaded.
    case_id, user_id, lab_id = case.id, user.id, user.lab_id
    digest = incoming.picture.digest
    refuse_signed(case)
    repair(case_id, incoming.picture)
    refuse_twice(db.session, case_id, digest)
    active = active_bundle(user.lab_id)
    with engine().slots.upload(incoming.picture.data):
        examined = examine(lab_id, active, incoming.picture)
        typing = at_upload.begin(user.lab, examined)
        # The network works while the pixels go to the disk.
        stored, detections = examined.store()
        result = examined.reading()
        types = at_upload.conclude(typing, user_id)
        height, width = examined.picture.rgb.shape[:2]
        bundle, cache, recognized = examined.bundle, examined.cache, isinstance(examined, Recognized)
        del examined, typing  # a large picture goes before the next may come
    image = SmearImage(
        case_id=case_id,
        display_name=clean_name(incoming.name),
        source_sha256=digest,
        pixels_sha256=stored.pixels,
        thumbnail_sha256=stored.thumbnail,
        width=width,
        height=height,
        drawn=incoming.drawn,
        added_by_id=user_id,
    )
    image.readings.append(record(bundle, result, user_id))
    image.detections = detections
    with writing() as session:
        refuse_signed(session.get_one(Case, case_id))
        refuse_twice(session, case_id, digest)
        last = session.scalar(select(func.max(SmearImage.position)).where(SmearImage.case_id == case_id))
        image.position = incoming.position or (last or 0) + 1
        case = session.get_one(Case, case_id)
        count(case, result.suggestion.outcome, 1)
        case.uncertainty = max(case.uncertainty, image.reading.uncertainty)
        session.add(image)
        session.flush()
        ledger.record(
            session,
            "image.added",
            lab=lab_id,
            actor=user_id,
            subject=image.id,
            case=case_id,
            rows=[image, image.reading],
            reading=image.reading.id,
            bundle=f"{result.bundle} {result.version}",
            drawn=incoming.drawn,
            **({"recognized": True} if recognized else {}),
        )
        cache.keep(session)
        queued = evidence.queue(session, image.reading, lab_id, case_id)
        queued |= trial.queue(session, image.id, lab_id, case_id)
        queued |= at_upload.keep(session, types, image, case, session.get_one(Lab, lab_id), user_id)
    if queued:
        jobs.runner().wake()
    return image


def refuse_twice(session: Session, case_id: str, digest: str) -> None:
    """Keep one of two equal files in a case."""
    query = select(SmearImage.display_name).where(SmearImage.case_id == case_id, SmearImage.source_sha256 == digest)
    name = session.scalar(query)
    if name is not None:
        raise RefusedError(_("This file is already in the case, as %(name)s. It was kept once.", name=name))


def repair(case_id: str, enclosed: Enclosed) -> None:
    """Write the files of an image anew from the file that it came from, where the disk lost or damaged them.

    RefusedError, which tells of it, where they are whole again; nothing where there is no such image, or no damage.
    """
    query = select(SmearImage).where(SmearImage.case_id == case_id, SmearImage.source_sha256 == enclosed.digest)
    image = db.session.scalar(query)
    if image is None:
        return
    outlines = image.detections.label_map_sha256 if image.detections else ""
    damaged = {image.pixels_sha256, image.thumbnail_sha256, outlines} - {""}
    damaged = {digest for digest in damaged if not image_store().renewed(digest)}
    if not damaged:
        return
    with engine().slots.upload(enclosed.data), engine().slots.unpacking():
        picture = enclosed.decode()
        image_store().put_picture(picture.rgb)
        if outlines in damaged:
            keep_outlines(find(picture.rgb))
    if all(image_store().renewed(digest) for digest in damaged):
        raise RefusedError(
            _(
                "This file is in the case, as %(name)s. What was stored of it was damaged, and is whole again.",
                name=image.display_name,
            )
        )


def record(bundle: Bundle, result: SmearReading, user_id: int) -> Reading:
    """Make the lasting record of what a bundle said, legible even when the bundle is gone."""
    shown = result.suggestion.shown
    return Reading(
        bundle=result.bundle,
        version=result.version,
        outcome=shown.outcome,
        label=shown.label,
        confidence=shown.confidence,
        probabilities=shown.probabilities,
        result=result.to_json(),
        labels=bundle.card.labels,
        intended_use=bundle.card.intended_use,
        made_at=now(),
        made_by_id=user_id,
    )


def remove(image: SmearImage, user: User, reason: str) -> None:
    """Take an image out of its case, with its readings; `maintenance` sweeps its pixels where no row needs them."""
    lab_id, user_id = user.lab_id, user.id
    image_id = image.id
    with writing() as session:
        doomed = session.get(SmearImage, image_id)
        if doomed is None:
            raise RefusedError(_("Somebody removed this image from the case meanwhile."))
        refuse_signed(doomed.case)
        if doomed.reviews:
            raise RefusedError(
                _("This image was reviewed, and reviews are kept. Mark it as not gradable if it should not count.")
            )
        redrawn = select(Redrawing.id).where(Redrawing.image_id == image_id).limit(1)
        if doomed.annotations or session.scalar(redrawn) is not None:
            raise RefusedError(
                _("Cells of this image were named, and that is kept. Mark it as not gradable if it should not count.")
            )
        case = doomed.case
        count(case, doomed.reading.outcome, -1)
        ledger.record(
            session, "image.removed", lab=lab_id, actor=user_id, subject=image_id, case=doomed.case_id, reason=reason
        )
        session.delete(doomed)
        session.flush()
        if (reading := open_reading(session, case.id)) and reading.reviews:
            conclude(session, reading)  # the image that went may have been the last to be read
        left = select(SmearImage).where(SmearImage.case_id == case.id).options(selectinload(SmearImage.readings))
        rest = session.scalars(left)
        case.uncertainty = max((picture.reading.uncertainty for picture in rest), default=0.0)
        review_rules.apply(session, case, session.get_one(Lab, lab_id), user_id)


def count(case: Case, outcome: str, change: int) -> None:
    """Keep the numbers by which the worklist filters."""
    case.image_count += change
    column = f"{outcome}_count"
    setattr(case, column, getattr(case, column) + change)
