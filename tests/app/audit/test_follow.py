"""`audit follow`: every event leaves the server as it is recorded, and nothing that anybody typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from flask import Flask

from tests.app.steps import Someone, events
from tests.conftest import ROOT

COMMAND = [sys.executable, "-m", "flask", "--app", "wsgi", "audit", "follow", "--seconds", "0.1"]


@contextmanager
def following(app: Flask, *options: str) -> Iterator[IO[str]]:
    """Run the command on an application's database, give its output, and end it as a person does."""
    settings = {"LEUKOLENS_INSTANCE_DIR": app.instance_path, "LEUKOLENS_DATABASE_URL": app.config["DATABASE_URL"]}
    with subprocess.Popen(
        [*COMMAND, *options],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        try:
            yield process.stdout
            process.send_signal(signal.SIGINT)
            assert (process.wait(60), process.stderr.read()) == (0, "")
        finally:
            process.kill()


def lines(output: IO[str], count: int) -> list[dict[str, Any]]:
    """Wait for so many lines."""
    return [json.loads(output.readline()) for _ in range(count)]


def test_events_come_as_they_are_recorded(app: Flask, clinician: Someone) -> None:
    """From the first or after one; each with its seal, none with what was typed."""
    clinician.open_case("A-2026-0412", notes="pancytopenia")
    there = events(app)
    with following(app, "--after", "0") as output:
        seen = lines(output, len(there))
        assert [one["event"] for one in seen] == [event.id for event in there]
        assert [one["seal"] for one in seen] == [event.hash for event in there]
        clinician.open_case("A-2026-0413", notes="pancytopenia")
        (new,) = lines(output, 1)
        assert (new["action"], new["event"]) == ("case.opened", there[-1].id + 1)
    assert "0412" not in json.dumps(seen)
    assert set(new) == {"event", "at", "action", "lab", "actor", "subject", "seal"}
    with following(app, "--after", str(there[-1].id)) as output:
        assert lines(output, 1) == [new]


def test_it_begins_with_what_comes(make_app: Callable[..., Flask]) -> None:
    """Unless it is told where."""
    app = make_app()
    someone = Someone(app, "clinician")
    with following(app) as output:
        # It has begun when something of what is recorded again and again shows up; nothing of before does.
        before = events(app)[-1].id
        os.set_blocking(output.fileno(), False)
        found, tries, until = "", 0, time.monotonic() + 120
        while not found and time.monotonic() < until:
            someone.open_case(f"A-{tries}")
            tries += 1
            time.sleep(0.2)
            found = output.readline()
        assert json.loads(found)["event"] > before
