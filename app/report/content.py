"""What was signed, as a report reads it: versions that were signed by an older program are read all the same."""

from __future__ import annotations

from typing import Any

from smear.inference.suggestion import LOW_CONFIDENCE, TEXTS, UNCERTAIN, UNFAMILIAR

NOT_SURE = "The model is not sure enough"  # so every version began to say that its confidence was low
# Entries of a case that older versions did not have; nothing was known then.
LATER = {"received": "", "age_band": "", "sex": ""}


def readable(content: dict[str, Any]) -> dict[str, Any]:
    """Return signed content under today's names. What was signed, and its hash, stay what they are."""
    return (
        {"program": "", "differential": None, "blind_readings": []}
        | content
        | {
            "case": LATER | content["case"],
            "images": [
                image | {"review": _review(image["review"]), "reading": _reading(image["reading"])}
                for image in content["images"]
            ],
        }
    )


def _reading(reading: dict[str, Any]) -> dict[str, Any]:
    """Return a signed reading; before schema 3 a refusal had numbers, and only its reasons say of which kind it was."""
    if reading["outcome"] == "suggested":
        return reading
    refused = reading | {"label": None, "label_name": None, "confidence": None}
    if reading["outcome"] != UNCERTAIN:
        return refused
    unsure = all(reason.startswith(NOT_SURE) for reason in reading["reasons"])
    outcome, code = ("unsure", LOW_CONFIDENCE) if unsure else ("unfamiliar", UNFAMILIAR)
    return refused | {"outcome": outcome, "reasons": [TEXTS[code]]}


def _review(review: dict[str, Any]) -> dict[str, Any]:
    """Return a signed review; before schema 2 its kind had another name."""
    return {("kind" if key == "verdict" else key): value for key, value in review.items()}
