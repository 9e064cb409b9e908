"""The database: migrations that agree with the models, and writers that wait instead of failing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from app.database import db, writing
from app.records import Lab, Record

SEARCHED = ("ix_case_search", "ix_case_trigrams", "case_search", "case_trigrams")


def differences(connection: Connection) -> list[Any]:
    """Return in what the database is not what the records say, but for how each kind of database is searched."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found = compare_metadata(context, Record.metadata)
    return [one for one in found if not getattr(one[1], "name", "").startswith(SEARCHED)]


def test_models_and_migrations_agree(app: Flask) -> None:
    """What the migrations build is what the records say."""
    with app.app_context(), db.engine.connect() as connection:
        assert differences(connection) == []


def test_the_migrations_go_back_too(app: Flask) -> None:
    """Down and up again leaves the same database."""
    from alembic import command
    from alembic.config import Config

    from app.database import MIGRATIONS, migrate

    with app.app_context():
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with db.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
            connection.commit()
        migrate()
        with db.engine.connect() as connection:
            assert differences(connection) == []


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 15000)])
@pytest.mark.sqlite
def test_every_connection_is_prepared(app: Flask, pragma: str, value: object) -> None:
    """WAL, foreign keys and patience hold on each connection."""
    with app.app_context():
        assert db.session.scalar(text(f"PRAGMA {pragma}")) == value


def test_writers_that_read_first_wait_for_each_other(app: Flask) -> None:
    """Eight threads count up one row by reading and writing; none fails and none is lost."""
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            with app.app_context():
                for turn in range(5):
                    db.session.scalar(select(func.count(Lab.id)))  # an open read, as every page has
                    with writing() as session:
                        count = session.scalar(select(func.count(Lab.id)))
                        session.add(Lab(name=f"{number}-{turn}-{count}"))
        except Exception as error:
            errors.append(error)

    with app.app_context():
        before = db.session.scalar(select(func.count(Lab.id)))
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with app.app_context():
        names = db.session.scalars(select(Lab.name).where(Lab.name.like("%-%-%"))).all()
        counts = sorted(int(name.split("-")[2]) for name in names)
    assert counts == list(range(before, before + 40))


def test_a_failing_block_writes_nothing(app: Flask) -> None:
    """All of a transaction or none of it."""
    with app.app_context():

        def add_twice() -> None:
            with writing() as session:
                session.add(Lab(name="New"))
                session.flush()
                session.add(Lab(name="New"))

        with pytest.raises(IntegrityError):
            add_twice()
        assert db.session.scalar(select(Lab).where(Lab.name == "New")) is None


def test_foreign_keys_hold(app: Flask) -> None:
    """A row cannot point to nothing."""
    with app.app_context(), pytest.raises(IntegrityError), writing() as session:
        session.execute(text("INSERT INTO role_of_user (user_id, role_id) VALUES (999, 999)"))


def test_the_database_may_be_named_by_url(make_app: Callable[..., Flask], tmp_path: object) -> None:
    """DATABASE_URL overrides the file in the instance folder."""
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3")
    assert app.test_cli_runner().invoke(args=["init"]).exit_code == 0
    with app.app_context():
        assert db.engine.url.database == f"{tmp_path}/other.sqlite3"


def test_no_request_ends_with_an_event_loop(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread for every request, to close what was never opened, is a tenth of a short request."""
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread))
    with app.app_context():
        db.session.execute(text("SELECT 1"))
    assert not started
    assert app.teardown_appcontext_funcs, "sessions have to be closed all the same"
