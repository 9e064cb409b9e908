"""The example case: which pictures are in it, how it is opened, and how far somebody has come with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_security import current_user
from sqlalchemy import select

from app.accession import key
from app.cases import intake
from app.cases.details import create_case
from app.cases.intake import Incoming
from app.database import db
from app.records import Case, User
from smear.imaging.containers import Enclosed

FOLDER = Path(__file__).parent / "pictures"
# Of the BCCD data set (MIT licence; pictures/NOTICE.md). Nearly all drawings are refused, and no public set whose
# licence allows it to be passed on has fields that the default model knows: the one that gets a suggestion is drawn.
DRAWN = "drawn-field.jpg"
PICTURES = (DRAWN, "bccd-two-leukocytes.jpg", "bccd-cut-leukocyte.jpg")
ACCESSION = "EXAMPLE"
NOTES = _l(
    "An example, no patient of this laboratory. The first field is a drawing; the other two are of the public BCCD data"
    " set (MIT licence)."
)


@dataclass(frozen=True)
class Step:
    """One step of the guide: what to do, where ("" where it is not the person's to do), and whether it is done."""

    words: str
    address: str
    done: bool


def going_on(user: User) -> Case | None:
    """Return the example that somebody has opened and not signed yet."""
    query = select(Case).where(
        Case.lab_id == user.lab_id, Case.created_by_id == user.id, Case.example, Case.state != "signed"
    )
    return db.session.scalar(query.order_by(Case.created_at.desc()).limit(1))


def open_case(user: User) -> Case:
    """Open an example case and read its pictures; one that somebody has not signed yet is gone on with.

    EngineBusyError and BundleUnusableError where no model can read now; what is stored by then is gone on with later.
    """
    case = going_on(user)
    if case is None:
        fields: dict[str, str | None] = {"accession": free_accession(user), "specimen": "PB", "notes": str(NOTES)}
        case = create_case(fields, user, example=True)
    there = {image.display_name for image in case.images}
    for name in PICTURES:
        if name not in there:
            picture = Enclosed(name, (FOLDER / name).read_bytes())
            intake.take_in(case, Incoming(picture, name, drawn=name == DRAWN), user)
            case = db.session.get_one(Case, case.id)
    return case


def free_accession(user: User) -> str:
    """Return the first of EXAMPLE-1, EXAMPLE-2 ... that the lab has no case of."""
    query = select(Case.accession_key).where(Case.lab_id == user.lab_id, Case.accession_key.startswith(key(ACCESSION)))
    keys = set(db.session.scalars(query))
    number = 1
    while key(f"{ACCESSION}-{number}") in keys:
        number += 1
    return f"{ACCESSION}-{number}"


def steps(case: Case) -> list[Step]:
    """Return the way from an example's first picture to its signed report, each step with whether it is done."""
    reviewed, signed = case.reviewed_count, case.state == "signed"
    page = url_for("cases.show", case_id=case.id)
    following = next((image for image in case.images if not image.reviews), None)
    read = url_for("reading.read", case_id=case.id, image_id=following.id) if following else page
    report = url_for("report.show", case_id=case.id, version=case.version) if signed else page
    all_reviewed = 0 < case.image_count <= reviewed
    return [
        Step(
            _("Look at what the model says of the first field, then say what you see: press its key."),
            read,
            reviewed > 0,
        ),
        Step(
            _("Review the other two. One is refused as unfamiliar, one is not gradable: read why."), read, all_reviewed
        ),
        Step(
            _("Sign the case with your diagnosis and your password."),
            url_for("signing.sign", case_id=case.id) if current_user.is_clinician else "",
            signed,
        ),
        Step(_("Open the report: the page, and the PDF."), report, False),
    ]
