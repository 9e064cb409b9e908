"""Days in addresses."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from flask import abort

YEARS = (1900, 9000)  # what a database can keep, with room for the day after


def midnight(text: str) -> datetime:
    """Return the first moment of a day in an address, in UTC as all times here; what is no day is a 404."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        abort(404)
    if not YEARS[0] <= day.year <= YEARS[1]:
        abort(404)
    return datetime.combine(day, time(), UTC)
