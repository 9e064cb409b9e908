"""Warnings for what looks like a name or a birth date: a guess, which the person who writes may overrule."""

from __future__ import annotations

import re
from datetime import date

from flask_babel import gettext as _

from app.cases.given_names import GIVEN_NAMES

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
# In file names words stand apart by more than spaces, and days by nothing; of those only days long past are meant.
APART = re.compile(r"[\s_.,;+()\[\]-]+")
RECENT = 2  # years: the day of a picture stands in many names
YEAR, MONTH, DAYS = r"19\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
COMPACT = re.compile(rf"(?<!\d)(?:{YEAR}{MONTH}{DAYS}|{DAYS}{MONTH}{YEAR})(?!\d)")
# What files from microscopes and cameras are called: words of which one is here are nobody's name.
OF_FILES = """
a acquired and aspirate benign biopsy black blank blast blasts blood blurred bone bright camera capture case cell
cells clean control copy count dark detail drawing early edited example field fields film final first focus frame
giemsa gruenwald grünwald healthy high image images img in left leishman leukaemia leukemia leukemic low lymphoid
magnification malignant marrow may merged microscope monocyte myeloid neutrophil new normal of old on overview page
patient peripheral phone photo picture positive pre preparation pro raw right romanowsky sample scan screen screenshot
second section sharp shot slide slides small smear snapshot specimen stain stained test the thick thin third tile
unknown untitled video view whole wide wright
"""


def looks_like_a_birth_date(text: str, recent: int = 0) -> bool:
    """Say whether a day is written that somebody alive may be born on, well before today.

    recent: so many years before this one are not meant either.
    """
    if BORN.search(text):
        return True
    for match in DAY.finditer(text):
        year, month, day = (int(match[name] or match[name + "2"]) for name in ("y", "m", "d"))
        if 1900 <= year < date.today().year - recent and 1 <= month <= 12 and 1 <= day <= 31:
            return True
    return False


def looks_like_a_name(text: str) -> bool:
    """Say whether a title stands before a word, or a whole field is made of capitalised words."""
    if TITLE.search(text):
        return True
    if turned := TURNED.match(text):
        return turned["last"][0].isupper() and turned["first"][0].isupper()
    return bool(WHOLE.match(text)) and all(word[0].isupper() for word in text.split())


def name_of_file_looks_like(name: str) -> str:
    """Say what a file name looks as if it held, "birth date" or "name", as codes; "" where nothing does.

    Numbers are left out of it. A name is two or three words, none of which files are called by; they are capitalised,
    or one of them is a given name.
    """
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)
    spaced = stem.replace("_", " ")
    if looks_like_a_birth_date(spaced, RECENT) or COMPACT.search(stem):
        return "birth date"
    words = [word for word in APART.split(stem) if word and not any(sign.isdigit() for sign in word)]
    if TITLE.search(" ".join(words)):
        return "name"
    plain = {word.casefold() for word in words}
    if not WHOLE.match(" ".join(words)) or plain.intersection(OF_FILES.split()):
        return ""
    capitalised = all(word[0].isupper() and word[1:].islower() for word in words)
    return "name" if capitalised or plain & GIVEN_NAMES else ""


def file_warning(name: str, how: str) -> str | None:
    """Return a sentence where a file name looks as if it held what must not stand there; `how` tells how to keep it."""
    kind = name_of_file_looks_like(name)
    if kind == "birth date":
        return _(
            "This file name looks as if it held a birth date. Rename the file; or, if it holds none, %(how)s", how=how
        )
    if kind == "name":
        return _("This file name looks like a person's name. Rename the file; or, if it is none, %(how)s", how=how)
    return None


def warning(text: str) -> str | None:
    """Return a sentence where a field looks as if it held what must not stand there."""
    if looks_like_a_birth_date(text):
        return _(
            "This looks like a birth date. Leave it out; or, if it is none, press the button once more to keep it."
        )
    if looks_like_a_name(text):
        return _("This looks like a name. Leave it out; or, if it is none, press the button once more to keep it.")
    return None
