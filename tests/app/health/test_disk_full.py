"""A full disk is told in a sentence of its own; who is signed in goes on reading, and out."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.database import db
from app.records import SmearImage
from tests.app.steps import PASSWORD, Someone

pytestmark = pytest.mark.faults

Usage = namedtuple("Usage", "total used free")
WORDS = "The disk of this server is full"


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what leaves so many bytes of the disk free."""
    return lambda free: monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, free))


def test_below_the_floor_pictures_are_refused_and_people_are_not(
    make_app: Callable[..., Flask], fill: Callable[[int], None], field: bytes
) -> None:
    """A page and a script get 507 and nothing is stored; reading, signing in and out work, health is degraded."""
    app = make_app(DISK_FLOOR_MB=100)
    clinician = Someone(app, "clinician")
    case = clinician.open_case()
    assert clinician.get("/health").json["disk"] == "ok"
    fill(100 * 2**20 - 1)
    script = clinician.upload(case, field)
    assert script.status_code == 507
    assert WORDS in script.json["error"]
    page = clinician.post(f"/cases/{case}/drawings", {"kind": "leukemic"})
    assert page.status_code == 507
    assert WORDS in page.text
    with app.app_context():
        assert not db.session.scalars(select(SmearImage.id)).all()
    health = clinician.get("/health").json
    assert (health["disk"], health["status"]) == ("full", "degraded")
    assert clinician.get(f"/cases/{case}").status_code == 200
    assert clinician.post("/sign-out").status_code == 302
    assert Someone(app).sign_in("clinician@lab.example", PASSWORD).status_code == 302
    fill(200 * 2**20)
    assert Someone(app, "clinician").upload(case, field).status_code == 201


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OperationalError("INSERT", {}, Exception("database or disk is full")),
    ],
    ids=["disk", "quota", "database"],
)
def test_a_disk_that_fills_up_meanwhile_is_told_too(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Whichever write fails first."""
    case = clinician.open_case()

    def fail(*_: Any) -> None:
        raise fault

    monkeypatch.setattr("app.cases.intake.count", fail)
    answer = clinician.upload(case, field)
    assert answer.status_code == 507
    assert WORDS in answer.json["error"]
    monkeypatch.undo()
    assert clinician.upload(case, field).status_code == 201


def test_another_fault_of_the_system_is_none_of_a_full_disk(app: Flask, clinician: Someone, monkeypatch: Any) -> None:
    """It stays a fault of ours."""

    def fail(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("app.cases.views.add_drawing", fail)
    assert clinician.post(f"/cases/{clinician.open_case()}/drawings", {"kind": "leukemic"}).status_code == 500
