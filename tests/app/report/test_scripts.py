"""Names and notes from right to left, or in letters that join, look in the PDF as their readers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pypdfium2
import pytest
from flask import Flask
from scipy import ndimage

from app.report.document import MARGIN, Document

POINTS = 72 / 25.4  # in a millimetre
CONTENT = {"lab": "Lab", "case": {"accession": "A-1"}}


class Sealed:
    """Stands for a signature, of which a sheet of paper needs no more."""

    content = CONTENT
    sha256 = "0" * 64
    signed_at = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def page(app: Flask) -> Any:
    """Return what writes a text on a sheet and gives it, rendered and to be asked for its letters."""

    def write(text: str, width: float = 0, bold: bool = False) -> pypdfium2.PdfPage:
        with app.test_request_context():
            sheet = Document(Sealed())  # type: ignore[arg-type]
            sheet.add_page()
            sheet.set_y(100)
            sheet.write_line(text, 20, bold=bold, width=width)
            return pypdfium2.PdfDocument(bytes(sheet.output()))[0]

    return write


def ink(page: pypdfium2.PdfPage) -> np.ndarray:
    """Return where the text was drawn, true for ink; what stands at the head and foot of the page is left out."""
    scale = 4.0
    grey = np.asarray(page.render(scale=scale).to_pil().convert("L"))
    return grey[round(99 * POINTS * scale) : round(200 * POINTS * scale)] < 128


def edges(page: pypdfium2.PdfPage) -> tuple[float, float]:
    """Return where the ink of a text begins and ends, in millimetres from the left."""
    columns = np.flatnonzero(ink(page).any(axis=0)) / (4.0 * POINTS)
    return float(columns[0]), float(columns[-1])


def pieces(page: pypdfium2.PdfPage) -> int:
    """Return of how many pieces that do not touch the ink of a text is."""
    return int(ndimage.label(ink(page), structure=np.ones((3, 3)))[1])


def places(page: pypdfium2.PdfPage, letters: str) -> list[float]:
    """Return how far from the left each of these letters stands, where the text has each once."""
    text = page.get_textpage()
    words = text.get_text_range()
    return [text.get_charbox(words.index(letter))[0] for letter in letters]


@pytest.mark.parametrize("bold", [False, True])
def test_letters_join(page: Any, bold: bool) -> None:
    """محمد is one stroke and a dot-free one; its letters by themselves are four."""
    assert pieces(page("محمد", bold=bold)) == 1
    assert pieces(page("م ح م د", bold=bold)) == 4


@pytest.mark.parametrize(("first", "rest"), [("ש", "לום"), ("ك", "تب")])
def test_a_word_begins_at_the_right(page: Any, first: str, rest: str) -> None:
    """And the next letter stands to the left of it; mirrored, a name is another name."""
    found = places(page(first + rest), first + rest)
    assert found == sorted(found, reverse=True)


def test_a_word_from_the_right_within_a_line_from_the_left(page: Any) -> None:
    """Each part keeps its own order, and the sentence its."""
    found = places(page("Z אבג X"), "Z") + places(page("Z אבג X"), "גבא") + places(page("Z אבג X"), "X")
    assert found == sorted(found)


def test_numbers_within_a_line_from_the_right(page: Any) -> None:
    """What comes first stands at the right; the digits of a number stand as everywhere."""
    sheet = page("אב 579 גד")
    assert places(sheet, "דג579בא") == sorted(places(sheet, "דג579בא"))


def test_a_paragraph_begins_where_its_letters_begin(page: Any) -> None:
    """One from the right at the right margin, one from the left at the left, in one field."""
    right, left = edges(page("שלום")), edges(page("hello"))
    assert right[1] == pytest.approx(210 - MARGIN, abs=2.5)
    assert left[0] == pytest.approx(MARGIN, abs=2.5)
    both = edges(page("hello\nשלום"))
    assert both[0] == pytest.approx(left[0], abs=0.5)
    assert both[1] == pytest.approx(right[1], abs=0.5)


def test_lines_of_a_long_paragraph_follow_each_other_downwards(page: Any) -> None:
    """The first word is on the first line, the last one on the last."""
    sheet = page("ק" + " מילים" * 20 + " ץ", width=80)
    text = sheet.get_textpage()
    words = text.get_text_range()
    first, last = (text.get_charbox(words.index(letter)) for letter in "קץ")
    assert first[1] > last[1] + 20


@pytest.mark.parametrize(
    "text", ["王小明", "홍길동", "さくら", "नमस्ते", "สวัสดี", "தமிழ்", "বাংলা", "አማርኛ", "සිංහල", "မြန်မာ", "ខ្មែរ", "ລາວ"]
)
def test_other_scripts_have_a_font(page: Any, text: str) -> None:
    """Nothing of them is left out, and they are drawn."""
    sheet = page(text)
    assert "□" not in sheet.get_textpage().get_text_range()
    begin, end = edges(sheet)
    assert end - begin > 8


def test_nothing_unseen_turns_a_text_around(page: Any) -> None:
    """A sign that has what follows written backwards is drawn as one that could not be printed."""
    sheet = page("X\u202eYZ")
    assert places(sheet, "XYZ") == sorted(places(sheet, "XYZ"))
    assert "□" in sheet.get_textpage().get_text_range()


def test_marks_are_drawn_where_they_belong(page: Any) -> None:
    """A vowel sign that is written after its consonant is drawn before it: the shape is not that of the two alone."""
    shaped = edges(page("कि"))
    apart = edges(page("क ि"))
    assert shaped[1] - shaped[0] < apart[1] - apart[0]
