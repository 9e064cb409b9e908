"""Jobs: queued, counted, cancelled, gone on with after a restart; an image that fails does not fail the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db, writing
from app.inference import job_queue, jobs
from app.inference.job_queue import Task
from app.inference.jobs import Runner
from app.inference.waiting import EngineBusyError
from app.records import Case, Job, JobItem, User, now
from app.rules import RefusedError
from app.stored_fields import FieldDamagedError
from tests.app.steps import Someone

WAIT = 60.0  # seconds at most for what takes none; a loaded machine is no reason to fail


@pytest.fixture
def case(clinician: Someone, field: bytes) -> str:
    """Return a case with three images."""
    case = clinician.open_case()
    for number in range(3):
        assert clinician.upload(case, field + b" " * number).status_code == 201
    return case


@pytest.fixture
def runner(app: Flask) -> Iterator[Runner]:
    """Return the application's runner, stopped when the test is over."""
    running: Runner = app.extensions["jobs"]
    yield running
    running.stop()


def submit(app: Flask, case_id: str, kind: str = "test", argument: str = "") -> str:
    """Queue work over all images of a case."""
    with app.app_context():
        case = db.session.get_one(Case, case_id)
        images = [image.id for image in case.images]
        user = db.session.scalars(select(User).where(User.email == "clinician@lab.example")).one()
        return jobs.submit(kind, case, images, user, argument)


def progress(app: Flask, job_id: str) -> job_queue.Progress:
    """Return how far a job is."""
    with app.app_context():
        return job_queue.progress(db.session.get_one(Job, job_id))


def ended(app: Flask, runner: Runner, job_id: str) -> job_queue.Progress:
    """Wait until a job has ended."""
    until = now() + timedelta(seconds=WAIT)
    while (found := progress(app, job_id)).state in ("queued", "running"):
        assert now() < until, found
        runner.wait(0.2)
    return found


def test_every_image_is_done_once_and_in_order(app: Flask, runner: Runner, case: str) -> None:
    """The work is handed what it needs, and the job ends as done."""
    tasks: list[Task] = []
    runner.kinds["test"] = tasks.append
    found = ended(app, runner, submit(app, case, argument="a bundle"))
    assert (found.state, found.done, found.total, found.failures) == ("done", 3, 3, {})
    with app.app_context():
        assert [task.image_id for task in tasks] == [image.id for image in db.session.get_one(Case, case).images]
    assert {task.argument for task in tasks} == {"a bundle"}


def test_a_damaged_image_fails_by_itself(app: Flask, runner: Runner, case: str) -> None:
    """Its row says why, in a sentence; a fault of ours is told without its details."""
    seen: list[str] = []

    def work(task: Task) -> None:
        seen.append(task.image_id)
        if len(seen) == 1:
            raise FieldDamagedError("This image cannot be read from the disk.")
        if len(seen) == 2:
            raise KeyError("secret")

    runner.kinds["test"] = work
    found = ended(app, runner, submit(app, case))
    assert (found.state, found.done) == ("done", 3)
    assert found.failures[seen[0]] == "This image cannot be read from the disk."
    assert "secret" not in found.failures[seen[1]]
    assert "our side" in found.failures[seen[1]]


def test_a_job_of_which_every_image_fails_has_failed(app: Flask, runner: Runner, case: str) -> None:
    """It says so, and each image why."""

    def work(_task: Task) -> None:
        raise FieldDamagedError("Damaged.")

    runner.kinds["test"] = work
    found = ended(app, runner, submit(app, case))
    assert (found.state, len(found.failures)) == ("failed", 3)


def test_what_stops_the_case_stops_the_job(app: Flask, runner: Runner, case: str) -> None:
    """A case that is signed meanwhile is left as it is: nothing more is tried."""
    tried: list[str] = []

    def work(task: Task) -> None:
        tried.append(task.image_id)
        raise RefusedError("This case is signed.")

    runner.kinds["test"] = work
    found = ended(app, runner, submit(app, case))
    assert (found.state, found.text, len(tried)) == ("failed", "This case is signed.", 1)


def test_a_busy_engine_is_waited_for(app: Flask, runner: Runner, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """People before a page go first; the job's turn comes."""
    monkeypatch.setattr("app.inference.jobs.BUSY_SECONDS", 0.01)
    tries: list[str] = []

    def work(task: Task) -> None:
        tries.append(task.image_id)
        if len(tries) < 4:
            raise EngineBusyError("Busy.")

    runner.kinds["test"] = work
    assert ended(app, runner, submit(app, case)).state == "done"
    assert len(tries) == 6


def test_a_cancelled_job_keeps_what_was_done(app: Flask, runner: Runner, case: str, clinician: Someone) -> None:
    """It ends after the image that is being worked on."""
    begun, go_on = threading.Event(), threading.Event()

    def work(_task: Task) -> None:
        begun.set()
        assert go_on.wait(WAIT)

    runner.kinds["test"] = work
    job = submit(app, case)
    assert begun.wait(WAIT)
    assert clinician.post(f"/jobs/{job}/cancel", {"back": f"/cases/{case}/cells"}).location == f"/cases/{case}/cells"
    go_on.set()
    runner.stop()
    found = progress(app, job)
    assert (found.state, found.done) == ("cancelled", 1)


def test_the_same_is_not_done_twice_at_once(app: Flask, runner: Runner, case: str) -> None:
    """The second who asks is told that it is being done."""
    go_on = threading.Event()
    runner.kinds["test"] = lambda _task: assert_waited(go_on)
    submit(app, case)
    with pytest.raises(RefusedError, match="being done already"):
        submit(app, case)
    submit(app, case, argument="another bundle")
    go_on.set()


def assert_waited(event: threading.Event) -> None:
    """Wait for what a test allows."""
    assert event.wait(WAIT)


def test_a_restart_goes_on_where_it_was(make_app: Callable[..., Flask], clinician: Someone, case: str) -> None:
    """The images that were done stay done; a new server takes over once the old one has been silent for a while."""
    before = make_app()
    first: list[str] = []
    stop = threading.Event()

    def work(task: Task) -> None:
        first.append(task.image_id)
        stop.set()

    old = before.extensions["jobs"]
    old.kinds["test"] = work
    old._do_one = lambda kind, task: (Runner._do_one(old, kind, task), setattr(old, "_stopping", True))
    job = submit(before, case)
    assert stop.wait(WAIT)
    old.stop()
    assert progress(before, job).state == "running"
    after = make_app()
    new: Runner = after.extensions["jobs"]
    second: list[str] = []
    new.kinds["test"] = lambda task: second.append(task.image_id)
    with after.app_context():
        assert job_queue.claim() is None, "whoever ran it gave a sign of life just now"
        with writing() as session:
            session.get_one(Job, job).alive_at = now() - timedelta(minutes=5)
    new.wake()
    assert ended(after, new, job).state == "done"
    new.stop()
    assert len(first) == 1
    assert len(second) == 2
    assert not set(first) & set(second)


def test_an_image_that_left_the_case_leaves_its_jobs(app: Flask, runner: Runner, case: str, clinician: Someone) -> None:
    """Nothing keeps it, and nothing is done to it."""
    done: list[str] = []
    go_on = threading.Event()

    def work(task: Task) -> None:
        assert_waited(go_on)
        done.append(task.image_id)

    runner.kinds["test"] = work
    job = submit(app, case)
    with app.app_context():
        last = db.session.get_one(Case, case).images[-1].id
    assert clinician.post(f"/cases/{case}/images/{last}/remove", {"reason": "duplicate"}).status_code == 302
    go_on.set()
    assert ended(app, runner, job).total == 2
    assert last not in done


def test_the_page_listens(
    app: Flask, runner: Runner, case: str, clinician: Someone, someone: Callable[..., Someone]
) -> None:
    """Each change is an event, the last one ends the stream; another lab hears nothing."""
    runner.kinds["test"] = lambda _task: None
    job = submit(app, case)
    ended(app, runner, job)
    answer = clinician.get(f"/jobs/{job}/events")
    assert answer.mimetype == "text/event-stream"
    assert '"state": "done"' in answer.text
    assert '"done": 3' in answer.text
    assert clinician.get(f"/jobs/{job}").json["total"] == 3
    assert someone("stranger").get(f"/jobs/{job}/events").status_code == 404
    with app.app_context():
        assert db.session.scalars(select(JobItem.state)).all() == ["done"] * 3


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_stopping_leads_nowhere_else(app: Flask, runner: Runner, case: str, clinician: Someone, back: str) -> None:
    """The way back is a path of this site or the case."""
    runner.kinds["test"] = lambda _task: None
    job = submit(app, case)
    assert clinician.post(f"/jobs/{job}/cancel", {"back": back}).location == f"/cases/{case}"
