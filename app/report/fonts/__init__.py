"""The fonts of a report: one for most scripts, and for what it lacks one for each of the others, opened when needed.

DejaVu Sans comes with matplotlib, of which nothing is imported: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew,
Arabic, many signs. The others lie here; NOTICE.md says where they come from and under which licence.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import uharfbuzz

HERE = Path(__file__).parent
DEJAVU = Path(str(distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf")))
REGULAR, BOLD = DEJAVU / "DejaVuSans.ttf", DEJAVU / "DejaVuSans-Bold.ttf"


@cache
def signs(font: Path) -> frozenset[int]:
    """Return the code points that a font can draw."""
    face = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(font)))
    return frozenset(face.unicodes)


@cache
def stand_ins() -> tuple[Path, ...]:
    """Return the fonts that stand in where DejaVu lacks a sign: one for each script, Chinese before Korean.

    The Korean one has some of the Chinese signs, and a word is drawn in one font where one has all of it.
    """
    return (*sorted(HERE.glob("NotoSans*.ttf")), HERE / "DroidSansFallbackFull.ttf", HERE / "NanumSquareR.ttf")


def having(sign: str) -> Path | None:
    """Return the font that stands in for a sign, None where none has it."""
    return next((font for font in (REGULAR, *stand_ins()) if ord(sign) in signs(font)), None)
