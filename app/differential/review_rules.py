"""The lab's review rules: which counts call a case up for review, or into the queue of critical results.

What counts is the case as it stands: what a person says of a cell, else what is suggested. So a suggestion calls a case
up at once, and a person who looks and says otherwise lets it go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import db
from app.differential.cells import UNCLASSED, fields_of
from app.differential.classes import APART, BLAST, IMMATURE
from app.differential.count import leukocytes, standing
from app.differential.sources import counting_source
from app.records import Case, Lab, Notification, User, now
from app.rules import RefusedError

TOLD_LENGTH = 200  # characters of whom was told
FEWEST = 2  # cells that meet a rule: one may be a slip of whoever or whatever named it


@dataclass(frozen=True)
class Rule:
    """A count that calls a case up: code, words, classes that are added up, and of what the percentage is."""

    code: str
    words: Any
    classes: tuple[str, ...]
    of_all: bool = False  # of all whole cells, and not of the leukocytes that are named


RULES = (
    Rule("blasts", _l("Blasts"), (BLAST,)),
    Rule("immature", _l("Immature granulocytes"), IMMATURE),
    Rule("reactive", _l("Reactive lymphocytes"), ("reactive_lymphocyte",)),
    Rule("plasma", _l("Plasma cells"), ("plasma_cell",)),
    Rule("erythroblasts", _l("Erythroblasts, to 100 leukocytes"), ("erythroblast",)),
    Rule("unnamed", _l("Cells that nobody and nothing names"), (UNCLASSED,), of_all=True),
)


@dataclass(frozen=True)
class Met:
    """A rule that a count meets: how many cells, of how many, and from which percentage on the lab wants to know."""

    code: str
    count: int
    total: int
    percent: float
    critical: bool

    @property
    def words(self) -> str:
        """Say what was counted."""
        name = next((str(rule.words) for rule in RULES if rule.code == self.code), self.code)
        share = 100 * self.count / self.total if self.total else 0.0
        return _(
            "%(name)s: %(share).1f %% (%(count)s of %(total)s; the rule says %(percent)g %%)",
            name=name,
            share=share,
            count=self.count,
            total=self.total,
            percent=self.percent,
        )

    def stored(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "code": self.code,
            "count": self.count,
            "total": self.total,
            "percent": self.percent,
            "critical": self.critical,
        }


def stored_rules(case: Case) -> list[Met]:
    """Return the rules that a case was found to meet."""
    return [Met(**rule) for rule in case.attention_rules]


def met(counted: Counter[str], lab: Lab) -> list[Met]:
    """Return which of a lab's rules a count meets; counted: how many cells stand as each class."""
    total, whole = leukocytes(counted), sum(n for code, n in counted.items() if code not in APART)
    rules_met = []
    for rule in RULES:
        setting = lab.review_rules.get(rule.code)
        count, of = sum(counted[code] for code in rule.classes), whole if rule.of_all else total
        if setting and count >= FEWEST and 100 * count >= setting["percent"] * of:
            rules_met.append(Met(rule.code, count, of, setting["percent"], setting["critical"]))
    return rules_met


def apply(session: Session, case: Case, lab: Lab, user_id: int) -> None:
    """Judge a case anew in a transaction that goes on, after its cells or what is said of them changed.

    What is written down changes with the count; the ledger keeps when a rule was met first and when none was any more.
    """
    if not lab.review_rules and not case.attention:
        return
    session.flush()
    _fields, cells = fields_of(case.id, counting_source(case.id, lab))
    rules = met(standing(cells), lab)
    before = {rule["code"] for rule in case.attention_rules}
    case.attention_rules = [rule.stored() for rule in rules]
    case.attention = "critical" if any(rule.critical for rule in rules) else "review" if rules else ""
    after = {rule.code for rule in rules}
    if after != before:
        if after - before:
            case.told_at = None  # what somebody was told of before was not this
        ledger.record(session, "case.attention", lab=case.lab_id, actor=user_id, subject=case.id, rules=sorted(after))


def told_of(case_id: str) -> list[Notification]:
    """Return who was told of a case, the first first."""
    query = select(Notification).where(Notification.case_id == case_id).order_by(Notification.told_at)
    return list(db.session.scalars(query))


def tell(session: Session, case: Case, whom: str, shown: Collection[str], user: User) -> Notification:
    """Write down who was told of what a case's rules say, now; RefusedError where nobody is named or nothing is met.

    shown: the rules that the page said were met; of one that is met since, nobody was told by it.
    """
    whom = " ".join(whom.split())
    if not whom or len(whom) > TOLD_LENGTH:
        raise RefusedError(_("Write who was told, in up to %(n)s characters. Nothing was saved.", n=TOLD_LENGTH))
    if not case.attention:
        raise RefusedError(_("This case meets no rule of the lab any more. Nothing was saved."))
    if any(rule.code not in shown for rule in stored_rules(case)):
        raise RefusedError(
            _("The count meets another rule since the page was opened. Nothing was saved: tell them of that, too.")
        )
    row = Notification(case_id=case.id, told=whom, rules=case.attention_rules, told_at=now(), made_by_id=user.id)
    case.told_at = row.told_at
    session.add(row)
    session.flush()
    # Whom is in the row and not in the ledger, which names people by their ids only.
    ledger.record(
        session, "case.told", lab=case.lab_id, actor=user.id, subject=case.id, rows=[row], notification=row.id
    )
    return row
