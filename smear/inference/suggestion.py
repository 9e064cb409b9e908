"""From logits to what may be suggested: temperature, out-of-distribution score, abstention. No bare softmax winner."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from smear.arrays import Array
from smear.inference.card import Card

Outcome = Literal["suggested", "uncertain", "not_gradable"]
UNFAMILIAR, LOW_CONFIDENCE = "unfamiliar", "low_confidence"  # codes of reasons
EARLIER_CODES = {"novel": UNFAMILIAR}


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
    ood_score: float | None


def upgraded(data: object) -> object:
    """Return a suggestion as JSON data under today's names: an older version may have stored it."""
    if not isinstance(data, dict) or "novelty" not in data:
        return data
    reasons = [reason | {"code": EARLIER_CODES.get(reason["code"], reason["code"])} for reason in data["reasons"]]
    kept = {key: value for key, value in data.items() if key != "novelty"}
    return kept | {"ood_score": data["novelty"], "reasons": reasons}


def uncertainty(outcome: str, confidence: float | None) -> float:
    """Return by how much a model was unsure: up to 1 for a suggestion, above that where it made none.

    What is not gradable was not judged, so it has 0.
    """
    if outcome == "not_gradable":
        return 0.0
    return (2.0 if outcome == "uncertain" else 1.0) - (confidence or 0.0)


def calibrated(logits: Array, temperature: float) -> Array:
    """Return softmax(logits / temperature) over the last axis (temperature scaling: Guo et al. 2017)."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    weights = np.exp(scaled)
    result: Array = weights / weights.sum(axis=-1, keepdims=True)
    return result


def not_gradable(reasons: tuple[Reason, ...]) -> Suggestion:
    """Return the refusal of a picture that nobody should grade."""
    return Suggestion("not_gradable", None, reasons, {}, None, None)


def doubts(confidence: float, ood_score: float, abstention: float, limit: float) -> tuple[str, ...]:
    """Return the codes of what speaks against a suggestion for a gradable picture; none where nothing does.

    confidence: calibrated, of the best answer, which needs `abstention`; ood_score: at most `limit`.
    """
    doubtful = {
        UNFAMILIAR: not (np.isfinite(ood_score) and ood_score <= limit),
        LOW_CONFIDENCE: not confidence >= abstention,
    }
    return tuple(code for code, applies in doubtful.items() if applies)


def suggest(logits: Array, ood_score: float, card: Card, foreign: str) -> Suggestion:
    """Return the suggestion for the `logits` (C,) of a gradable picture with this out-of-distribution score.

    foreign: what is foreign about it, in a sentence, for where the score is above the card's limit.
    """
    probabilities = calibrated(logits, card.temperature)
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    texts = {
        UNFAMILIAR: foreign,
        LOW_CONFIDENCE: f"The model is not sure enough: its best answer has {confidence:.2f},"
        f" and it needs {card.abstention.value:.2f} to make a suggestion.",
    }
    codes = doubts(confidence, ood_score, card.abstention.value, card.ood.value)
    reasons = tuple(Reason(code, texts[code]) for code in codes)
    return Suggestion(
        outcome="uncertain" if reasons else "suggested",
        label=None if reasons else card.labels[best].id,
        reasons=reasons,
        probabilities={label.id: float(p) for label, p in zip(card.labels, probabilities, strict=True)},
        confidence=confidence,
        ood_score=float(ood_score),
    )
