"""Databases of their own on the PostgreSQL server that LEUKOLENS_TEST_POSTGRES_URL names."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.conftest import skip_or_fail

# Whether the tests of the application have their labs on PostgreSQL; else on SQLite.
EVERYWHERE = os.environ.get("LEUKOLENS_TEST_APP_ON") == "postgresql"


@contextmanager
def database(template: str = "") -> Iterator[str]:
    """Give the URL of a database, empty or a copy of the one at a URL, that is gone afterwards.

    Nobody may be connected to the template while it is copied.
    """
    server = os.environ.get("LEUKOLENS_TEST_POSTGRES_URL", "")
    if not server:
        skip_or_fail("There is no PostgreSQL here: set LEUKOLENS_TEST_POSTGRES_URL to a server's URL.")
    name = f"leukolens_{uuid.uuid4().hex[:12]}"
    source = sa.make_url(template).database if template else "template1"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {source}"))
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
