"""From logits to what may be suggested: temperature, out-of-distribution score, abstention. No bare softmax winner.

Refused means no numbers: a refusal keeps all that was computed, for audits; `Suggestion.shown` is what anybody sees.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from smear.arrays import Array
from smear.inference.card import NEVER, Card

Outcome = Literal["suggested", "unsure", "unfamiliar", "not_gradable"]
UNFAMILIAR, LOW_CONFIDENCE = "unfamiliar", "low_confidence"  # codes of reasons
NOT_RELEASED = "not_released"
DIGIT = re.compile(r"\d")
UNSURE = {LOW_CONFIDENCE, NOT_RELEASED}
EARLIER_CODES = {"novel": UNFAMILIAR}
UNCERTAIN = "uncertain"  # unsure or unfamiliar: one outcome once, and still one to programs that read our output
TEXTS = {
    UNFAMILIAR: "These leukocytes do not look like those the model was trained on. Judge this one yourself.",
    LOW_CONFIDENCE: "The model is not sure enough to name a label. Judge this one yourself.",
    NOT_RELEASED: (
        "This model was not right often enough on pictures that it had not seen, so it makes no suggestions."
        " Judge this one yourself."
    ),
}


@dataclass(frozen=True)
class Reason:
    """Why there is no suggestion: a code for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True)
class Suggestion:
    """What is suggested for a picture. `label` only with outcome `suggested`; probabilities are calibrated, 0..1.

    A picture that is both unlike the training pictures and doubtful is `unfamiliar`: of what a network has never seen
    its confidence says nothing. `unsure` has no reason but low confidence, or that the model never makes suggestions.
    """

    outcome: Outcome
    label: str | None
    reasons: tuple[Reason, ...]
    probabilities: dict[str, float]
    confidence: float | None
    ood_score: float | None

    @property
    def shown(self) -> "Suggestion":
        """What people, reports and programs get of it: of a refusal the outcome and its reasons, and no numbers.

        A reason with a number in it was worded by an older version and is worded as today; beside `unfamiliar`, low
        confidence is no reason.
        """
        if self.outcome == "suggested":
            return self
        reasons = tuple(
            replace(reason, text=TEXTS[reason.code]) if reason.code in TEXTS and DIGIT.search(reason.text) else reason
            for reason in self.reasons
            if reason.code not in UNSURE or self.outcome != "unfamiliar"
        )
        return Suggestion(self.outcome, None, reasons, {}, None, None)


def upgraded(data: object) -> object:
    """Return a suggestion as JSON data under today's names: an older version may have stored it."""
    if not isinstance(data, dict):
        return data
    stored_reasons = data.get("reasons")
    reasons = [
        reason | {"code": EARLIER_CODES.get(str(reason.get("code")), reason.get("code"))}
        for reason in (stored_reasons if isinstance(stored_reasons, list) else [])
        if isinstance(reason, dict)
    ]
    changed = {"reasons": reasons if reasons else stored_reasons}
    if "novelty" in data:
        changed["ood_score"] = data["novelty"]
    if data.get("outcome") == UNCERTAIN:
        changed["outcome"] = refusal_for([str(reason["code"]) for reason in reasons])
    return {key: value for key, value in data.items() if key != "novelty"} | changed


def refusal_for(codes: Sequence[str]) -> Outcome:
    """Return which refusal of a gradable picture the codes of its reasons make."""
    return "unsure" if set(codes) <= UNSURE else "unfamiliar"


def as_printed(outcome: Outcome) -> str:
    """Return an outcome as the command lines print it: `uncertain` for both refusals of a gradable picture."""
    return UNCERTAIN if outcome in ("unsure", "unfamiliar") else outcome


def uncertainty(outcome: str, confidence: float | None) -> float:
    """Return by how much a picture calls for a person: 0 to 1 where a label is suggested, 2 unsure, 3 unfamiliar.

    What is not gradable was not judged, so it has 0. A refusal's confidence plays no part.
    """
    if outcome == "suggested":
        return 1.0 - (confidence or 0.0)
    return {"unsure": 2.0, "unfamiliar": 3.0}.get(outcome, 0.0)


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

    confidence: calibrated, of the best answer, which needs `abstention` and never suffices where that is NEVER;
    ood_score: at most `limit`.
    """
    doubtful = {
        UNFAMILIAR: not (np.isfinite(ood_score) and ood_score <= limit),
        LOW_CONFIDENCE: abstention < NEVER and not confidence >= abstention,
        NOT_RELEASED: abstention >= NEVER,
    }
    return tuple(code for code, applies in doubtful.items() if applies)


def suggest(logits: Array, ood_score: float, card: Card, foreign: str = TEXTS[UNFAMILIAR]) -> Suggestion:
    """Return the suggestion for the `logits` (C,) of a gradable picture with this out-of-distribution score.

    foreign: what is foreign about it, in a sentence, for where the score is above the card's limit.
    """
    return _judged(calibrated(logits, card.temperature), ood_score, card, foreign)


def pooled(parts: Sequence[Suggestion], card: Card) -> Suggestion:
    """Return the suggestion for a picture of which these, one or more, are the parts' suggestions.

    Its probabilities are the mean over the parts that are familiar, its out-of-distribution score is the parts' median,
    so that it is familiar where most of them are.
    """
    scores = [np.inf if part.ood_score is None else part.ood_score for part in parts]
    score = float(np.median(scores))
    familiar = [part for part in parts if part.outcome != "unfamiliar"] or parts
    probabilities = np.array([[part.probabilities[label.id] for label in card.labels] for part in familiar])
    texts = [reason.text for part in parts for reason in part.reasons if reason.code == UNFAMILIAR]
    foreign = max(texts, key=texts.count) if texts else ""
    return _judged(probabilities.mean(axis=0), score, card, foreign)


def _judged(probabilities: Array, ood_score: float, card: Card, foreign: str) -> Suggestion:
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    codes = doubts(confidence, ood_score, card.abstention.value, card.ood.value)
    texts = TEXTS | {UNFAMILIAR: foreign}
    return Suggestion(
        outcome=refusal_for(codes) if codes else "suggested",
        label=None if codes else card.labels[best].id,
        reasons=tuple(Reason(code, texts[code]) for code in codes),
        probabilities={label.id: float(p) for label, p in zip(card.labels, probabilities, strict=True)},
        confidence=confidence,
        ood_score=ood_score,
    )
