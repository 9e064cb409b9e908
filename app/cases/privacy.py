"""Warnings for what looks like a name or a birth date: a guess, which the person who writes may overrule."""

from __future__ import annotations

import re
from datetime import date

from flask_babel import gettext as _

DAY = re.compile(
    r"\b(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})[-/.]\s?(?P<m2>\d{1,2})[-/.]\s?(?P<y2>\d{4}))\b"
)
BORN = re.compile(r"\b(?:d\.?o\.?b\.?|born|birth|geb\.|geboren|née|nato|nata|nacid[oa])(?:\W|$)", re.IGNORECASE)
TITLE = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Mister|Herr|Frau|Mme|Sr|Sra|patient name|name)\b\.?:?\s+[^\W\d_]", re.IGNORECASE
)
WORD = r"[^\W\d_][^\W\d_'’-]+"
TURNED = re.compile(rf"^\s*(?P<last>{WORD}),\s*(?P<first>{WORD})\s*$")
WHOLE = re.compile(rf"^\s*({WORD})(?:\s+({WORD})){{1,2}}\s*$")


def looks_like_a_birth_date(text: str) -> bool:
    """Say whether a day is written that somebody alive may be born on, well before today."""
    if BORN.search(text):
        return True
    for found in DAY.finditer(text):
        year, month, day = (int(found[name] or found[name + "2"]) for name in ("y", "m", "d"))
        if 1900 <= year < date.today().year and 1 <= month <= 12 and 1 <= day <= 31:
            return True
    return False


def looks_like_a_name(text: str) -> bool:
    """Say whether a title stands before a word, or a whole field is made of capitalised words."""
    if TITLE.search(text):
        return True
    if turned := TURNED.match(text):
        return turned["last"][0].isupper() and turned["first"][0].isupper()
    return bool(WHOLE.match(text)) and all(word[0].isupper() for word in text.split())


def warning(text: str) -> str | None:
    """Return a sentence where a field looks as if it held what must not stand there."""
    if looks_like_a_birth_date(text):
        return _(
            "This looks like a birth date. Leave it out; or, if it is none, press the button once more to keep it."
        )
    if looks_like_a_name(text):
        return _("This looks like a name. Leave it out; or, if it is none, press the button once more to keep it.")
    return None
