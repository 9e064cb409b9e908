"""Two servers on one PostgreSQL, with the folder of pictures and keys that they share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests import postgres


@pytest.fixture
def database_url(prepared_on_postgres: str) -> Iterator[str]:
    """Let every lab of this folder be on PostgreSQL."""
    with postgres.database(prepared_on_postgres) as url:
        yield url


@pytest.fixture
def servers(make_app: Callable[..., Flask]) -> tuple[Flask, Flask]:
    """Return two applications that share nothing but database and folder."""
    return make_app(), make_app()


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Begin every step in the same instant and return what they gave, an exception as it is."""
    line = threading.Barrier(len(steps))
    given: list[Any] = [None] * len(steps)

    def work(place: int) -> None:
        line.wait(30)
        try:
            given[place] = steps[place]()
        except Exception as error:
            given[place] = error

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given
