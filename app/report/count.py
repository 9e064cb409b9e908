"""The differential count in the PDF: people and suggestions in columns, blasts first, and what is said with it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from app.differential.content import model_of, remarks, second_readings, table_of
from app.differential.count import Row
from app.report.document import GREY, INK, Document
from app.template_filters import percent
from smear.statistics import Share

WIDTHS = 44, 56, 74  # millimetres: class, by people, suggested
LINE = 5.0  # millimetres


def remarks_on(content: dict[str, Any]) -> list[str]:
    """Return what has to be said with a count and of second readings, a sentence each."""
    counted = content["differential"]
    return [*(remarks(counted) if counted else []), *second_readings(content)]


def draw(page: Document, content: dict[str, Any]) -> None:
    """Write the count of signed content, where there is one, and what has to be said with it."""
    counted, sentences = content["differential"], remarks_on(content)
    if not counted and not sentences:
        return
    page.heading(_("Differential count") if counted else _("Second reading"))
    if counted:
        draw_table(page, counted)
        page.ln(1)
        page.write_line(
            _("In brackets: exact 95 % limits (Clopper and Pearson). Below the leukocytes: to 100 of them."), 7.5, GREY
        )
    for sentence in sentences:
        page.write_line(sentence, 8, field=_("Differential count"))


def draw_table(page: Document, counted: dict[str, Any]) -> None:
    """Write the table."""
    table = table_of(counted)
    model = model_of(counted)
    head = (_("Class"), _("By people"), _("Suggested") + (f", {model}" if model else ""))
    lines = [
        (row.name, words(row, row.people), words(row, row.suggested)) for row in (*table.leukocytes, *table.beside)
    ]
    lines.insert(len(table.leukocytes), (_("Leukocytes"), str(table.people), str(table.suggested)))
    page.set_font("dejavu", "", 8.5)
    page.set_text_color(*INK)
    with page.table(
        col_widths=WIDTHS,
        width=sum(WIDTHS),
        align="L",
        text_align=("LEFT", "RIGHT", "RIGHT"),
        line_height=LINE,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="", color=GREY),
    ) as drawn:
        for line in (head, *lines):
            row = drawn.row()
            for text in line:
                row.cell(page.printable(text, _("Differential count")))


def words(row: Row, share: Share | None) -> str:
    """Write one count with its share and limits; of what is counted apart, how many to 100 leukocytes."""
    if share is None:
        return "–"
    if row.apart:
        return _("%(n)s (%(ratio)s to 100)", n=share.count, ratio=f"{100 * share.value:.1f}")
    return f"{share.count}   {percent(share.value)} ({percent(share.low)} – {percent(share.high)})"
