"""Files that are made to take all memory, sent to a server: what they take has an end, and others are served."""

from __future__ import annotations

import sys
import threading
import time
from multiprocessing.context import ForkServerContext

import pytest
from flask import Flask

from app.inference.slots import Slots
from app.inference.waiting import EngineBusyError
from tests.app.faults import bombs as taking
from tests.app.steps import Someone
from tests.data import bombs, pictures
from tests.sizes import SIZES

pytestmark = pytest.mark.faults
MOST_MEMORY, MOST_SECONDS = 600 * 2**20, 20
PATIENCE = 300.0  # seconds, on a machine with much else to do


@pytest.mark.skipif(sys.platform != "linux", reason="The memory of a process is bounded on Linux.")
def test_no_upload_takes_more_than_its_share(
    app: Flask,
    settings: dict[str, str],
    processes: ForkServerContext,
) -> None:
    """Memory above rest of the server and what it began, and seconds of computing: whatever is sent."""
    names = list(bombs.MAKE) if SIZES.kills > 10 else ["WebP", "HEIC"]
    receiving, sending = processes.Pipe(duplex=False)
    process = processes.Process(target=taking.upload, args=(settings, names, sending))
    process.start()
    sending.close()
    for name in names:
        assert receiving.poll(PATIENCE)
        taken = receiving.recv()
        assert taken.name == name
        assert taken.status == (201 if name in bombs.READ else 422), taken.text
        assert taken.memory < MOST_MEMORY, taken
        assert taken.computing < MOST_SECONDS, taken
    process.join()


def test_the_line_of_what_takes_long_is_short() -> None:
    """Threads are left for everybody else: who comes when it is full is told at once to come back."""
    slots, go, at_work = Slots(line=3), threading.Event(), threading.Semaphore(0)
    unusual = pictures.smear("TIFF")

    def one() -> None:
        with slots.upload(unusual), slots.upload(unusual):  # what opens it and what stores it are one
            at_work.release()
            go.wait(30)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert at_work.acquire(timeout=30)
    begun = time.monotonic()
    with pytest.raises(EngineBusyError, match="large or unusual"), slots.upload(unusual):
        pass
    with (
        slots.upload(pictures.smear("JPEG")),
        slots.unpacking(),
        slots.stored(1000),
    ):  # a usual one does not stand in it
        assert time.monotonic() - begun < 5
    go.set()
    for thread in threads:
        thread.join()
    with slots.upload(unusual):
        pass


def test_of_large_pictures_there_is_one_at_a_time() -> None:
    """Until it is stored; a usual one passes by."""
    slots, order = Slots(line=3), []
    large = pictures.png_of(b"", 9_000, 9_000, 8, 2)

    def another() -> None:
        with slots.stored(81_000_000):
            order.append("second")

    with slots.upload(large), slots.unpacking():
        thread = threading.Thread(target=another)
        thread.start()
        with slots.stored(1_000_000):
            order.append("usual")
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["usual", "first", "second"]


def test_a_full_line_is_told_and_health_answers(app: Flask, clinician: Someone) -> None:
    """503 with a time to come back, and nothing stored."""
    case = clinician.open_case()
    engine = app.extensions["engine"]
    before, engine.slots = engine.slots, Slots(line=0)
    try:
        answer = clinician.upload(case, pictures.smear("TIFF"))
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert "large or unusual" in answer.json["error"]
        assert clinician.upload(case, pictures.smear("JPEG")).status_code == 201
        assert clinician.get("/health").status_code == 200
    finally:
        engine.slots = before
    assert clinician.upload(case, pictures.smear("TIFF")).status_code == 201
