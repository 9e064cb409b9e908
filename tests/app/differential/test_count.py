"""The count of a case: people and suggestions apart, blasts first, limits exact, erythroblasts and smudges beside."""

from __future__ import annotations

from collections import Counter

import pytest
from flask import Flask

from app.differential.cells import Cell, DetectedField
from app.differential.certainty import progress
from app.differential.count import differential, sentence
from app.records import Annotation, Lab
from smear.inference.card import Label
from smear.inference.suggestion import Suggestion
from smear.statistics import exact_limits

FIELD = DetectedField("f" * 32, 1, "field", 100, 100, 99, True)


def cell(number: int, person: str = "", suggested: str = "", outcome: str = "", cut: bool = False) -> Cell:
    """Return a cell that a person called something, or of which something is suggested or refused."""
    suggestion = None
    if suggested or outcome:
        kind = outcome or "suggested"
        suggestion = Suggestion(kind, suggested or None, (), {}, 0.9 if suggested else None, None)  # type: ignore[arg-type]
    annotation = None
    if person:
        kind, _colon, label = person.partition(":")
        annotation = Annotation(kind=kind, label=label or None, label_name=label, version=1, reason="")
    return Cell(FIELD, number, [0, 0, 9, 9], cut, suggestion, "r", "cells 1.0", annotation, {})


def several(count: int, start: int, **kwargs: str) -> list[Cell]:
    """Return so many equal cells."""
    return [cell(start + k, **kwargs) for k in range(count)]


@pytest.fixture
def cells() -> list[Cell]:
    """Return twenty leukocytes of two kinds, four erythroblasts, two smudges and what counts for nothing."""
    return [
        *several(15, 1, person="label:lymphocyte", suggested="lymphocyte"),
        *several(5, 20, person="label:blast", suggested="lymphocyte"),
        *several(4, 30, person="label:erythroblast", suggested="erythroblast"),
        *several(2, 40, person="label:smudge"),
        *several(3, 50, suggested="ALL"),
        *several(2, 60, outcome="unfamiliar"),
        cell(70, person="excluded"),
        cell(71, cut=True),
        cell(72, cut=True, person="label:lymphocyte"),
    ]


def test_columns_shares_and_what_is_beside(app: Flask, cells: list[Cell]) -> None:
    """Shares are of leukocytes; erythroblasts are told to 100 of them; a blast by another name is a blast."""
    with app.test_request_context():
        table = differential(cells)
    rows = {row.code: row for row in table.rows}
    assert [row.code for row in table.rows] == ["blast", "lymphocyte", "erythroblast", "smudge"]
    blasts, lymphocytes, red, smudged = (rows[code] for code in ("blast", "lymphocyte", "erythroblast", "smudge"))
    assert (blasts.people.count, blasts.people.total, blasts.suggested.count) == (5, 21, 3)
    assert (blasts.people.low, blasts.people.high) == exact_limits(5, 21)
    assert (lymphocytes.people.count, lymphocytes.suggested.count, lymphocytes.suggested.total) == (16, 20, 23)
    assert red.apart
    assert red.people.value == 4 / 21
    assert smudged.apart
    assert (smudged.people.count, smudged.suggested.count) == (2, 0)
    assert (table.people, table.suggested, table.refused) == (21, 23, 2)
    assert (table.unclassed, table.unnamed, table.cut, table.excluded) == (5, 2, 1, 1)


def test_a_model_that_knows_no_blast_counts_none_of_them(app: Flask, cells: list[Cell]) -> None:
    """Nothing stands in its column, and no 0 % that somebody would believe."""
    labels = [Label(name, name, "", False) for name in ("lymphocyte", "erythroblast")]
    with app.test_request_context():
        rows = {row.code: row for row in differential([one for one in cells if one.suggested != "ALL"], labels).rows}
    assert rows["blast"].people.count == 5
    assert rows["blast"].suggested is None
    assert rows["smudge"].suggested is None
    assert rows["lymphocyte"].suggested.count == 20


def test_the_sentence_names_what_stands(app: Flask, cells: list[Cell]) -> None:
    """Blasts first; a person's word goes before a suggestion; what is refused is not named, and never guessed."""
    with app.test_request_context():
        assert sentence(cells) == (
            "26 leukocytes: 8 blast-like, 16 lymphocytes, 2 not named. Besides: 4 erythroblasts, 2 smudge cells."
        )
        assert sentence([cell(1, person="label:monocyte")]) == "1 leukocyte: 1 monocyte."
        assert sentence([cell(1, cut=True)]) == ""
        assert sentence([cell(1, person="label:platelet")]) == "No leukocyte: 1 platelet."


@pytest.mark.parametrize(
    ("blasts", "others", "above", "below"),
    [(0, 0, False, False), (0, 10, False, False), (0, 100, False, True), (60, 40, True, False), (20, 80, False, False)],
)
def test_counting_may_stop_where_the_limits_are_clear(blasts: int, others: int, above: bool, below: bool) -> None:
    """By 99 % limits, and against the lab's threshold of 20 %."""
    lab = Lab(name="a lab", count_target=100, blast_percent=20)
    far = progress(Counter(blast=blasts, monocyte=others, erythroblast=9), lab)
    assert far.counted == blasts + others
    assert (far.above, far.below, far.certain) == (above, below, above or below)
    assert far.done == (blasts + others >= 100)
    assert far.missed == pytest.approx(0.99 ** (blasts + others))
