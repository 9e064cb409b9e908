"""A search reads an index of pieces where few cases hold the text, and finds what a look at every case would find."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Select, delete, select, text, update

from app.accession import searchable
from app.database import MIGRATIONS, db, writing
from app.records import ATTENTION, OUTCOMES, Case
from app.worklist import search
from app.worklist.filters import UNTOLD, Filters
from smear.inference.suggestion import UNCERTAIN
from tests.app.steps import Someone
from tests.app.worklist.test_worklist import accessions, add_cases

NOTES = (
    'said "quiet" twice',
    "100% blasts, 5_7",
    "лейкоз, Ärztin",
    "𝒜 sign 🩸 of four bytes",
    "tab\tand line",
    "aaaaaaaa",
    "Straße",
)
ASKED = (
    '"quiet"', '"', "100%", "%", "5_7", "_", "лейк", "ÄRZT", "🩸 of", "𝒜", "a sign", "line", "aaa", "strasse", "ie",
    "zzz", "AND", "NOT aaa", "aaa OR line", "search_text:aaa", "aaa*", "'; DROP TABLE case",
)  # fmt: skip


def plan(query: Select[Any], asked: str) -> str:
    """Return how the database goes about a query."""
    words = str(query.compile(db.engine, compile_kwargs={"literal_binds": True}))
    return "\n".join(str(row[-1]) for row in db.session.connection().exec_driver_sql(f"{asked} {words}"))


@pytest.fixture
def noted(clinician: Someone) -> Someone:
    """Return someone with a case for each of the notes."""
    for number, notes in enumerate(NOTES):
        clinician.open_case(f"N-{number}", notes=notes)
    return clinician


@pytest.mark.parametrize("asked", ASKED)
def test_it_finds_what_reading_every_case_finds(app: Flask, noted: Someone, asked: str) -> None:
    """Signs that mean something to an index or a pattern are searched as they are written."""
    held = [f"N-{k}" for k, notes in enumerate(NOTES) if searchable(asked) in searchable(f"N-{k} {notes}")]
    answer = noted.client.get("/", query_string={"q": asked}, buffered=True)
    assert accessions(answer.text) == held[::-1]


def test_what_is_written_anew_is_found_anew(app: Flask, noted: Someone) -> None:
    """Notes that were changed, and a case that is gone: nothing of what they said stays behind."""
    with app.app_context(), writing() as session:
        session.execute(update(Case).where(Case.accession == "N-0").values(search_text="n-0 said nothing"))
        session.execute(delete(Case).where(Case.accession == "N-5"))
    assert accessions(noted.get("/?q=quiet").text) == []
    assert accessions(noted.get("/?q=said+nothing").text) == ["N-0"]
    assert accessions(noted.get("/?q=aaaa").text) == []


@pytest.mark.sqlite
def test_few_are_looked_up_and_many_are_read(app: Flask, clinician: Someone) -> None:
    """By the key of each, whatever else is asked for; where more hold the text than are looked up, in their order."""
    add_cases(app, search.FEW + 200)
    with app.app_context():
        for asked, few in (("b-000011", True), ("nothing holds this", True), ("complaints", False), ("b-", False)):
            assert (search.few_holding(asked) is not None) == few
            for state in ("", "signed"):
                steps = plan(Filters(q=asked, state=state).query(1).limit(51), "EXPLAIN QUERY PLAN")
                assert (search.PRIMARY_KEY in steps) == few, steps
    assert len(accessions(clinician.get("/?q=complaints").text)) == app.config["PAGE_SIZE"]


@pytest.mark.sqlite
def test_the_index_survives_a_vacuum(app: Flask, noted: Someone) -> None:
    """Which numbers the rows of `case` anew."""
    with app.app_context():
        with writing() as session:
            session.execute(delete(Case).where(Case.accession == "N-0"))
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.connection.execute("VACUUM")
        with writing() as session:
            session.execute(update(Case).where(Case.accession == "N-5").values(search_text="n-5 bbbb"))
        held = "SELECT search_text FROM case_trigrams JOIN case_search ON row = case_trigrams.rowid ORDER BY case_id"
        kept = db.session.scalars(text(held)).all()
        assert kept == db.session.scalars(select(Case.search_text).order_by(Case.id)).all()
    assert accessions(noted.get("/?q=bbbb").text) == ["N-5"]


@pytest.mark.sqlite
def test_a_database_without_the_index_is_searched_all_the_same(app: Flask, noted: Someone) -> None:
    """An old SQLite cannot make it."""
    with app.app_context(), writing() as session:
        for name in ("insert", "update", "delete"):
            session.execute(text(f"DROP TRIGGER case_search_{name}"))
        session.execute(text("DROP TABLE case_trigrams"))
    noted.open_case("N-9", notes="quiet as well")
    assert accessions(noted.get("/?q=quiet").text) == ["N-9", "N-0"]


def test_postgresql_has_an_index_of_pieces(app: Flask, noted: Someone) -> None:
    """And reads a search from it: asked here not to read the table, which for seven cases it would."""
    with app.app_context():
        if db.engine.dialect.name != "postgresql":
            pytest.skip("This database is SQLite's; `make test-postgres` asks the other.")
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        _lab, held = Filters(q="quiet").conditions(1)
        steps = plan(select(Case.id).where(held), "EXPLAIN")
        assert "ix_case_trigrams" in steps, steps


@pytest.mark.sqlite
def test_every_filter_names_an_index_that_serves_it(app: Flask, clinician: Someone) -> None:
    """SQLite refuses a query that cannot be answered by the index it is told to take."""
    kinds: dict[str, tuple[str, ...]] = {
        "q": ("", "b-000011", "complaints"),
        "state": ("", "signed"),
        "outcome": ("", *OUTCOMES, UNCERTAIN),
        "reviewer": ("", "1"),
        "since": ("", "2026-01-01"),
        "differs": ("", "yes"),
        "attention": ("", *ATTENTION, UNTOLD),
        "sort": ("", "uncertainty"),
    }
    add_cases(app, search.FEW + 20)
    with app.app_context():
        for values in product(*kinds.values()):
            filters = Filters(**dict(zip(kinds, values, strict=True)))
            query = filters.query(1)
            steps = plan(query.limit(51), "EXPLAIN QUERY PLAN")
            few = filters.q == "b-000011"
            assert (search.PRIMARY_KEY if few else filters.index) in steps, (filters, steps)
            assert "SCAN case" not in steps, (filters, steps)


def test_a_database_that_knows_no_trigrams_is_upgraded_all_the_same(app: Flask) -> None:
    """What it cannot make is left out, and its transaction goes on."""
    script = ScriptDirectory(str(MIGRATIONS)).get_revision("0029")
    assert script
    with app.app_context(), db.engine.connect() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for impossible in ("CREATE VIRTUAL TABLE t USING fts9 (x)", "CREATE EXTENSION pg_trgm_of_nowhere"):
                assert not script.module.possible(impossible)
        assert connection.scalar(text("SELECT 1")) == 1
