"""What was signed, as a report reads it: versions that were signed by an older program are read all the same."""

from __future__ import annotations

from typing import Any

# Entries of a case that older versions did not have; nothing was known then.
LATER = {"received": "", "age_band": "", "sex": ""}


def readable(content: dict[str, Any]) -> dict[str, Any]:
    """Return signed content under today's names. What was signed, and its hash, stay what they are."""
    return (
        {"program": ""}
        | content
        | {
            "case": LATER | content["case"],
            "images": [image | {"review": _review(image["review"])} for image in content["images"]],
        }
    )


def _review(review: dict[str, Any]) -> dict[str, Any]:
    """Return a signed review; before schema 2 its kind had another name."""
    return {("kind" if key == "verdict" else key): value for key, value in review.items()}
