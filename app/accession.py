"""Accessions: the one form in which they are kept, and the key under which those that look the same are the same.

A label printer, a keyboard of another country and a copy from a PDF write the same accession with different signs. It
is kept in Unicode's compatibility form (NFKC), with single spaces; signs that nobody sees are refused rather than
dropped, because whoever sent them sent something else than they saw. Letters of two scripts that look alike fall
together in the key only.
"""

from __future__ import annotations

import unicodedata

LENGTH = 64  # characters
KEY_LENGTH = 128
# Case-folded letters of Greek and Cyrillic that are drawn like a Latin one, as capitals or small.
LIKE_LATIN = str.maketrans(
    "αβεζηικμνορτυχϲϳавеѕіјкмнорстухһԁԛԝғ",
    "abezhikmnoptyxcjabesijkmhopctyxhdqwf",
)
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")


def normal(text: str) -> str:
    """Return an accession as it is kept."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def key(text: str) -> str:
    """Return under what an accession is unique in its lab: without capitals, and alike what looks alike."""
    return unicodedata.normalize("NFKC", normal(text).casefold()).translate(LIKE_LATIN)


def searchable(text: str) -> str:
    """Return a text as it is searched, the same for what is written down and what is asked for."""
    visible = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())


def hidden_signs(text: str) -> list[str]:
    """Return the signs of an accession that nobody sees, as U+200B; spaces and line ends around it do not count."""
    inside = text.strip()
    return sorted({f"U+{ord(sign):04X}" for sign in inside if unicodedata.category(sign)[0] == "C"})


def mixed_scripts(text: str) -> list[str]:
    """Return the scripts of an accession where their letters look alike and there is more than one, in words."""
    names = [unicodedata.name(sign, "") for sign in normal(text) if sign.isalpha()]
    scripts = [script.capitalize() for script in SCRIPTS if any(name.startswith(script) for name in names)]
    return scripts if len(scripts) > 1 else []


def too_long(text: str) -> bool:
    """Return whether an accession does not fit, as it is kept or under its key."""
    return len(normal(text)) > LENGTH or len(key(text)) > KEY_LENGTH
