"""What a card says was measured. Rates are 0..1; intervals are 95 %.

A card keeps its results as JSON, since each version measures more. These are the entries that decide or are shown,
typed: what is not here is passed over, and what a card of an earlier version does not have is None or empty.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from smear import schema


class Rate(Struct, frozen=True):
    """A proportion, None of nothing: `count` of `total`.

    low, high: the interval by whole groups (of patients or slides), of which there are `groups`; with 0 of them it is
    Wilson's by picture, which otherwise stands in `wilson` beside it.
    """

    value: float | None
    low: float
    high: float
    count: int = field(name="right")
    total: int = field(name="of")
    groups: int = 0
    wilson: tuple[float, float] | None = None


class Difference(Struct, frozen=True):
    """By how much a model's score exceeds that of what it is compared with, and the 95 % interval of it."""

    value: float
    low: float
    high: float

    @property
    def within_noise(self) -> bool:
        """Whether chance alone explains it."""
        return self.low <= 0 <= self.high


class Malignant(Struct, frozen=True):
    """How well malignant cells stand apart from all others of a laboratory.

    sensitivity: at thresholds that leave this share of the others below them, by the share in per cent.
    """

    n: int
    others: int
    auroc: float
    sensitivity: dict[str, float]


class Laboratory(Struct, frozen=True):
    """One laboratory's cells, answered by a network that had learnt from none of them.

    accuracy_all and five_types, the mean recall of the five types that are there often enough, are as if nothing had
    been refused. ships: whether the published network learnt from it later; not so of an examination.
    """

    source: str
    ships: bool
    n: int
    groups: int
    accuracy_all: Rate
    five_types: float | None
    coverage: float
    accuracy_suggested: Rate
    ece: float
    sensitivity: dict[str, Rate]
    malignant: Malignant | None


class Expected(Struct, frozen=True):
    """What a laboratory that nobody has seen may expect: the mean over those held out, and the worst of them.

    accuracy_suggested: None where nothing is suggested anywhere.
    """

    laboratories: int
    accuracy_all: float
    accuracy_all_worst: float
    coverage: float
    coverage_worst: float
    accuracy_suggested: float | None
    accuracy_suggested_worst: float | None


class Laboratories(Struct, frozen=True):
    """The laboratories that were held out, an examination last, and what they say of the next one."""

    rows: list[Laboratory]
    expected: Expected


class Ablation(Struct, frozen=True):
    """How a control did: the share that got a suggestion, and accuracy as if nothing were refused."""

    coverage: float
    accuracy_all: float | None = None
    suggested: Rate | None = None


class Rendered(Struct, frozen=True):
    """What became of one rendering: of its own kind `own` pictures, `suggested` for and `right` about so many.

    others: pictures that are none of the bundle's business; others_suggested: those that got a suggestion all the same.
    """

    rendering: str
    own: int
    suggested: int
    right: int
    others: int
    others_suggested: int


class Result(Struct, frozen=True):
    """What one protocol gave on `n` pictures.

    `accuracy_all`, `sensitivity` (by label) and `confusion` (a row for each true label) count every picture as if
    nothing had been refused; colour_statistics_forest: the accuracy of a forest that is told colours and no shape.
    """

    n: int = 0
    coverage: float | None = None
    accuracy_suggested: Rate | None = None
    accuracy_all: Rate | None = None
    sensitivity: dict[str, Rate] = {}
    confusion: tuple[tuple[int, ...], ...] = ()
    colour_statistics_forest: Rate | None = None
    gain_over_colours: Difference | None = None
    laboratories: Laboratories | None = None


PROTOCOLS = ("release", "source", "grouped", "random")  # what they are worth most first


class _Stress(Struct, frozen=True):
    renderings: list[Rendered]


def result(metrics: dict[str, Any], protocol: str) -> Result | None:
    """Return what a card's `metrics` say of a protocol, None where nobody ran it; MismatchError names a wrong entry."""
    entry = metrics.get(protocol)
    return None if entry is None else schema.read(Result, entry, f"card.metrics.{protocol}")


def ablations(controls: dict[str, Any]) -> dict[str, Ablation]:
    """Return the controls of a card by their names; MismatchError names a wrong entry."""
    return schema.read(dict[str, Ablation], controls, "card.controls")


def renderings(metrics: dict[str, Any]) -> list[Rendered]:
    """Return what other renderings became, [] where nobody asked; MismatchError names a wrong entry."""
    entry = metrics.get("stress")
    return [] if entry is None else schema.read(_Stress, entry, "card.metrics.stress").renderings


def check(metrics: dict[str, Any], controls: dict[str, Any]) -> None:
    """Raise MismatchError, which names it, for an entry of a card that is not what it has to be."""
    for protocol in PROTOCOLS:
        result(metrics, protocol)
    ablations(controls)
    renderings(metrics)
