"""How far a count has come: to the lab's target, and to where its limits of the blasts say something."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from app.differential.classes import BLAST
from app.differential.count import leukocytes
from app.records import Lab
from smear.statistics import Share, chance_of_none, exact_limits, exact_share

TARGETS = (100, 200, 400)
# Confidence of the limits that end a count: who looks at them after each cell is misled more often than who looks once.
STOPPING = 0.99
RARE = 0.01  # of the leukocytes: blasts as rare as that are what a count may miss


@dataclass(frozen=True)
class Progress:
    """How far a count has come. counted: leukocytes that people named; blasts: their share of blasts, exact limits.

    low, high: limits by which counting may stop; missed: how probably this count would hold no blast where `RARE` of
    the leukocytes are; threshold: the share that the lab wants the limits to be clear of, 0..1.
    """

    counted: int
    target: int
    blasts: Share
    low: float
    high: float
    threshold: float
    missed: float

    @property
    def done(self) -> bool:
        """Return whether the target is reached."""
        return self.counted >= self.target

    @property
    def above(self) -> bool:
        """Return whether the limits of the blasts lie above the lab's threshold, or on it."""
        return self.counted > 0 and self.low >= self.threshold

    @property
    def below(self) -> bool:
        """Return whether they lie below it."""
        return self.high < self.threshold

    @property
    def certain(self) -> bool:
        """Return whether counting further would hardly change on which side of the threshold the blasts are."""
        return self.above or self.below


def progress(by_people: Counter[str], lab: Lab) -> Progress:
    """Return how far a count by people has come; by_people: how many cells of each class they named."""
    counted = leukocytes(by_people)
    low, high = exact_limits(by_people[BLAST], counted, STOPPING)
    return Progress(
        counted=counted,
        target=lab.count_target,
        blasts=exact_share(by_people[BLAST], counted),
        low=low,
        high=high,
        threshold=lab.blast_percent / 100,
        missed=chance_of_none(RARE, counted),
    )
