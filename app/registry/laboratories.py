"""What a card says of laboratories that its networks had not seen, one by one, and of the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smear.inference.card import Card


@dataclass(frozen=True)
class Laboratory:
    """One laboratory that was held out; shares 0..1, None where there is nothing to say.

    learnt: whether the published network learnt from it later; else it is an examination. blasts: share of blasts that
    are recognised where 90 % of the other cells are not taken for one.
    """

    name: str
    learnt: bool
    cells: int
    forced: float
    low: float | None
    high: float | None
    coverage: float
    right: float | None
    blasts: float | None
    ece: float


@dataclass(frozen=True)
class Unseen:
    """What the next laboratory may expect: means over those that were held out, and the worst of them, 0..1."""

    laboratories: int
    forced: float
    forced_worst: float
    coverage: float
    coverage_worst: float
    right: float | None
    right_worst: float | None


def laboratories(card: Card) -> list[Laboratory]:
    """Return the laboratories of a card, [] where none was held out."""
    rows = _told(card).get("rows")
    return [_laboratory(row) for row in rows] if isinstance(rows, list) else []


def unseen(card: Card) -> Unseen | None:
    """Return what a laboratory that the model has never seen may expect, None where the card does not say."""
    told = _told(card).get("expected")
    if not isinstance(told, dict):
        return None
    return Unseen(
        laboratories=int(told["laboratories"]),
        forced=told["accuracy_all"],
        forced_worst=told["accuracy_all_worst"],
        coverage=told["coverage"],
        coverage_worst=told["coverage_worst"],
        right=told["accuracy_suggested"],
        right_worst=told["accuracy_suggested_worst"],
    )


def _told(card: Card) -> dict[str, Any]:
    result = card.metrics.get("source")
    found = result.get("laboratories") if isinstance(result, dict) else None
    return found if isinstance(found, dict) else {}


def _laboratory(row: dict[str, Any]) -> Laboratory:
    malignant = row.get("malignant") or {}
    return Laboratory(
        name=str(row["source"]).replace("_", " "),
        learnt=bool(row["ships"]),
        cells=int(row["n"]),
        forced=row["accuracy_all"]["value"],
        low=row["accuracy_all"]["low"],
        high=row["accuracy_all"]["high"],
        coverage=row["coverage"],
        right=row["accuracy_suggested"]["value"],
        blasts=malignant.get("sensitivity", {}).get("90"),
        ece=row["ece"],
    )
