"""Several servers of one lab: what is done at one holds at the other, without a restart and without a message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from app.config import ROOT
from app.database import db
from app.inference import jobs
from app.inference.engine import Engine
from app.inference.job_queue import Task
from app.records import Case, Job, Lab, User
from tests import postgres
from tests.app.conftest import BUNDLE
from tests.app.steps import NEW, PASSWORD, Someone, work_done
from tests.conftest import copy_bundle

pytestmark = pytest.mark.faults

NEWER = "newer"


@pytest.fixture
def both(make_app: Callable[..., Flask], models: Path, tmp_path: Path) -> Iterator[tuple[Flask, Flask, Path]]:
    """Return two servers with an engine each over one folder of models, and the folder."""
    folder = tmp_path / "models"
    copy_bundle(models / BUNDLE, folder, BUNDLE)
    apps = make_app(MODELS_DIR=folder), make_app(MODELS_DIR=folder)
    engines = [Engine(folder, 16) for _app in apps]
    for app, engine in zip(apps, engines, strict=True):
        app.extensions["engine"] = engine
        engine.start([BUNDLE])
        engine.load(BUNDLE)
    yield *apps, folder
    for app, engine in zip(apps, engines, strict=True):
        app.extensions["jobs"].stop()
        engine.stop()


def activate(admin: Someone, name: str) -> None:
    """Let a bundle read from now on."""
    data = {"reason": "for a test", "password": PASSWORD, "despite": "for a test"}
    assert admin.post(f"/models/{name}/activate", data).status_code == 302
    assert "reads from now on" in admin.get("/models/").text


def test_what_is_activated_at_one_server_reads_at_the_other(
    both: tuple[Flask, Flask, Path], field: bytes, blank: bytes
) -> None:
    """A bundle that was published after the other started, and then a new card for it."""
    first, second, folder = both
    admin, clinician = Someone(first, "admin"), Someone(second, "clinician")
    case = clinician.open_case()
    assert clinician.upload(case, field).json["outcome"]
    copy_bundle(folder / BUNDLE, folder, NEWER)
    activate(admin, NEWER)
    image = clinician.upload(case, blank).json
    assert NEWER in clinician.get(image["url"]).text

    path = folder / NEWER / "card.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"intended_use": "For the test of a changed card."}))
    activate(admin, NEWER)
    answer = clinician.upload(case, field + b" ")
    assert answer.status_code == 201, answer.text
    work_done(second)
    with second.app_context():
        image_row = db.session.get_one(Case, case).images[-1]
        assert image_row.reading.intended_use == "For the test of a changed card."


def test_a_changed_card_reads_at_no_server_before_it_is_activated(
    both: tuple[Flask, Flask, Path], field: bytes
) -> None:
    """What is loaded goes on reading, whatever lies in the folder meanwhile."""
    _first, second, folder = both
    clinician = Someone(second, "clinician")
    case = clinician.open_case()
    assert clinician.upload(case, field).status_code == 201
    path = folder / BUNDLE / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"intended_use": "Exchanged."}))
    assert clinician.upload(case, field + b" ").status_code == 201
    work_done(second)
    with second.app_context():
        assert all(image.reading.intended_use != "Exchanged." for image in db.session.get_one(Case, case).images)


def test_a_session_is_one_at_all_servers(servers: tuple[Flask, Flask]) -> None:
    """Signed in at one, a person works at the other; signed out there, the cookie is worthless here."""
    here = Someone(servers[0], "clinician")
    cookie = here.client.get_cookie("leukolens")
    assert cookie
    there = Someone(servers[1])
    there.client.set_cookie("leukolens", cookie.value)
    assert there.get("/").status_code == 200
    assert there.post("/sign-out").status_code == 302
    assert here.get("/").status_code == 302


def test_a_new_password_and_a_disabled_account_hold_everywhere_at_once(servers: tuple[Flask, Flask]) -> None:
    """The open pages at the other server end with it."""
    there = Someone(servers[1], "second")
    here = Someone(servers[0], "second")
    data = {"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    assert here.post("/account/password", data).status_code == 302
    assert there.get("/").status_code == 302
    with servers[0].app_context():
        person = db.session.scalars(select(User.id).where(User.email == "clinician@lab.example")).one()
    working = Someone(servers[1], "clinician")
    assert Someone(servers[0], "admin").post(f"/people/{person}/active", {"active": "no"}).status_code == 302
    assert working.get("/").status_code == 302


def test_a_job_is_done_once_by_whoever_is_free(servers: tuple[Flask, Flask], field: bytes) -> None:
    """Two servers take turns at what waits, and no image is done by both; one shows how far the other is."""
    clinician = Someone(servers[0], "clinician")
    case = clinician.open_case()
    for number in range(3):
        assert clinician.upload(case, field + b" " * number).status_code == 201
    work_done(servers[0])
    done: list[tuple[str, str]] = []

    def work(task: Task) -> None:
        done.append((task.argument, task.image_id))

    runners = [app.extensions["jobs"] for app in servers]
    for runner in runners:
        runner.stop()
        runner.kinds["test"] = work
    with servers[0].app_context():
        row = db.session.get_one(Case, case)
        user = db.session.scalars(select(User).where(User.email == "clinician@lab.example")).one()
        images = [image.id for image in row.images]
        submitted = [jobs.submit("test", db.session.get_one(Case, case), images, user, str(n)) for n in range(4)]
    fresh = [type(runner)(app) for runner, app in zip(runners, servers, strict=True)]
    for runner, app in zip(fresh, servers, strict=True):
        runner.kinds["test"] = work
        app.extensions["jobs"] = runner
        runner.start()
    work_done(servers[1])
    assert sorted(done) == sorted((str(n), image) for n in range(4) for image in images)
    with servers[1].app_context():
        assert {db.session.get_one(Job, job).state for job in submitted} == {"done"}


def test_two_servers_that_begin_at_once_make_one_lab(tmp_path: Path) -> None:
    """Over an empty database and an empty folder: one migrates, one makes the lab, and the keys are the same."""
    with postgres.database() as url:
        environment = os.environ | {
            "LEUKOLENS_INSTANCE_DIR": str(tmp_path / "instance"),
            "LEUKOLENS_DATABASE_URL": url,
        }
        words = (sys.executable, "-m", "flask", "--app", "wsgi", "init")
        begun = [
            subprocess.Popen(
                words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for _server in range(2)
        ]
        told = [server.communicate(timeout=120)[0] for server in begun]
        assert [server.returncode for server in begun] == [0, 0], told
        assert sorted("One-time password" in text for text in told) == [False, True]
        app = create_app(INSTANCE_DIR=tmp_path / "instance", DATABASE_URL=url)
        verified = app.test_cli_runner().invoke(args=["audit", "verify"])
        assert verified.exit_code == 0, verified.output
        with app.app_context():
            assert db.session.scalar(select(func.count(Lab.id))) == 1
        with app.app_context():  # once the session has given its connection back
            db.engine.dispose()
