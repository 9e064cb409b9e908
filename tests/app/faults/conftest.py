"""Processes of their own that work on one lab, and what is asked of the lab afterwards."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from flask import Flask

from app import ledger
from app.audit import verification
from app.database import db


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Return what starts processes that have imported the application already, and share nothing with this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.app.faults.worker"])
    return context


@pytest.fixture
def settings(app: Flask, models: Path) -> dict[str, str]:
    """Return the settings of the lab of a test, for processes of their own."""
    return {
        "INSTANCE_DIR": str(app.config["INSTANCE_DIR"]),
        "DATABASE_URL": app.config["DATABASE_URL"],
        "MODELS_DIR": str(models),
        "DEFAULT_CELL_BUNDLE": "",
    }


def problems(app: Flask) -> list[str]:
    """Return whatever `audit verify` has to say: the chain, the rows that it speaks of, and every stored file."""
    with app.app_context():
        with db.engine.connect() as connection:
            found = [sentence for _number, sentence in ledger.broken(connection)]
        return found + list(verification.problems(db.session))
