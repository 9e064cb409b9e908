"""What the worklist shows and in which order, read from an address and turned into a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort
from sqlalchemy import ColumnElement, Select, literal_column, select, tuple_
from sqlalchemy.orm import joinedload

from app.accession import searchable
from app.records import ATTENTION, OUTCOMES, STATES, Case
from app.request_checks import midnight, row_number
from app.worklist import search
from smear.inference.suggestion import UNCERTAIN

SEARCH_LENGTH = 100
NOTHING: ColumnElement[int] = literal_column("0")  # not a parameter: a partial index has to be recognised
SORTS = ("newest", "uncertainty")
UNTOLD = "untold"  # the queue of critical counts: nobody was told yet


@dataclass(frozen=True)
class Filters:
    """One way of looking at the worklist; an empty value lets everything through."""

    q: str = ""
    state: str = ""
    outcome: str = ""
    reviewer: str = ""
    since: str = ""
    until: str = ""
    differs: str = ""
    attention: str = ""
    sort: str = ""

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> Filters:
        """Read them from an address; one that nobody wrote is a 404."""
        values = {name: arguments.get(name, "").strip() for name in cls.__dataclass_fields__}
        values["q"] = values["q"][:SEARCH_LENGTH]
        choices = {
            "state": STATES,
            "outcome": (*OUTCOMES, UNCERTAIN),
            "sort": SORTS,
            "differs": ("yes",),
            "attention": (*ATTENTION, UNTOLD),
        }
        for name, known in choices.items():
            if values[name] and values[name] not in known:
                abort(404)
        if values["reviewer"]:
            row_number(values["reviewer"])
        for name in ("since", "until"):
            if values[name]:
                midnight(values[name])
        return cls(**values)

    @property
    def asked(self) -> dict[str, str]:
        """Return those that are set, for an address."""
        return {name: value for name, value in asdict(self).items() if value}

    def query(self, lab_id: int) -> Select[Any]:
        """Return a lab's cases that these let through, in order."""
        query = select(Case).where(*self.conditions(lab_id)).options(joinedload(Case.reviewer))
        few = search.few_holding(searchable(self.q)) if self.q else None
        index = self.index
        if few is not None:
            query, index = query.where(Case.id.in_(few)), search.PRIMARY_KEY
        if index:
            # SQLite keeps no statistics until it is told to, and then takes any of several indexes: say which.
            query = query.with_hint(Case, f"INDEXED BY {index}", "sqlite")
        return query.order_by(*(column.desc() for column in self.order))

    @property
    def tells(self) -> bool:
        """Say whether being found by these tells what was seen or suggested."""
        return bool(self.outcome or self.differs or self.attention or self.sort == "uncertainty")

    @property
    def index(self) -> str:
        """Return the index of the rare cases that are asked for, or nothing where another filter is as good."""
        if self.attention and not (self.differs or self.outcome or self.sort == "uncertainty"):
            return "ix_case_attention"
        if self.differs:
            return "ix_case_disputed" if self.sort == "uncertainty" else "ix_case_disagreement"
        if self.outcome and not (self.state or self.reviewer or self.sort == "uncertainty"):
            return f"ix_case_{self.outcome}"
        if self.q and not (self.state or self.reviewer or self.outcome or self.sort == "uncertainty"):
            return "ix_case_search"
        return ""

    def conditions(self, lab_id: int) -> list[ColumnElement[bool]]:
        """Return what a case has to be."""
        conditions = [Case.lab_id == lab_id]
        if self.q:
            # autoescape: a search for 100% looks for that, and an underscore is an underscore.
            conditions.append(Case.search_text.contains(searchable(self.q), autoescape=True))
        if self.state:
            conditions.append(Case.state == self.state)
        if self.outcome:
            conditions.append(getattr(Case, f"{self.outcome}_count") > NOTHING)
        if self.reviewer:
            conditions.append(Case.reviewer_id == int(self.reviewer))
        if self.differs:
            conditions.append(Case.disagreement_count > NOTHING)
        if self.attention:
            conditions.append(Case.attention != literal_column("''"))  # as the partial index has it
            conditions.append(Case.attention == ("critical" if self.attention == UNTOLD else self.attention))
        if self.attention == UNTOLD:
            conditions.append(Case.told_at.is_(None))
        if self.since:
            conditions.append(Case.created_at >= midnight(self.since))
        if self.until:
            conditions.append(Case.created_at < midnight(self.until) + timedelta(days=1))
        return conditions

    @property
    def order(self) -> tuple[Any, Any]:
        """Return the columns by which the page is sorted, the largest first."""
        return (Case.uncertainty if self.sort == "uncertainty" else Case.created_at), Case.id

    def after(self, query: Select[Any], cursor: str) -> Select[Any]:
        """Go on after a place, however many cases are added meanwhile."""
        return query.where(tuple_(*self.order) < self.parse(cursor))

    def cursor(self, case: Case) -> str:
        """Return the place after a case."""
        value = repr(case.uncertainty) if self.sort == "uncertainty" else case.created_at.isoformat()
        return f"{value}~{case.id}"

    def parse(self, cursor: str) -> tuple[Any, Any]:
        """Read a place back from an address; one that nobody wrote is a 404."""
        value, _, case_id = cursor.partition("~")
        try:
            if self.sort == "uncertainty":
                return float(value), case_id
            return datetime.fromisoformat(value).astimezone(UTC), case_id
        except (ValueError, OverflowError):  # the second for a moment before or after all years
            abort(404)
