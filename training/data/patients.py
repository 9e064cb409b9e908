"""Who a picture is of: ids that people and spreadsheets write in several ways are one patient's.

Joining two patients costs a group; splitting one patient puts the same blood on both sides of a split, and every number
after that is too good. So what may be one patient is taken for one, and said.
"""

import re
import unicodedata
from collections.abc import Sequence

NOBODY = "", "-", "--", "?", "n/a", "#n/a", "na", "nan", "none", "null", "nil", "unknown", "unk", "missing"
NUMBER = re.compile(r"[+]?0*(\d+)([.,]0*)?")
SHOWN = 5  # foldings that are said one by one


def plain(written: str) -> str:
    """Return a name without what a reader does not see in it: Unicode's compatible forms, capitals, white space."""
    return " ".join(unicodedata.normalize("NFKC", written).casefold().split())


def key(written: str) -> str:
    """Return what two ways to write one patient's id have in common; "" where nobody is named.

    Beside what `plain` leaves out the shape of numbers (1, 1.0, 01) does not count.
    """
    name = plain(written)
    if name in NOBODY:
        return ""
    number = NUMBER.fullmatch(name)
    return number[1] if number else name


def folded(written: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return each id as its patient was first written, "" where nobody is named; and what was folded, in sentences."""
    first: dict[str, str] = {}
    ways: dict[str, set[str]] = {}
    for spelling in written:
        if who := key(spelling):
            first.setdefault(who, spelling.strip())
            ways.setdefault(who, set()).add(spelling)
    joined = [sorted(several) for several in ways.values() if len(several) > 1]
    remarks = [f"{', '.join(repr(way) for way in several)} are taken for one patient." for several in joined[:SHOWN]]
    if len(joined) > SHOWN:
        remarks.append(f"So are {len(joined) - SHOWN} more ids that differ in capitals, spaces or form.")
    nobody = sorted({spelling for spelling in written if spelling.strip() and not key(spelling)})
    if nobody:
        remarks.append(f"{', '.join(repr(spelling) for spelling in nobody)} names no patient.")
    return tuple(first[who] if (who := key(spelling)) else "" for spelling in written), tuple(remarks)
