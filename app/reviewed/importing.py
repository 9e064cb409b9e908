"""An export of another laboratory, taken in: its pictures as cases, its labels as reviews and annotations.

A group becomes a case under its code, which names nobody. Its pictures are read by the lab's own models as any upload
is; the labels are written in the name of whoever imports them, with a comment that says where they are from. What is
there already is not taken in twice, so that an import that was stopped is given again.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app.cases import details, intake
from app.cases.intake import Incoming
from app.cells.annotations import Act, Seen, annotate
from app.cells.annotations import Choice as CellChoice
from app.database import db
from app.inference.jobs import when_free
from app.records import Case, SmearImage, User
from app.reviewed.folder import DESCRIPTION, MANIFEST, SCHEMA
from app.reviews import reviews
from app.rules import RefusedError
from smear.imaging.containers import Enclosed
from smear.imaging.decode import ImageError

OVERLAP = 0.5  # intersection over union from which a leukocyte is the one that was labelled
NEEDED = ("label", "group", "source", "picture", "labelled_by")  # columns that no row leaves empty
Row = dict[str, str]


@dataclass
class Imported:
    """What came of an import: how many pictures and labels were taken in, and what was not, a sentence each."""

    pictures: int
    labels: Counter[str]
    problems: list[str]


def from_folder(folder: Path, user: User, step: Callable[[int, int], None]) -> Imported:
    """Take an export in for a person's lab; RefusedError where the folder is none.

    A model that is still being loaded, or busy, is waited for; EngineBusyError where that takes too long.
    """
    described = description(folder)
    imported = Imported(0, Counter(), [])
    rows = list(rows_of(folder))
    for place, ((group, picture), own) in enumerate(rows):
        step(place, len(rows))
        try:
            image = when_free(partial(taken_in, group, own[0]["source"], picture, user), lambda: None)
            imported.pictures += 1
        except (ImageError, OSError, RefusedError) as error:
            imported.problems.append(_("%(picture)s was not taken in: %(why)s", picture=picture.name, why=str(error)))
            continue
        for kind, several in by_kind(own).items():
            try:
                put = put_cells if kind == "cells" else put_review
                imported.labels[kind] += put(image, several, described["labels"], user, imported.problems)
            except RefusedError as refused:
                imported.problems.append(f"{picture.name}: {refused.text}")
    step(len(rows), len(rows))
    return imported


def description(folder: Path) -> dict[str, Any]:
    """Return what an export says of itself; RefusedError where it is no export of a version that is known."""
    try:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        described = None
    if (
        not isinstance(described, dict)
        or described.get("schema") != SCHEMA
        or not isinstance(described.get("labels"), dict)
    ):
        raise RefusedError(
            _(
                "%(folder)s is no export of this program: %(file)s is missing or damaged.",
                folder=folder,
                file=DESCRIPTION,
            )
        )
    return described


def rows_of(folder: Path) -> Iterator[tuple[tuple[str, Path], list[Row]]]:
    """Yield each picture of an export with its group and its rows.

    RefusedError where a line of a manifest is not as it was written, or leads out of the export.
    """
    changed = RefusedError(_("A line of %(file)s is not as it was exported.", file=MANIFEST))
    of_pictures: defaultdict[tuple[str, str], list[tuple[Path, Row]]] = defaultdict(list)
    for root in (folder, folder / "fields", folder / "cells"):
        if not (root / MANIFEST).is_file():
            continue
        with (root / MANIFEST).open(encoding="utf-8", newline="") as file:
            try:
                rows = list(csv.DictReader(file))
            except (csv.Error, UnicodeDecodeError):
                raise changed from None
        for row in rows:
            picture = root / str(row.get("picture") or "")
            if not is_whole(row) or not picture.resolve().is_relative_to(folder.resolve()):
                raise changed
            of_pictures[row["group"], picture.name].append((picture, row))
    for (group, _name), several in of_pictures.items():
        yield (group, several[0][0]), [row for _picture, row in several]


def is_whole(row: Row) -> bool:
    """Return whether a line has all that is read of it: what every one has, and of a cell where it lies."""
    corners = (row.get("box") or "").split()
    return all(row.get(name) for name in NEEDED) and (
        not row.get("number") or (len(corners) == 4 and all(corner.isdecimal() for corner in corners))
    )


def by_kind(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of a picture by what they label."""
    rows_by_kind: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        rows_by_kind["cells" if row.get("number") else "fields"].append(row)
    return dict(rows_by_kind)


def case_of(group: str, source: str, user: User) -> Case:
    """Return the case of a group, opened where there is none yet."""
    query = select(Case).where(Case.lab_id == user.lab_id, Case.accession == f"I-{group}")
    case = db.session.scalar(query)
    if case is None:
        notes = _("Imported from %(source)s.", source=source)
        written: dict[str, str | None] = {"accession": f"I-{group}", "specimen": "PB", "notes": notes}
        case = details.create_case(written, user)
    return case


def taken_in(group: str, source: str, picture: Path, user: User) -> SmearImage:
    """Return the image of a picture in the case of its group, which takes it in where it is not there yet."""
    case = case_of(group, source, user)
    enclosed = Enclosed(picture.name, picture.read_bytes())
    query = select(SmearImage).where(SmearImage.case_id == case.id, SmearImage.source_sha256 == enclosed.digest)
    return db.session.scalar(query) or intake.take_in(case, Incoming(enclosed, picture.name), user)


def put_review(image: SmearImage, rows: list[Row], _names: dict[str, str], user: User, problems: list[str]) -> int:
    """Write the label of a field as a review, and return 1; 0 where it has one, or the label is not known here."""
    label = rows[0]["label"]
    if image.review is not None:
        return 0
    names = {known.id: known.name for known in image.reading.labels}
    if label not in names:
        problems.append(_("The model that reads here does not know the label %(label)s.", label=label))
        return 0
    comment = _("Imported; labelled by %(who)s, %(source)s.", who=rows[0]["labelled_by"], source=rows[0]["source"])
    reviews.review(image, reviews.Choice("label", label, comment, 0, names[label]), user)
    return 1


def put_cells(image: SmearImage, rows: list[Row], names: dict[str, str], user: User, problems: list[str]) -> int:
    """Name the cells of a field as they were labelled, those that nobody named here, and return how many."""
    named = {annotation.number for annotation in image.annotations}
    boxes = image.detections.boxes if image.detections else []
    by_label: defaultdict[str, list[Seen]] = defaultdict(list)
    for row in rows:
        number = nearest([int(value) for value in row["box"].split()], boxes)
        if number is None:
            problems.append(_("No leukocyte was found where cell %(cell)s was labelled.", cell=row["path"]))
        elif number not in named:
            named.add(number)
            by_label[row["label"]].append(Seen(image.id, number, 0))
    acts = [
        Act(CellChoice("label", label, str(names.get(label, label))), cells)
        for label, cells in sorted(by_label.items())
    ]
    if acts:
        annotate(db.session.get_one(Case, image.case_id), acts, user)
    return sum(map(len, by_label.values()))


def nearest(box: list[int], boxes: list[Any]) -> int | None:
    """Return the number, from 1, of the leukocyte that overlaps a box by half or more; None where none does."""

    def overlap(candidate: list[int]) -> float:
        width = min(box[2], candidate[2]) - max(box[0], candidate[0])
        height = min(box[3], candidate[3]) - max(box[1], candidate[1])
        shared = max(0, width) * max(0, height)
        areas = [(rectangle[2] - rectangle[0]) * (rectangle[3] - rectangle[1]) for rectangle in (box, candidate)]
        return shared / max(1, sum(areas) - shared)

    shares = [overlap(candidate) for candidate in boxes]
    best = max(range(len(shares)), key=shares.__getitem__, default=-1)
    return best + 1 if best >= 0 and shares[best] >= OVERLAP else None
