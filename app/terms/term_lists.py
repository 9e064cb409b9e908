"""A lab's own terms. Every change is a new version of a list, so that what was chosen years ago can be looked up.

What is signed or said of a picture keeps the name of its term beside the code: a term that is taken off the list is
offered no more, and stays legible where it was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import db, writing
from app.records import TermList, User
from app.rules import RefusedError
from smear.inference.card import Label

DIAGNOSIS, CELL_CLASS, SENTENCE = "diagnosis", "cell_class", "sentence"
REMOVAL, EXCLUSION, AMENDMENT = "removal", "exclusion", "amendment"  # reasons
MICROSCOPE = "microscope"
KINDS = (DIAGNOSIS, CELL_CLASS, MICROSCOPE, SENTENCE, REMOVAL, EXCLUSION, AMENDMENT)
REVIEW_RULE = "review_rule"  # chosen with the counting of cells; their versions stand with the others


@dataclass(frozen=True)
class Term:
    """One term: what stands in the records for it, its name, and what it means.

    Of a cell class: `counted_as`, the built-in class whose part it is ("" for a class of its own), and whether it is
    malignant. Of a microscope with its camera: `micrometres_per_pixel`, 0 where nobody measured it.
    """

    code: str
    name: str
    meaning: str = ""
    counted_as: str = ""
    malignant: bool = False
    micrometres_per_pixel: float = 0.0

    @property
    def plain(self) -> dict[str, str | bool | float]:
        """Return it as a version keeps it, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def label(self) -> Label:
        """Return it as a model's label, which is what people choose from."""
        return Label(self.code, self.name, self.meaning, self.malignant)


def newest(lab_id: int, kind: str) -> TermList | None:
    """Return the version of a list that holds; None where the lab never made one."""
    query = select(TermList).where(TermList.lab_id == lab_id, TermList.kind == kind)
    return db.session.scalar(query.order_by(TermList.version.desc()).limit(1))


def versions(lab_id: int, kind: str = "") -> list[TermList]:
    """Return every version of a list of a lab, or of every list, the newest first."""
    query = select(TermList).where(TermList.lab_id == lab_id)
    query = query.where(TermList.kind == kind) if kind else query
    return list(db.session.scalars(query.order_by(TermList.saved_at.desc(), TermList.version.desc())))


def terms_in(row: TermList | None) -> list[Term]:
    """Return the terms of a version in the lab's order; none where there is no version."""
    return [Term(**fields) for fields in row.terms] if row else []


def terms(lab_id: int, kind: str) -> list[Term]:
    """Return a lab's terms of a kind as they are now."""
    return terms_in(newest(lab_id, kind))


def labels(lab_id: int, kind: str) -> list[Label]:
    """Return a lab's terms of a kind as labels."""
    return [term.label for term in terms(lab_id, kind)]


def names(lab_id: int, kind: str) -> dict[str, str]:
    """Return the names of a lab's terms of a kind by their codes."""
    return {term.code: term.name for term in terms(lab_id, kind)}


def scale(lab_id: int, microscope: str) -> float | None:
    """Return the micrometres per pixel of a lab's microscope, by its newest version; None where nobody measured it.

    A microscope that is on the list no more keeps the scale that it had last.
    """
    for row in versions(lab_id, MICROSCOPE) if microscope else ():
        for term in terms_in(row):
            if term.name == microscope:
                return term.micrometres_per_pixel or None
    return None


def typed(form: Mapping[str, str], field: str) -> str:
    """Return what was typed into a field, and after it the sentence that a browser without script sends beside it."""
    text, sentence = form.get(field, ""), form.get("sentence", "").strip()
    return "\n".join(filter(None, (text.rstrip(), sentence))) if sentence else text


def save(kind: str, chosen: list[Term], version: int, user: User) -> TermList | None:
    """Keep a new version of a list; None where it says what the newest says.

    version: the one that the page showed, 0 for none; RefusedError where somebody saved another one meanwhile.
    """
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        before = newest(lab_id, kind)
        if (before.version if before else 0) != version:
            raise RefusedError(
                _(
                    "Somebody else changed this list while the page was open. Nothing of yours was saved: put into it"
                    " what theirs has and it should keep, and save again."
                )
            )
        return keep(session, kind, chosen, lab_id, user_id)


def keep(session: Session, kind: str, chosen: list[Term], lab_id: int, user_id: int) -> TermList | None:
    """Keep a new version of a list within a transaction that writes; None where it says what the newest says."""
    before = newest(lab_id, kind)
    if terms_in(before) == chosen:
        return None
    row = TermList(
        lab_id=lab_id,
        kind=kind,
        version=before.version + 1 if before else 1,
        terms=[term.plain for term in chosen],
        saved_by_id=user_id,
    )
    session.add(row)
    session.flush()
    ledger.record(
        session,
        "lab.terms",
        lab=lab_id,
        actor=user_id,
        subject=lab_id,
        rows=[row],
        terms=row.id,
        kind=kind,
        version=row.version,
        names=[term.name for term in chosen],
    )
    return row
