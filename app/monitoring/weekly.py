"""What models and people said, counted by week: each model's first readings, named cells, and blind readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from app.database import db
from app.differential.classes import APART, BLAST, class_of
from app.records import Annotation, BlindReview, Case, Reading, Review, SmearImage
from app.reviews import blind_reading

WEEK = timedelta(weeks=1)


@dataclass
class ModelWeek:
    """One week of one version of a model. labels: suggestions by label; reviewed: suggestions that people judged."""

    monday: date
    bundle: str
    version: str
    cases: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    reviewed: int = 0
    overridden: int = 0

    @property
    def images(self) -> int:
        """Return how many images it read."""
        return self.outcomes.total()

    @property
    def suggested(self) -> int:
        """Return for how many it made a suggestion."""
        return self.outcomes["suggested"]


@dataclass
class PeopleWeek:
    """One week of what people said: leukocytes that they named, blasts among them, and images that two read blind."""

    monday: date
    named: int = 0
    blasts: int = 0
    pairs: int = 0
    agreed: int = 0


def monday_of(moment: datetime) -> date:
    """Return the first day of a moment's week, in UTC."""
    day = moment.date()
    return day - timedelta(days=day.weekday())


def first_monday(weeks: int, today: datetime) -> datetime:
    """Return the first moment of so many weeks, of which the last is this one."""
    return datetime.combine(monday_of(today) - (weeks - 1) * WEEK, time(), UTC)


def model_weeks(lab_id: int, since: datetime) -> list[ModelWeek]:
    """Return the weeks of each model that read since a moment, by model and in order; examples and drawings left out.

    Of an image the first reading counts, which was the active model's; and of reviews the one that holds.
    """
    earlier = aliased(Reading)
    before = exists().where(earlier.image_id == Reading.image_id, earlier.made_at < Reading.made_at)
    query = (
        select(
            Reading.image_id,
            SmearImage.case_id,
            Reading.made_at,
            Reading.bundle,
            Reading.version,
            Reading.outcome,
            Reading.label,
        )
        .join(Reading.image)
        .join(SmearImage.case)
        .where(
            Case.lab_id == lab_id,
            Case.example.is_(False),
            SmearImage.drawn.is_(False),
            Reading.made_at >= since,
            ~before,
        )
    )
    reviews = reviews_since(lab_id, since)
    weeks: dict[tuple[str, str, date], ModelWeek] = {}
    for row in db.session.execute(query):
        monday = monday_of(row.made_at)
        week = weeks.setdefault((row.bundle, row.version, monday), ModelWeek(monday, row.bundle, row.version))
        week.cases.add(row.case_id)
        week.outcomes[row.outcome] += 1
        if row.outcome == "suggested":
            week.labels[row.label] += 1
            kind, label = reviews.get(row.image_id, ("", None))
            week.reviewed += kind not in ("", "uncertain")
            week.overridden += kind not in ("", "uncertain") and label != row.label
    return [weeks[key] for key in sorted(weeks)]


def reviews_since(lab_id: int, since: datetime) -> dict[str, tuple[str, str | None]]:
    """Return kind and label of the review that holds for each image added since a moment that has one."""
    query = (
        select(Review.image_id, Review.kind, Review.label)
        .join(Review.image)
        .join(SmearImage.case)
        .where(Case.lab_id == lab_id, SmearImage.added_at >= since)
        .order_by(Review.version)
    )
    return {image_id: (kind, label) for image_id, kind, label in db.session.execute(query)}


def people_weeks(lab_id: int, since: datetime) -> list[PeopleWeek]:
    """Return the weeks in which people named cells or read blind, in order; examples and drawings left out."""
    weeks: dict[date, PeopleWeek] = {}

    def week(moment: datetime) -> PeopleWeek:
        monday = monday_of(moment)
        return weeks.setdefault(monday, PeopleWeek(monday))

    for label, moment in standing_labels(lab_id, since):
        kind = class_of(label)
        if kind not in APART:
            week(moment).named += 1
            week(moment).blasts += kind == BLAST
    blind = blind_reading.compared(lab_id).where(BlindReview.made_at >= since)
    for second, first in db.session.execute(blind):
        week(second.made_at).pairs += 1
        week(second.made_at).agreed += first.code == second.code
    return [weeks[monday] for monday in sorted(weeks)]


def standing_labels(lab_id: int, since: datetime) -> Iterable[tuple[str, datetime]]:
    """Return the label that holds for each cell that was annotated since a moment, and when it was given."""
    query = (
        select(Annotation.image_id, Annotation.number, Annotation.kind, Annotation.label, Annotation.made_at)
        .join(Annotation.image)
        .join(SmearImage.case)
        .where(
            Case.lab_id == lab_id,
            Case.example.is_(False),
            SmearImage.drawn.is_(False),
            Annotation.made_at >= since,
        )
        .order_by(Annotation.version)
    )
    newest: dict[tuple[str, int], tuple[str, str | None, datetime]] = {}
    for image_id, number, kind, label, moment in db.session.execute(query):
        newest[image_id, number] = kind, label, moment
    return [(label or "", moment) for kind, label, moment in newest.values() if kind == "label"]


def label_names(lab_id: int, bundle: str, version: str) -> dict[str, str]:
    """Return the printed names of a model's labels, as its readings have them."""
    query = (
        select(Reading)
        .join(Reading.image)
        .join(SmearImage.case)
        .where(Case.lab_id == lab_id, Reading.bundle == bundle, Reading.version == version)
        .limit(1)
    )
    reading = db.session.scalar(query)
    return {label.id: label.name for label in reading.labels} if reading else {}
