"""What holds for every change of a case: a refusal has its sentence, and a signed case is not touched."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.records import BlindReading, Case
from smear.sentence import SentenceError


class RefusedError(SentenceError):
    """A file that does not become part of the case, with the sentence for the page."""


class NoKeyError(SentenceError):
    """A key of this server that is missing or cannot be used, where something has to be signed with it."""


class WaitError(SentenceError):
    """A password that is tried too early after wrong ones; `seconds` to wait, at least 1."""

    def __init__(self, seconds: int) -> None:
        how_long = _("%(n)s s", n=seconds) if seconds < 120 else _("%(n)s min", n=-(-seconds // 60))
        super().__init__(_("Too many wrong passwords. Wait %(time)s, then try again.", time=how_long))
        self.seconds = seconds


def one_line_end(text: str) -> str:
    """Return a text as it is kept: a browser sends each line's end as two characters, which are counted as one."""
    return text.replace("\r\n", "\n")


def refuse_signed(case: Case) -> None:
    """Leave a signed case as it was signed."""
    if case.state == "signed":
        raise RefusedError(_("This case is signed. Amend it first, with a reason; then it can be changed."))


def refuse_blind_reader(session: Session, case_id: str, user_id: int) -> None:
    """Keep who reads a case blind from saying anything of it but there: they would be compared with themselves."""
    own = select(BlindReading.id).where(
        BlindReading.case_id == case_id, BlindReading.reader_id == user_id, BlindReading.state == "open"
    )
    if session.scalar(own) is not None:
        raise RefusedError(_("You read this case blind: say what you see on its blind pages. Nothing was saved."))
