"""A server is killed at random moments: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import random
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.image_store import image_store
from app.records import Case, Review, SmearImage
from tests.app.faults import worker
from tests.app.faults.conftest import problems
from tests.app.steps import Someone, work_done
from tests.sizes import SIZES

pytestmark = pytest.mark.faults
PATIENCE = 120.0  # seconds for a process to begin, on a machine with much else to do
LONGEST = 1.5  # seconds after which a process that works is killed


TOGETHER = 2  # servers at work at once, killed one after the other


def begin(
    processes: ForkServerContext, settings: dict[str, str], number: int, picture: bytes
) -> tuple[BaseProcess, Connection]:
    """Start a process that takes pictures in, and return it with what it tells."""
    receiving, sending = processes.Pipe(duplex=False)
    process = processes.Process(target=worker.read_in, args=(settings, "clinician", number, picture, sending))
    process.start()
    sending.close()
    return process, receiving


def all_of(receiving: Connection) -> list[tuple[str, str, str]]:
    """Return what a process told until it was killed."""
    told = []
    try:
        while True:
            told.append(receiving.recv())
    except (EOFError, OSError):
        receiving.close()
    return told


def test_a_kill_loses_nothing_that_was_acknowledged(
    app: Flask, settings: dict[str, str], processes: ForkServerContext, field: bytes
) -> None:
    """Cases, pictures and reviews; every file of a picture is whole, counts are those of the rows."""
    moments = random.Random(26)  # noqa: S311 -- chance, not secrecy
    told: list[tuple[str, str, str]] = []
    for number in range(0, SIZES.kills, TOGETHER):
        begun = [begin(processes, settings, number + place, field) for place in range(TOGETHER)]
        for _process, receiving in begun:
            assert receiving.poll(PATIENCE)
            assert receiving.recv()[0] == "ready"
        for process, receiving in begun:
            time.sleep(moments.uniform(0.0, LONGEST))
            process.kill()
            process.join()
            told += all_of(receiving)
    with app.app_context():
        kept = {
            "case": set(db.session.scalars(select(Case.id))),
            "image": set(db.session.scalars(select(SmearImage.id))),
            "review": set(db.session.scalars(select(Review.image_id))),
        }
        for what, case, image in told:
            assert (image or case) in kept[what], what
        for case in db.session.scalars(select(Case)):
            assert case.image_count == len(case.images)
            assert case.reviewed_count == sum(image.review is not None for image in case.images)
            for image in case.images:
                assert image.reading.result
                assert image_store().read(image.pixels_sha256).shape[:2] == (image.height, image.width)
    assert problems(app) == []
    assert SIZES.kills < 10 or {what for what, _case, _image in told} == {"case", "image", "review"}
    # Whoever comes next works on as if nothing had been.
    clinician = Someone(app, "clinician")
    assert clinician.upload(clinician.open_case("afterwards"), field).status_code == 201
    work_done(app)
