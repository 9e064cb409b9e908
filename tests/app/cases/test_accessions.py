"""Accessions that look the same are the same, in the form, for a script, in the database and in the search."""

from __future__ import annotations

import unicodedata

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import select

from app.accession import LIKE_LATIN, key, normal
from app.database import db, migrate
from app.records import Case
from tests.app.steps import Someone

FIRST = "ÄB-12 3"
ALIKE = {
    "capitals": "äb-12 3",
    "decomposed": unicodedata.normalize("NFD", FIRST),
    "full width": "Äｂ－１２ ３",
    "no-break space": "ÄB-12\u00a03",
    "two spaces": "  ÄB-12  3 ",
    "Cyrillic": "ÄВ-12 3",
    "Greek": "ÄΒ-12 3",
}
HIDDEN = {
    "zero width": "ÄB\u200b-12 3",
    "joiner": "ÄB\u2060-12 3",
    "bidi mark": "ÄB-12\u200f 3",
    "bidi override": "\u202e3 21-BÄ\u202c",
    "byte order mark": "\ufeffÄB-12 3",
    "NUL": "ÄB-12\0 3",
    "bell": "ÄB-12\a 3",
    "soft hyphen": "ÄB\u00ad-12 3",
    "private use": "ÄB-12 3\ue000",
}


def create(someone: Someone, accession: str, json: bool = False) -> tuple[int, str]:
    """Open a case, over every warning; return the status and what was answered."""
    answer = someone.post("/cases/new", {"accession": accession, "specimen": "PB", "confirmed": "yes"}, json=json)
    return answer.status_code, answer.text


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("how", ALIKE)
def test_what_looks_the_same_is_one_case(app: Flask, clinician: Someone, how: str, json: bool) -> None:
    """Written by whatever keyboard, it is refused as being there; nothing is written twice."""
    assert create(clinician, FIRST)[0] == 302
    status, text = create(clinician, ALIKE[how], json)
    assert status == 400
    assert "There is already a case" in text
    with app.app_context():
        assert db.session.scalars(select(Case.accession)).all() == [FIRST]


@pytest.mark.parametrize("how", HIDDEN)
def test_signs_that_nobody_sees_are_refused(app: Flask, clinician: Someone, how: str) -> None:
    """With a sentence that names them, on the page and to a script."""
    for json in (False, True):
        status, text = create(clinician, HIDDEN[how], json)
        assert status == 400
        # A NUL, which nobody can type or paste, is refused before any view (`app.request_checks`).
        assert how == "NUL" or "signs that nobody sees (U+" in text
    with app.app_context():
        assert not db.session.scalars(select(Case.id)).all()


def test_two_alphabets_in_one_accession_are_asked_about(clinician: Someone) -> None:
    """Once; who means it presses again. One alphabet is nobody's concern."""
    data = {"accession": "HА-7", "specimen": "PB"}
    answer = clinician.post("/cases/new", data)
    assert answer.status_code == 400
    assert "two alphabets that look alike (Latin, Cyrillic)" in answer.text
    assert create(clinician, "HА-7")[0] == 302
    assert clinician.post("/cases/new", {"accession": "КЛ-8", "specimen": "PB"}).status_code == 302


FOUND_BY = ("capitals", "decomposed", "full width", "no-break space")


@pytest.mark.parametrize("asked", [*(ALIKE[how] for how in FOUND_BY), HIDDEN["zero width"], HIDDEN["soft hyphen"]])
def test_the_search_finds_it_however_it_is_asked(clinician: Someone, asked: str) -> None:
    """What is written down and what is asked for go through one form."""
    create(clinician, FIRST)
    page = clinician.get("/", query_string={"q": asked})
    assert FIRST in page.text


def test_what_is_long_only_in_its_normal_form_is_refused(clinician: Someone) -> None:
    """One sign may stand for eighteen letters."""
    status, text = create(clinician, "\ufdfa" * 60)
    assert status == 400
    assert "at most 64 characters" in text


def test_letters_that_fall_together_are_folded_and_of_one_length() -> None:
    """The key is made of case-folded text, so every letter of the table has to be that."""
    assert all(chr(letter).casefold() == chr(letter) for letter in LIKE_LATIN)
    assert all(chr(latin).isascii() for latin in LIKE_LATIN.values())
    assert key(normal("AΒСdΕ")) == key("abcde")


def test_older_cases_get_the_key_and_those_that_meet_stay_apart(app: Flask, clinician: Someone) -> None:
    """Two cases that an older version took for different keep both; a third is refused."""
    for accession in ("M-1", "M-2"):
        assert create(clinician, accession)[0] == 302
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0016'"))
            renamed = {"new": "Ｍ-1", "key": "ｍ-1", "old": "M-2"}
            query = 'UPDATE "case" SET accession = :new, accession_key = :key WHERE accession = :old'
            connection.execute(sa.text(query), renamed)
            connection.execute(sa.text("UPDATE \"case\" SET accession_key = 'old' WHERE accession = 'M-1'"))
        migrate("0017")
        rows = {
            row.accession: row.accession_key for row in db.session.execute(select(Case.accession, Case.accession_key))
        }
    assert rows == {"M-1": "m-1", "Ｍ-1": "ｍ-1"}
    assert "There is already a case" in create(clinician, "m-1")[1]
