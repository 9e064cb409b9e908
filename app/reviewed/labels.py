"""The labels that people gave: one for each field and cell of which nobody says anything else.

A label of one person counts. Where two people's last words on a field or a cell differ, or the blind second reader's,
none counts: it is left out and listed, to be looked at together. Examples and drawings are no patient's: they are not
there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from app.cases.summary import most_voted
from app.database import db
from app.differential.cells import REDRAWN
from app.differential.classes import class_of
from app.lab import patients
from app.records import Annotation, BlindReading, BlindReview, Case, Review, SmearImage
from app.reviewed import held_back
from app.reviewed.choice import Choice, card_of, words_of

DISAGREE, SEVERAL, UNKNOWN, CUT, DAMAGED = "readers disagree", "several labels", "unknown label", "cut", "damaged"
PANEL = "in a frozen panel"
REASONS = {
    DISAGREE: _l("two readers disagree"),
    SEVERAL: _l("the patient's fields have several labels, and most have another"),
    UNKNOWN: _l("the model does not know this label"),
    CUT: _l("the border of the picture cuts the cell"),
    DAMAGED: _l("the picture cannot be read from the disk"),
    PANEL: _l("the patient is in a frozen panel, on which models are measured"),
}
JUDGEMENTS = ("label", "other", "not_gradable", "excluded")  # kinds with which one person can contradict another


Said = TypeVar("Said", Review, Annotation)


@dataclass(frozen=True)
class Labelled:
    """A field or a cell with its label. number: of the cell, 0 for a field; by: who said it last."""

    image: SmearImage
    number: int
    label: str
    name: str
    by: int
    group: str

    @property
    def kind(self) -> str:
        """Return which data set it belongs to."""
        return "cells" if self.number else "fields"


@dataclass(frozen=True)
class LeftOut:
    """A field or a cell that is not exported: why, as REASONS has it, and what was said of it."""

    image: SmearImage
    number: int
    reason: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """What one person last said of one thing; code: to be compared."""

    by: int
    kind: str
    label: str
    name: str
    at: datetime

    @property
    def code(self) -> str:
        """Return what is said, as one word."""
        return class_of(self.label) if self.kind == "label" else self.kind


def labels(lab_id: int, choice: Choice) -> tuple[list[Labelled], list[LeftOut]]:
    """Return the labels of a lab that are wanted, fields first, and what is left out of them."""
    labelled: list[Labelled] = []
    left: list[LeftOut] = []
    for kind in reversed(choice.kinds):
        stated = field_words(lab_id, choice) if kind == "fields" else cell_words(lab_id, choice)
        for (image, number), words in stated.items():
            item = agreed(image, number, words, choice)
            if isinstance(item, Labelled):
                labelled.append(item)
            elif item is not None:
                left.append(item)
    labelled, torn = one_diagnosis(labelled)
    labelled, strange = in_words_of(labelled, choice.bundle)
    measured = set() if choice.panels else held_back.groups(lab_id)
    usable = [item for item in labelled if item.group not in measured]
    held = [LeftOut(item.image, item.number, PANEL, (item.name,)) for item in labelled if item.group in measured]
    return usable, left + torn + strange + held


def agreed(image: SmearImage, number: int, words: list[Word], choice: Choice) -> Labelled | LeftOut | None:
    """Return the label on which all agree who spoke; why there is none; None where nobody's last word is a label."""
    last = words[-1]
    if last.kind != "label" or (choice.start and last.at < choice.start):
        return None
    codes = {word.code: word.name or word.kind for word in words if word.kind in JUDGEMENTS}
    if len(codes) > 1:
        return LeftOut(image, number, DISAGREE, tuple(codes.values()))
    if number and image.detections and image.detections.cut[number - 1]:
        return LeftOut(image, number, CUT, (last.name,))
    label = class_of(last.label) if number else last.label
    return Labelled(image, number, label, last.name, last.by, patients.group_of(image.case))


def of_lab(lab_id: int, choice: Choice) -> Select[SmearImage]:
    """Return the query of the images whose labels may be wanted."""
    query = (
        select(SmearImage)
        .join(SmearImage.case)
        .where(Case.lab_id == lab_id, Case.example.is_(False), SmearImage.drawn.is_(False))
        .options(joinedload(SmearImage.case), joinedload(SmearImage.detections))
        .order_by(Case.created_at, SmearImage.position, SmearImage.id)
    )
    return query.where(Case.state == "signed") if choice.signed_only else query


def last_words(rows: Iterable[Review | Annotation | BlindReview], by: Iterable[int]) -> list[Word]:
    """Return the last word of each person, in the order in which they were said."""
    words: dict[int, Word] = {}
    for row, person in zip(rows, by, strict=True):
        words.pop(person, None)
        words[person] = Word(person, row.kind, row.label or "", row.label_name, row.made_at)
    return list(words.values())


def field_words(lab_id: int, choice: Choice) -> dict[tuple[SmearImage, int], list[Word]]:
    """Return what people last said of each field, whoever holds last; blind readers' words come before."""
    blind: defaultdict[str, list[Word]] = defaultdict(list)
    finished = (
        select(BlindReview, BlindReading.reader_id)
        .join(BlindReview.blind_reading)
        .join(Case, Case.id == BlindReading.case_id)
        .where(Case.lab_id == lab_id, BlindReading.state == "done")
        .order_by(BlindReview.made_at)
    )
    for row, reader in db.session.execute(finished):
        blind[row.image_id] += last_words([row], [reader])
    words = {}
    for image, rows in by_image(of_lab(lab_id, choice), Review).items():
        holding = last_words(rows, [row.made_by_id for row in rows])
        words[image, 0] = [*blind[image.id], *holding]
    return words


def cell_words(lab_id: int, choice: Choice) -> dict[tuple[SmearImage, int], list[Word]]:
    """Return what people last said of each cell that is still outlined as it was."""
    words: dict[tuple[SmearImage, int], list[Word]] = {}
    for image, rows in by_image(of_lab(lab_id, choice), Annotation).items():
        by_number: defaultdict[int, list[Annotation]] = defaultdict(list)
        for row in rows:
            by_number[row.number].append(row)
        for number, own in sorted(by_number.items()):
            if own[-1].reason != REDRAWN and image.detections and number <= len(image.detections.boxes):
                words[image, number] = last_words(own, [row.made_by_id for row in own])
    return words


def by_image(images: Select[SmearImage], record: type[Said]) -> dict[SmearImage, list[Said]]:
    """Return the rows of each image of a query that has any, the first version first."""
    there = {image.id: image for image in db.session.scalars(images)}
    rows: defaultdict[str, list[Said]] = defaultdict(list)
    query = select(record).where(record.image_id.in_(images.with_only_columns(SmearImage.id).order_by(None)))
    for row in db.session.scalars(query.order_by(record.version)):
        rows[row.image_id].append(row)
    return {image: rows[image_id] for image_id, image in there.items() if image_id in rows}


def one_diagnosis(labelled: list[Labelled]) -> tuple[list[Labelled], list[LeftOut]]:
    """Leave out fields of a patient that have another label than most: in a data set of fields a patient has one.

    Where no label has most of them, all are left out.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in labelled:
        if not item.number:
            counts[item.group][item.label] += 1
    most = {group: most_voted(labels_of) for group, labels_of in counts.items()}
    agreeing = [item for item in labelled if item.number or item.label == most[item.group]]
    torn = [item for item in labelled if not item.number and item.label != most[item.group]]
    return agreeing, [LeftOut(item.image, 0, SEVERAL, (item.name,)) for item in torn]


def in_words_of(labelled: list[Labelled], bundle: str) -> tuple[list[Labelled], list[LeftOut]]:
    """Return the labels as a bundle calls them, and those that it does not know; all of them where none is named."""
    if not bundle:
        return labelled, []
    words = words_of(card_of(bundle))
    known = [
        Labelled(item.image, item.number, words[item.label], item.name, item.by, item.group)
        for item in labelled
        if item.label in words
    ]
    strange = [LeftOut(item.image, item.number, UNKNOWN, (item.name,)) for item in labelled if item.label not in words]
    return known, strange
