"""What was suggested over a whole case: each bundle's probabilities pooled over the fields, and where bundles differ.

Read as plain columns and not as records: a case may have two hundred images, and its page is opened all day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import func, select

from app.database import db
from app.records import Reading, SmearImage
from app.template_filters import outcome_in_words
from smear.inference.card import Label
from smear.inference.suggestion import uncertainty


@dataclass(frozen=True)
class BriefReading:
    """What one bundle said of one field; `labels` are its card's then, by id."""

    image_id: str
    reading_id: str
    bundle: str
    version: str
    outcome: str
    label: str | None
    confidence: float | None
    probabilities: dict[str, float]
    labels: dict[str, Label]

    @property
    def suggested(self) -> Label | None:
        """Return the label that is suggested, with name and meaning."""
        return self.labels.get(self.label) if self.outcome == "suggested" and self.label else None

    @property
    def words(self) -> str:
        """Say what came of the reading; only a suggestion names a label."""
        name = self.suggested.name if self.suggested else self.label or ""
        return outcome_in_words(self.outcome, name, self.confidence)

    @property
    def uncertainty(self) -> float:
        """Return by how much it calls for a person."""
        return uncertainty(self.outcome, self.confidence)


@dataclass(frozen=True)
class Pooled:
    """One bundle's readings of a case taken together.

    outcomes: how many fields ended in each; votes: in how many fields each label was suggested; probabilities: by
    label, the mean of the calibrated probabilities over the fields with a suggestion, 0..1, empty where there are none.
    A refused field counts in no mean: of what it shows the model knows nothing.
    """

    bundle: str
    version: str
    labels: tuple[Label, ...]
    read: int
    outcomes: Counter[str] = field(default_factory=Counter)
    votes: Counter[str] = field(default_factory=Counter)
    probabilities: dict[str, float] = field(default_factory=dict)

    @property
    def leading(self) -> Label | None:
        """Return the label that was suggested in more fields than any other; None where there is no such one."""
        first = most_voted(self.votes)
        return next((label for label in self.labels if label.id == first), None)


def most_voted(votes: Counter[str]) -> str | None:
    """Return what has more votes than anything else; None where nothing has."""
    (first, most), *rest = [*votes.most_common(2), ("", 0)]
    return first if most and rest[0][1] < most else None


def brief_readings(case_id: str) -> dict[str, list[BriefReading]]:
    """Return what was said of each image of a case, by its id, in the order in which it was read."""
    query = (
        select(
            Reading.image_id,
            Reading.id.label("reading_id"),
            Reading.bundle,
            Reading.version,
            Reading.outcome,
            Reading.label,
            Reading.confidence,
            Reading.probabilities,
        )
        .join(Reading.image)
        .where(SmearImage.case_id == case_id)
        .order_by(Reading.made_at)
    )
    rows = db.session.execute(query).all()
    names = labels_by_bundle(case_id)
    by_image: defaultdict[str, list[BriefReading]] = defaultdict(list)
    for row in rows:
        by_image[row.image_id].append(BriefReading(**row._mapping, labels=names[row.bundle, row.version]))
    return dict(by_image)


def labels_by_bundle(case_id: str) -> dict[tuple[str, str], dict[str, Label]]:
    """Return the labels of each version of a bundle that read some of the case, by id: once, not for each image."""
    examples = (
        select(func.max(Reading.id))
        .join(Reading.image)
        .where(SmearImage.case_id == case_id)
        .group_by(Reading.bundle, Reading.version)
    )
    query = select(Reading.bundle, Reading.version, Reading.labels).where(Reading.id.in_(examples))
    return {
        (bundle, version): {label.id: label for label in labels}
        for bundle, version, labels in db.session.execute(query)
    }


def pooled(readings_by_image: dict[str, list[BriefReading]]) -> list[Pooled]:
    """Return the case as each bundle sees it; the one that read most fields first."""
    by_bundle: defaultdict[tuple[str, str], list[BriefReading]] = defaultdict(list)
    for readings in readings_by_image.values():
        for reading in readings:
            by_bundle[reading.bundle, reading.version].append(reading)
    summaries = []
    for (bundle, version), readings in by_bundle.items():
        suggested = [reading for reading in readings if reading.suggested and reading.probabilities]
        labels = tuple(readings[0].labels.values())
        means = {
            label.id: sum(reading.probabilities.get(label.id, 0.0) for reading in suggested) / len(suggested)
            for label in labels
            if suggested
        }
        outcomes = Counter(reading.outcome for reading in readings)
        votes = Counter(reading.label for reading in readings if reading.suggested and reading.label)
        summaries.append(Pooled(bundle, version, labels, len(readings), outcomes, votes, means))
    return sorted(summaries, key=lambda summary: (-summary.read, summary.bundle, summary.version))


def differing(readings_by_image: dict[str, list[BriefReading]]) -> set[str]:
    """Return the images of which two bundles suggest different things."""
    return {
        image_id
        for image_id, readings in readings_by_image.items()
        if any(differ(earlier, later) for place, earlier in enumerate(readings) for later in readings[place + 1 :])
    }


def differ(earlier: BriefReading, later: BriefReading) -> bool:
    """Say whether two suggestions contradict each other: two labels that both know, or leukemia against none."""
    first, second = earlier.suggested, later.suggested
    if first is None or second is None or first.id == second.id:
        return False
    if first.id in later.labels and second.id in earlier.labels:
        return True
    return first.malignant != second.malignant
