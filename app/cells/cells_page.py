"""What the cells page is drawn from: the cells in their groups, the count and how far it is, and what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from flask import render_template, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app.cases.summary import brief_readings, pooled
from app.cells import comparison, outlines, vocabulary
from app.cells.layout import Group, groups
from app.database import db
from app.differential import certainty, classification
from app.differential.cells import Cell, DetectedField, annotation_words, exclusion_reasons, fields_of
from app.differential.count import differential, named_twice
from app.differential.sources import Source
from app.inference import job_queue
from app.records import Annotation, Case, SmearImage, User
from app.template_filters import percent
from smear.rendering import crop_sheet

PAGE = 240  # cells on one page for a browser without script; with it all stand on one
ACTS = 12  # lines of the history


class Looked(Protocol):
    """How the page is looked at."""

    @property
    def source(self) -> str | None:
        """Return the source that the address names."""

    @property
    def order(self) -> str:
        """Return by what the cells are grouped."""

    @property
    def field(self) -> int:
        """Return the place of the one field that is shown, 0 for all."""

    @property
    def page(self) -> int:
        """Return the page, from 1."""


@dataclass(frozen=True)
class Done:
    """One line of the history: what one person said at once, of which cells.

    keys: what a form sends to go back to what stood before; empty where somebody spoke after it.
    """

    at: datetime
    by: User
    words: str
    cells: str
    keys: list[str]


def page_of(case: Case, view: Looked, person: User) -> dict[str, Any]:
    """Return everything that the page is drawn from."""
    readers = vocabulary.sources(case.id)
    source = vocabulary.chosen(case.id, readers, view.source, person.lab)
    labels = vocabulary.classes(source, case.lab_id)
    fields, cells = fields_of(case.id, source)
    shown = [cell for cell in cells if view.field in (0, cell.field.place)]
    pages = max(1, -(-len(shown) // PAGE))
    return count_part(case, source, fields, cells, person) | {
        "case": case,
        "sources": vocabulary.offered(readers, source),
        "readers": vocabulary.asked(readers, source),
        "nobody": vocabulary.NOBODY,
        "labels": labels,
        "reasons": exclusion_reasons(case.lab_id),
        "fields": fields,
        "total": sum(not cell.redrawn for cell in cells),
        "unread": sum(field.cells > 0 and not field.read for field in fields),
        "groups": on_page(groups(shown, view.order, labels), min(view.page, pages)),
        "page": min(view.page, pages),
        "pages": pages,
        "sheets": {field.image_id: sheet_address(case.id, field) for field in fields},
        "sheet_size": crop_sheet.size,
        "in_words": in_words,
        "tile": crop_sheet.TILE,
        "without_outlines": len(outlines.without_outlines(case.id)),
        "jobs": job_queue.newest(case.id, (classification.KIND, outlines.KIND)),
        "may_annotate": person.is_clinician and case.state != "signed",
        "intended_use": vocabulary.intended_use(source),
    }


def count_part(
    case: Case, source: Source | None, fields: list[DetectedField], cells: list[Cell], person: User
) -> dict[str, Any]:
    """Return what stands beside the cells and changes with each: the count, how far it is, the history, both sides."""
    readings = brief_readings(case.id)
    fields_side = next(iter(pooled(readings)), None)
    leading, ids = (fields_side.leading, {label.id for label in fields_side.labels}) if fields_side else (None, set())
    read_labels = source.labels if source else ()
    side = comparison.cell_side(cells, read_labels)
    people = Counter(cell.standing for cell in cells if cell.annotation and not cell.excluded)
    twice, differing = named_twice(case.id)
    places = {field.image_id: field.place for field in fields}
    return {
        "source": source,
        "table": differential(cells, read_labels),
        "progress": certainty.progress(people, person.lab),
        "rare": certainty.RARE,
        "side": side,
        "fields_side": fields_side,
        "contradiction": comparison.contradiction(leading, ids, side, read_labels),
        "lines": comparison.lines(fields, readings, cells, read_labels) if source else [],
        "history": history(case.id, cells, person),
        "twice": twice,
        "differing": [(f"{places[row.image_id]}.{row.number}", row) for row in differing if row.image_id in places],
    }


def sheet_address(case_id: str, field: DetectedField) -> str:
    """Return the address of a field's crops, which changes with every cell that a person outlines."""
    return url_for("cells.crops", case_id=case_id, image_id=field.image_id, cells=field.cells)


def changes(case: Case, view: Looked, chosen: Iterable[str], person: User) -> dict[str, Any]:
    """Return for the page's script what changed: the chosen cells as they are now, and what stands beside them."""
    source = vocabulary.chosen(case.id, vocabulary.sources(case.id), view.source, person.lab)
    fields, cells = fields_of(case.id, source)
    wanted = set(chosen)
    context = count_part(case, source, fields, cells, person) | {
        "case": case,
        "view": view,
        "sources": [source] if source else [],
        "may_annotate": person.is_clinician and case.state != "signed",
    }
    return {
        "cells": {
            name: {"key": cell.key, "words": cell.person_words, "excluded": cell.excluded}
            for cell in cells
            if (name := f"{cell.field.image_id}.{cell.number}") in wanted
        },
        "progress": render_template("cells/_progress.html", **context),
        "count": render_template("cells/_count.html", **context),
        "history": render_template("cells/_history.html", **context),
    }


def history(case_id: str, cells: list[Cell], person: User) -> list[Done]:
    """Return what people said of a case's cells, the newest first; what one said at once is one line."""
    query = (
        select(Annotation)
        .join(Annotation.image)
        .where(SmearImage.case_id == case_id)
        .order_by(Annotation.made_at.desc(), Annotation.image_id, Annotation.number)
    )
    standing = {(cell.field.image_id, cell.number): cell for cell in cells}
    acts: dict[tuple[datetime, int, str, str | None], list[Annotation]] = {}
    for row in db.session.scalars(query.limit(2000)):
        act = (row.made_at, row.made_by_id, row.kind, row.label)
        if act not in acts and len(acts) == ACTS:
            break
        acts.setdefault(act, []).append(row)
    return [line_of(rows, standing, person) for rows in acts.values()]


def line_of(rows: list[Annotation], standing: dict[tuple[str, int], Cell], person: User) -> Done:
    """Return a line of the history; it can be undone by who wrote it while nobody has named the cells after it."""
    first = rows[0]
    known = [(row, cell) for row in rows if (cell := standing.get((row.image_id, row.number)))]
    untouched = all(cell.newest is not None and cell.newest.version == row.version for row, cell in known)
    undone = first.made_by_id == person.id and untouched and not any(row.reason == "redrawn" for row in rows)
    names = [cell.name for _row, cell in known]
    return Done(
        first.made_at,
        first.made_by,
        annotation_words(first),
        ", ".join(names[:6]) + (f" … ({len(names)})" if len(names) > 6 else ""),
        [f"{cell.key}.{row.version - 1}" for row, cell in known] if undone else [],
    )


def whole(case: Case, view: Looked, person: User) -> dict[str, Any]:
    """Return all cells in their groups for the page's script, which draws those that are near the screen."""
    source = vocabulary.chosen(case.id, vocabulary.sources(case.id), view.source, person.lab)
    fields, cells = fields_of(case.id, source)
    shown = [cell for cell in cells if view.field in (0, cell.field.place)]
    labels = vocabulary.classes(source, case.lab_id)
    sheets = {field.image_id: place for place, field in enumerate(fields)}
    base = url_for("cells.show", case_id=case.id)
    query = f"?bundle={quote(view.source)}" if view.source else ""
    cut = _("cut")
    return {
        "tile": crop_sheet.TILE,
        "words": _("Cell %(name)s by itself", name="{name}"),
        "sheets": [[sheet_address(case.id, field), *crop_sheet.size(field.cells)] for field in fields],
        "groups": [
            {
                "code": group.code,
                "name": group.name,
                "choice": group.choice,
                "note": percent(group.share.value) if group.share and view.order != "field" else "",
                "cells": [
                    [
                        f"{cell.field.image_id}.{cell.number}",
                        cell.key,
                        in_words(cell),
                        sheets[cell.field.image_id],
                        *cell.tile,
                        f"{base}/{cell.field.image_id}/{cell.number}{query}",
                        f"{cell.name} {cut}" if cell.cut else cell.name,
                        cell.person_words,
                        cell.names.get(cell.suggested, cell.suggested) if cell.suggested else "",
                        cell.suggestion_words,
                        cell.suggestion.outcome if cell.suggestion else "",
                        cell.excluded,
                    ]
                    for cell in group.cells
                ],
            }
            for group in groups(shown, view.order, labels)
        ],
    }


def in_words(cell: Cell) -> str:
    """Say everything that a person sees of a cell, for who does not see it."""
    parts = [_("Cell %(name)s", name=cell.name), cell.person_words]
    if cell.suggestion:
        parts.append(_("suggested: %(words)s", words=cell.suggestion_words))
    if cell.cut:
        parts.append(_("cut by the border"))
    return ", ".join(filter(None, parts))


def on_page(arranged: list[Group], page: int) -> list[tuple[Group, list[Cell]]]:
    """Return the groups that are on a page, each with those of its cells that are."""
    page_groups, place = [], 0
    start, end = (page - 1) * PAGE, page * PAGE
    for group in arranged:
        there = group.cells[max(0, start - place) : max(0, end - place)]
        place += len(group.cells)
        if there:
            page_groups.append((group, there))
    return page_groups
