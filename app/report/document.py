"""A report's sheet of paper: its margins, head and foot, its fonts, and what none of them can draw."""

from __future__ import annotations

from collections import Counter

from flask_babel import gettext as _
from flask_babel import ngettext
from fpdf import FPDF
from fpdf.bidi import auto_detect_base_direction
from fpdf.enums import TextDirection

from app.records import Signature
from app.report import fonts

MISSING = "□"
# Signs that turn what follows them around, which nobody sees: what is signed is read in the order of its letters.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e")
MARGIN = 18.0  # millimetres, as every length here
GREY = (90, 88, 100)
INK = (25, 24, 32)


class Document(FPDF):
    """A4 with the case on top of every page, and the line that no page may lack at its foot."""

    def __init__(self, signature: Signature) -> None:
        super().__init__(format="A4")
        self.content = signature.content
        self.seal = signature.sha256
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=24)
        self.add_font("dejavu", "", fonts.REGULAR)
        self.add_font("dejavu", "B", fonts.BOLD)
        self.standing_in: list[str] = []  # names of the fonts for what that one lacks, in the order of their first use
        self.set_text_shaping(True)  # letters join, and what is written from right to left stands so
        self.set_title(_("Blood smear report"))
        self.set_creator("LeukoLens")
        self.set_creation_date(signature.signed_at)
        self.lost: Counter[str] = Counter()  # by field, the signs that the font cannot draw

    def printable(self, text: str, field: str | None, bold: bool = False) -> str:
        """Replace what no font can draw by a sign for it: a name in a rare script must not stop the report."""
        spaced = text.replace("\r\n", "\n").expandtabs(4)
        drawable = "".join(c if c == "\n" or self.can_draw(c, bold) else MISSING for c in spaced)
        if field is not None:
            self.lost[field] += drawable.count(MISSING) - spaced.count(MISSING)
        return drawable

    def can_draw(self, sign: str, bold: bool) -> bool:
        """Return whether some font has a sign; the first time, the one that stands in for it is opened."""
        if sign in TURNING:
            return False
        if ord(sign) in fonts.signs(fonts.BOLD if bold else fonts.REGULAR):
            return True
        font = fonts.having(sign)
        if font is None:
            return False
        name = "dejavu" if font == fonts.REGULAR else font.stem.lower()
        if name not in self.standing_in:
            if font != fonts.REGULAR:
                self.add_font(name, "", font)
            self.standing_in.append(name)
            self.set_fallback_fonts(self.standing_in, exact_match=False)
        return True

    def header(self) -> None:
        """Write whose report this is on every page."""
        case = self.content["case"]
        self.write_line(f"{self.content['lab']} · {case['accession']}", 8, GREY, width=self.epw)
        self.set_draw_color(200, 198, 208)
        self.line(MARGIN, self.get_y() + 1, self.w - MARGIN, self.get_y() + 1)
        self.set_y(self.get_y() + 4)

    def footer(self) -> None:
        """Write what the document is not, its seal and the page number."""
        self.set_y(-18)
        self.write_line(_("Not for diagnostic use without review by a qualified person."), 8, INK, bold=True)
        self.set_font("dejavu", "", 7)
        self.set_text_color(*GREY)
        self.cell(self.epw * 0.8, 4, f"SHA-256 {self.seal}")
        self.cell(0, 4, _("Page %(n)s of %(all)s", n=self.page_no(), all="{nb}"), align="R")

    def write_line(
        self,
        text: str,
        size: float,
        colour: tuple[int, int, int] = INK,
        bold: bool = False,
        width: float = 0,
        field: str | None = None,
    ) -> None:
        """Write a paragraph from the left margin, or from where the cursor stands when a width is given.

        field: whose text it is, in the words of the page; None where it is ours, or counted in another place.
        """
        self.set_font("dejavu", "B" if bold else "", size)
        self.set_text_color(*colour)
        for paragraph in self.printable(text, field, bold).split("\n"):
            # Each begins where its first letter wants it to, whatever those around it are written in.
            from_right = auto_detect_base_direction(paragraph) == TextDirection.RTL
            align = "R" if from_right else "L"
            self.multi_cell(width, size * 0.5, paragraph or " ", align=align, new_x="LEFT", new_y="NEXT")

    def heading(self, text: str) -> None:
        """Begin a part, on the next page where it would stand alone."""
        if self.will_page_break(25):
            self.add_page()
        self.ln(3)
        self.write_line(text, 11, bold=True)
        self.ln(1)

    def facts(self, rows: list[tuple[str, str]]) -> None:
        """Write names and values beside each other."""
        for name, value in rows:
            top = self.get_y()
            self.set_x(MARGIN)
            self.write_line(name, 9, GREY, width=38)
            self.set_xy(MARGIN + 40, top)
            self.write_line(value or "–", 9, width=self.epw - 40, field=name)
            self.set_x(MARGIN)

    def unprinted(self) -> str:
        """Say of how many signs of which field only the page can show what they are; nothing where there are none."""
        total = self.lost.total()
        if not total:
            return ""
        return ngettext(
            "%(num)s sign could not be printed, as no font of this document has it: %(fields)s. %(sign)s stands in "
            "its place; the page of this report on the screen shows it.",
            "%(num)s signs could not be printed, as no font of this document has them: %(fields)s. %(sign)s stands "
            "in the place of each; the page of this report on the screen shows them.",
            total,
            sign=MISSING,
            fields=", ".join(_("%(n)s in %(field)s", n=n, field=field) for field, n in self.lost.items() if n),
        )
