"""From logits to what may be said: temperature, novelty and abstention. Never a bare softmax winner."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from smear.arrays import Array
from smear.card import Card

Outcome = Literal["suggested", "uncertain", "not_gradable"]


@dataclass(frozen=True)
class Reason:
    """Why there is no suggestion: a code for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True)
class Suggestion:
    """What is suggested for a picture. `label` only with outcome `suggested`; probabilities are calibrated, 0..1."""

    outcome: Outcome
    label: str | None
    reasons: tuple[Reason, ...]
    probabilities: dict[str, float]
    confidence: float | None
    novelty: float | None


def calibrated(logits: Array, temperature: float) -> Array:
    """Return softmax(logits / temperature) over the last axis (temperature scaling: Guo et al. 2017)."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    weights = np.exp(scaled)
    return weights / weights.sum(axis=-1, keepdims=True)


def not_gradable(reasons: tuple[Reason, ...]) -> Suggestion:
    """Return the refusal of a picture that nobody should grade."""
    return Suggestion("not_gradable", None, reasons, {}, None, None)


def suggest(logits: Array, novelty: float, card: Card) -> Suggestion:
    """Return the suggestion for the `logits` (C,) of a gradable picture with this novelty score."""
    probabilities = calibrated(logits, card.temperature)
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    reasons = []
    if not np.isfinite(novelty) or novelty > card.novelty.value:
        reasons.append(
            Reason(
                "novel",
                "These leukocytes do not look like those the model was trained on. Judge this one yourself.",
            )
        )
    if not confidence >= card.abstention.value:
        reasons.append(
            Reason(
                "low_confidence",
                f"The model is not sure enough: its best answer has {confidence:.2f},"
                f" and it needs {card.abstention.value:.2f} to make a suggestion.",
            )
        )
    return Suggestion(
        outcome="uncertain" if reasons else "suggested",
        label=None if reasons else card.labels[best].id,
        reasons=tuple(reasons),
        probabilities={label.id: float(p) for label, p in zip(card.labels, probabilities, strict=True)},
        confidence=confidence,
        novelty=float(novelty),
    )
