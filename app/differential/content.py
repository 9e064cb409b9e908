"""A case's differential count as data: what is signed, what reports are drawn from, and what programs get."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app.differential.cells import Cell, fields_of
from app.differential.certainty import RARE, progress
from app.differential.count import Differential, Row, differential, named_twice
from app.differential.review_rules import stored_rules
from app.differential.sources import counting_source
from app.records import Case, Lab, Notification
from smear.statistics import Share

DIGITS = 5


def content(case: Case, lab: Lab, notifications: list[Notification]) -> dict[str, Any] | None:
    """Return the count of a case as JSON data; None where nobody and nothing named a cell.

    Shares and limits are 0..1. notifications: who was told of what the lab's rules say.
    """
    source = counting_source(case.id, lab)
    fields, cells = fields_of(case.id, source)
    table = differential(cells, source.labels if source else ())
    if table.empty:
        return None
    places = {field.image_id: field.place for field in fields}
    twice, differing = named_twice(case.id)
    by_person = Counter(cell.annotation.made_by.shown_name for cell in cells if cell.annotation and not cell.excluded)
    how_far = progress(Counter(cell.standing for cell in cells if cell.annotation and not cell.excluded), lab)
    return {
        "rows": [row_content(row) for row in table.rows],
        "people": table.people,
        "suggested": table.suggested,
        "refused": table.refused,
        "unclassed": table.unclassed,
        "unnamed": table.unnamed,
        "cut": table.cut,
        "excluded": table.excluded,
        "target": how_far.target,
        "missed": {"prevalence": RARE, "chance": round(how_far.missed, DIGITS)},
        "named_by": [{"who": who, "cells": cells_} for who, cells_ in sorted(by_person.items())],
        "model": {"bundle": source.name, "version": source.version_words, "intended_use": source.intended_use}
        if source
        else None,
        "named_twice": {
            "cells": twice,
            "differing": [
                {
                    "cell": f"{places[cell.image_id]}.{cell.number}",
                    "first": cell.first,
                    "first_by": cell.first_by,
                    "second": cell.second,
                    "second_by": cell.second_by,
                }
                for cell in differing
                if cell.image_id in places
            ],
        },
        "attention": {
            "state": case.attention,
            "rules": [rule.words for rule in stored_rules(case)],
            "told": [
                {
                    "whom": notification.told,
                    "by": notification.made_by.shown_name,
                    "at": notification.told_at.isoformat(),
                }
                for notification in notifications
            ],
        },
    }


def row_content(row: Row) -> dict[str, Any]:
    """Return one class as JSON data."""
    return {
        "code": row.code,
        "name": row.name,
        "apart": row.apart,
        "people": share_content(row.people),
        "suggested": share_content(row.suggested),
    }


def share_content(share: Share | None) -> dict[str, Any] | None:
    """Return a share with its limits as JSON data."""
    if share is None:
        return None
    return {
        "count": share.count,
        "total": share.total,
        "share": round(share.value, DIGITS),
        "low": round(share.low, DIGITS),
        "high": round(share.high, DIGITS),
    }


def table_of(data: dict[str, Any]) -> Differential:
    """Return the table that was signed, for a page or a document."""

    def share(stored: dict[str, Any] | None) -> Share | None:
        return (
            Share(stored["count"], stored["total"], stored["share"], stored["low"], stored["high"]) if stored else None
        )

    rows = [
        Row(row["code"], row["name"], share(row["people"]), share(row["suggested"]), row["apart"])
        for row in data["rows"]
    ]
    names = ("people", "suggested", "refused", "unclassed", "unnamed", "cut", "excluded")
    return Differential(rows, *(data[name] for name in names))


def remarks(data: dict[str, Any]) -> list[str]:
    """Return what has to be said with a count, a sentence each: who named the cells, by which model, who disagreed."""
    sentences = []
    if data["named_by"]:
        people = ", ".join(f"{person['who']} {person['cells']}" for person in data["named_by"])
        sentences.append(_("Cells named by people: %(people)s.", people=people))
    if data["people"] < data["target"]:
        sentences.append(
            ngettext(
                "People named %(num)s leukocyte of the target of %(target)s.",
                "People named %(num)s leukocytes of the target of %(target)s.",
                data["people"],
                target=data["target"],
            )
        )
    if data["model"]:
        model = model_of(data)
        words = ngettext(
            "Suggested by %(model)s for %(num)s leukocyte; it refused to name %(refused)s.",
            "Suggested by %(model)s for %(num)s leukocytes; it refused to name %(refused)s.",
            data["suggested"],
            model=model,
            refused=data["refused"],
        )
        sentences.append(words)
    if data["unclassed"]:
        sentences.append(
            ngettext(
                "%(num)s whole cell was not named by a person.",
                "%(num)s whole cells were not named by a person.",
                data["unclassed"],
            )
        )
    blasts = next((row["people"] for row in data["rows"] if row["code"] == "blast"), None)
    if data["people"] and not (blasts and blasts["count"]):
        sentences.append(
            _(
                "No blast was named; the chance of having missed them at %(rare)s is %(p)s.",
                rare=f"{100 * data['missed']['prevalence']:.0f} %",
                p=f"{100 * data['missed']['chance']:.1f} %",
            )
        )
    if data["named_twice"]["cells"]:
        sentences.append(disagreement(data["named_twice"]))
    sentences += data["attention"]["rules"]
    sentences += [
        _(
            "Told: %(whom)s (%(by)s, %(at)s UTC).",
            whom=notification["whom"],
            by=notification["by"],
            at=notification["at"][:16].replace("T", " "),
        )
        for notification in data["attention"]["told"]
    ]
    return sentences


def model_of(data: dict[str, Any]) -> str:
    """Return the name and version of the model that suggested; "" where none did."""
    return f"{data['model']['bundle']} {data['model']['version']}" if data["model"] else ""


def second_readings(signed: dict[str, Any]) -> list[str]:
    """Say of each blind second reading in signed content whether it differs, a sentence each."""
    return [
        _(
            "Second reading, blind, by %(who)s: differs on image %(which)s of %(n)s.",
            who=reading["by"],
            which=", ".join(map(str, reading["differs"])),
            n=reading["images"],
        )
        if reading["differs"]
        else ngettext(
            "Second reading, blind, by %(who)s: agrees on the one image.",
            "Second reading, blind, by %(who)s: agrees on all of %(num)s images.",
            reading["images"],
            who=reading["by"],
        )
        for reading in signed["blind_readings"]
    ]


def disagreement(twice: dict[str, Any]) -> str:
    """Say of how many cells two people spoke, and where they disagree."""
    words = ngettext(
        "%(num)s cell was named by two people, who disagree on %(n)s.",
        "%(num)s cells were named by two people, who disagree on %(n)s.",
        twice["cells"],
        n=len(twice["differing"]),
    )
    each = [
        f"{cell['cell']} {cell['first']} ({cell['first_by']}) / {cell['second']} ({cell['second_by']})"
        for cell in twice["differing"][:12]
    ]
    return f"{words} {'; '.join(each)}{' …' if len(twice['differing']) > 12 else '.'}" if each else words


def brief(data: dict[str, Any]) -> str:
    """Return the leukocytes in one line, people's where they named any, else what is suggested; blasts first."""
    by = "people" if data["people"] else "suggested"
    return "; ".join(
        f"{row['name']} {row[by]['count']} ({100 * row[by]['share']:.1f} %)"
        for row in data["rows"]
        if row[by] and row[by]["count"] and not row["apart"]
    )


def rows_of(cells: list[Cell]) -> list[dict[str, Any]]:
    """Return every cell of a case as a program gets it."""
    return [
        {
            "cell": cell.name,
            "field": cell.field.place,
            "number": cell.number,
            "box": cell.box,
            "cut": cell.cut,
            "counts_as": cell.standing,
            "person": cell.person_words or None,
            "named_by": cell.annotation.made_by.shown_name if cell.annotation else None,
            "named_at": cell.annotation.made_at.isoformat() if cell.annotation else None,
            "suggested": cell.suggested,
            "outcome": cell.suggestion.outcome if cell.suggestion else None,
            "probability": cell.suggestion.confidence if cell.suggestion else None,
            "model": cell.model if cell.suggestion else None,
        }
        for cell in cells
    ]
