"""The database connection: SQLite in WAL mode or PostgreSQL, and writers that queue instead of failing.

On both, one writes at a time, from the first statement of its transaction to the last: what a decision rests on cannot
change before the write, nobody waits for somebody who waits for them, and no write has to be tried again. SQLite has a
lock for it; on PostgreSQL an advisory lock takes its place, which every server of the database asks for. Transactions
are short (pictures are read before them), and the ledger, one chain, would bring them into a line anyway.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql import FromClause

BUSY_MILLISECONDS = 15_000  # for which a writer waits for the others
WRITE_LOCK = 0x6C65756B6F  # "leuko": the advisory lock of whoever writes; PostgreSQL keeps one for each database
# What says that others hold what is wanted: SQLite in words, PostgreSQL by the codes of a lock that was not to be had,
# of a deadlock and of two transactions that cannot both be.
FULL, FULL_CODE = "database or disk is full", "53100"
LOCKED, LOCK_CODES = "database is locked", ("55P03", "40P01", "40001")
# And what says that a row is there already, or that one to which it points is not.
CONFLICTS, CONFLICT_CODES = ("UNIQUE constraint failed", "FOREIGN KEY constraint failed"), ("23505", "23503")
MIGRATIONS = Path(__file__).parent / "migrations"
IMMEDIATE = {"leukolens_immediate": True}

db = SQLAlchemy(
    engine_options={"pool_size": 32, "max_overflow": 32},
    session_options={"expire_on_commit": False},
)


class HintingCompiler(SQLiteCompiler):
    """Writes hints (INDEXED BY) into what SQLite is asked; SQLAlchemy leaves them out for it."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002
        """Return what stands behind a table's name."""
        return text


def init_app(app: Flask) -> None:
    """Connect the application to its database."""
    # A server of its own may be restarted meanwhile: a connection is tried before it is used again.
    apart = not app.config["DATABASE_URL"].startswith("sqlite")
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": app.config["DATABASE_URL"], "pool_pre_ping": apart}}
    db.init_app(app)
    # To close asynchronous sessions, of which there are none here, the extension would start a thread and an event loop
    # at the end of every request.
    app.teardown_appcontext_funcs = [end for end in app.teardown_appcontext_funcs if not iscoroutinefunction(end)]
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            db.engine.dialect.statement_compiler = HintingCompiler
            event.listen(db.engine, "connect", set_pragmas)
            event.listen(db.engine, "begin", begin)
        if db.engine.dialect.name == "postgresql":
            event.listen(db.engine, "connect", set_timeout)
            event.listen(db.engine, "begin", stand_in_line)


def set_pragmas(connection: Any, _record: Any) -> None:
    """Prepare a new SQLite connection; `begin` takes over the transactions from the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    cursor.close()


def begin(connection: Connection) -> None:
    """Open a transaction; a writer takes the write lock at once, because upgrading a read fails in WAL mode."""
    immediate = connection.get_execution_options().get("leukolens_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def set_timeout(connection: Any, _record: Any) -> None:
    """Prepare a new PostgreSQL connection, whatever the server's own defaults are.

    Every statement sees what was committed before it, so that a writer, whose first statement waits for the others,
    sees what they wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_MILLISECONDS}")
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.commit()


def stand_in_line(connection: Connection) -> None:
    """Let a writer on PostgreSQL wait for the others before it looks at anything, until the transaction ends."""
    if connection.get_execution_options().get("leukolens_immediate"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def is_busy(error: BaseException | None) -> bool:
    """Return whether an error says that others were writing for too long, so that a later try may succeed."""
    if not isinstance(error, OperationalError):
        return False
    return LOCKED in str(error.orig) or getattr(error.orig, "sqlstate", None) in LOCK_CODES


def is_conflict(error: IntegrityError) -> bool:
    """Return whether an error says that a row is there already, or that one to which it points is not."""
    return str(error.orig).startswith(CONFLICTS) or getattr(error.orig, "sqlstate", None) in CONFLICT_CODES


def is_full(error: BaseException | None) -> bool:
    """Return whether an error says that the disk has no room: the database's own words, or the system's."""
    if isinstance(error, OperationalError):
        return FULL in str(error.orig) or getattr(error.orig, "sqlstate", None) == FULL_CODE
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def writing() -> Iterator[Session]:
    """Commit what the block does in one transaction, or nothing of it.

    What the request read before is read again, so a decision never rests on an older state than the write.
    """
    session = db.session
    session.rollback()
    session.connection(execution_options=IMMEDIATE)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def own_transaction(engine: Engine) -> Iterator[Connection]:
    """Write outside of the request's session, for the server-side sessions."""
    with engine.connect().execution_options(**IMMEDIATE) as connection, connection.begin():
        yield connection


def add_missing(session: Session, record: type[DeclarativeBase], rows: list[dict[str, Any]]) -> None:
    """Add rows unless there are any with their keys, also where somebody else adds them in the same instant."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(record).values(rows).on_conflict_do_nothing())


def migrate(revision: str = "head") -> None:
    """Bring the database of the current application to a revision, the newest unless another is named.

    As every writer, by itself: two servers that are started at once do it in turn, and the second finds it done.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect().execution_options(**IMMEDIATE) as connection:
        config.attributes["connection"] = connection
        with unenforced(connection):
            command.upgrade(config, revision)
            connection.commit()


@contextmanager
def unenforced(connection: Connection) -> Iterator[None]:
    """Let SQLite write a table anew to which others point: it drops the old one on the way.

    What points to nothing afterwards is an error all the same. Other databases alter tables as they are.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")  # outside of a transaction, in which it would do nothing
    try:
        yield
        if dangling := driver.execute("PRAGMA foreign_key_check").fetchall():
            raise RuntimeError(f"The migration left rows that point to nothing: {dangling[:3]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
