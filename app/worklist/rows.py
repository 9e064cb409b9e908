"""The rows of the worklist: a case with what was suggested in it, and who may have reviewed it."""

from __future__ import annotations

from dataclasses import dataclass

from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.database import db
from app.records import Case, SmearImage, User


@dataclass(frozen=True)
class Line:
    """One row of the worklist: a case, what was suggested in it and by which models, and how many drawings it has."""

    case: Case
    labels: list[tuple[str, int, float | None]]  # name, images, probability when it is one image
    bundles: list[str]
    drawn: int


def reviewers() -> list[User]:
    """Return the people of the lab, who may have reviewed something."""
    return list(db.session.scalars(select(User).where(User.lab_id == current_user.lab_id).order_by(User.email)))


def lines(cases: list[Case]) -> list[Line]:
    """Gather what was suggested in each case, with one query for the whole page."""
    images = db.session.scalars(
        select(SmearImage)
        .where(SmearImage.case_id.in_([case.id for case in cases]))
        .options(selectinload(SmearImage.readings))
    ).all()
    of_case: dict[str, list[SmearImage]] = {}
    for image in images:
        of_case.setdefault(image.case_id, []).append(image)
    return [line(case, of_case.get(case.id, [])) for case in cases]


def line(case: Case, images: list[SmearImage]) -> Line:
    """Sum up one case: labels by how many images have them."""
    suggested = [image.reading for image in images if image.reading.outcome == "suggested"]
    names = [reading.label_name() for reading in suggested]
    labels = [
        (name, names.count(name), suggested[0].confidence if len(images) == 1 else None)
        for name in sorted(set(names), key=lambda name: (-names.count(name), name))
    ]
    bundles = sorted({f"{image.reading.bundle} {image.reading.version}" for image in images})
    return Line(case, labels, bundles, sum(image.drawn for image in images))
