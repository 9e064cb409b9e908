"""What holds for every change of a case: a refusal has its sentence, and a signed case is not touched."""

from __future__ import annotations

from flask_babel import gettext as _

from app.records import Case
from smear.sentence import SentenceError


class RefusedError(SentenceError):
    """A file that does not become part of the case, with the sentence for the page."""


def refuse_signed(case: Case) -> None:
    """Leave a signed case as it was signed."""
    if case.state == "signed":
        raise RefusedError(_("This case is signed. Amend it first, with a reason; then it can be changed."))
