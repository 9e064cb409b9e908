"""The ids of the ledger in words, looked up for the page that shows them and kept nowhere beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app.accession import key
from app.database import db
from app.records import Case, FrozenPanel, SmearImage, User

ID_LENGTH = 32  # of a case or an image; people and labs have short numbers, models names


@dataclass(frozen=True)
class Named:
    """What an id stands for: the words, and the page of it, where it is still there."""

    words: str
    address: str = ""


def named(ids: Iterable[str], people: Iterable[str], lab_id: int) -> dict[str, Named]:
    """Return the words of those ids that are a case, an image, a panel or one of `people`, of the lab."""
    long = {one for one in ids if len(one) == ID_LENGTH}
    cases = select(Case.id, Case.accession).where(Case.lab_id == lab_id, Case.id.in_(long))
    found = {
        row.id: Named(_("case %(name)s", name=row.accession), url_for("cases.show", case_id=row.id))
        for row in db.session.execute(cases)
    }
    images = (
        select(SmearImage.id, SmearImage.position, SmearImage.case_id, Case.accession)
        .join(SmearImage.case)
        .where(Case.lab_id == lab_id, SmearImage.id.in_(long))
    )
    for row in db.session.execute(images):
        words = _("image %(place)s of case %(name)s", place=row.position, name=row.accession)
        found[row.id] = Named(words, url_for("reading.read", case_id=row.case_id, image_id=row.id))
    frozen = select(FrozenPanel.id, FrozenPanel.name).where(FrozenPanel.lab_id == lab_id, FrozenPanel.id.in_(long))
    for panel_id, name in db.session.execute(frozen):
        found[panel_id] = Named(_("panel %(name)s", name=name), url_for("comparison.show", on=panel_id))
    numbers = {int(one) for one in people if one.isdecimal()}
    users = db.session.scalars(select(User).where(User.lab_id == lab_id, User.id.in_(numbers)))
    return found | {str(user.id): Named(user.shown_name) for user in users}


def things_called(text: str, lab_id: int) -> list[str]:
    """Return the ids that somebody means who types an id or an accession: the case's and those of its images."""
    case_id = db.session.scalar(select(Case.id).where(Case.lab_id == lab_id, Case.accession_key == key(text)))
    if case_id is None:
        return [text]
    return [text, case_id, *db.session.scalars(select(SmearImage.id).where(SmearImage.case_id == case_id))]
