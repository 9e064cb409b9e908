"""Jobs: work over many images that no request waits for. Kept in the database, done image by image by one thread.

A feature says how one image of its kind of work is done; what is here queues, counts, cancels, and goes on after a
restart. An image that cannot be done fails by itself. Several servers on one database take jobs from each other: one
that has not given a sign of life for a while is taken over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import db, writing
from app.inference.job_queue import Task, alive, claim, end, finish, next_task, settle
from app.inference.waiting import EngineBusyError
from app.records import UNFINISHED, Case, Job, JobItem, User
from app.rules import RefusedError
from smear.sentence import SentenceError

log = logging.getLogger("leukolens.jobs")

LOOK_SECONDS = 5.0  # how often a thread without work looks for that of others
BUSY_SECONDS = 1.0  # between tries, while the engine has too much to do
BUSY_TRIES = 120


Work = Callable[[Task], None]
T = TypeVar("T")


def when_free(work: Callable[[], T], still_on: Callable[[], None]) -> T:
    """Return what some work returns, waiting while the engine is busy with those who stand before a page.

    still_on: called before it is tried again, to say that the job is being worked on; what it raises ends the waiting.
    """
    for _try in range(BUSY_TRIES):
        try:
            return work()
        except EngineBusyError:
            db.session.rollback()
            still_on()
            time.sleep(BUSY_SECONDS)
    raise EngineBusyError(_("The models were too busy for too long. Start it once more later."))


class Runner:
    """The thread that does the jobs of one application that are of a case."""

    name = "leukolens-jobs"
    of_labs = False

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.kinds: dict[str, Work] = {}
        self.changed = threading.Condition()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work, with what was left undone; a second call does nothing."""
        with self.changed:
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End after the image that is being worked on; the rest of its job stays queued."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Look for work now."""
        self.start()
        self._wake.set()

    def tell(self) -> None:
        """Wake those who wait to hear how far a job has come."""
        with self.changed:
            self.changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until some job has come further, or so many seconds."""
        with self.changed:
            self.changed.wait(seconds)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                with self.app.app_context():
                    while not self._stopping and (job_id := claim(self.of_labs)):
                        self._do(job_id)
            except Exception:  # a database that is locked or gone comes back
                log.exception("jobs could not be worked on")
            self._wake.wait(LOOK_SECONDS)

    def _do(self, job_id: str) -> None:
        """Do a job's images until none is left, it is cancelled or the server stops."""
        while not self._stopping and (task_and_kind := next_task(job_id)):
            task, kind = task_and_kind
            try:
                self._do_one(kind, task)
                settle(task, "done")
            except RefusedError as refused:  # of the case, and so of all that is left
                end(job_id, "failed", refused.text)
            except SentenceError as error:
                settle(task, "failed", error.text)
            except Exception:
                log.exception("an image of a job of kind %s failed", kind)
                settle(task, "failed", _("Something went wrong on our side with this image."))
            db.session.expunge_all()
            self.tell()
        finish(job_id)
        self.tell()

    def _do_one(self, kind: str, task: Task) -> None:
        """Do one image."""
        when_free(lambda: self.kinds[kind](task), lambda: alive(task.job_id))


def init_app(app: Flask, kinds: dict[str, Work]) -> None:
    """Give the application its runner, asleep until there is work or until the worker starts it."""
    runner_of_app = Runner(app)
    runner_of_app.kinds |= kinds
    app.extensions["jobs"] = runner_of_app


def runner() -> Runner:
    """Return the runner of the current application."""
    current: Runner = current_app.extensions["jobs"]
    return current


def submit(kind: str, case: Case, image_ids: Iterable[str], user: User, argument: str = "") -> str:
    """Queue work over images of a case and return the job's id; RefusedError where the same is being done already."""
    case_id, lab_id, user_id = case.id, case.lab_id, user.id
    with writing() as session:
        same = select(Job.id).where(
            Job.case_id == case_id, Job.kind == kind, Job.argument == argument, Job.state.in_(UNFINISHED)
        )
        if session.scalar(same.limit(1)) is not None:
            raise RefusedError(_("This is being done already. The page shows how far it is."))
        job_id = add(session, kind, lab_id, case_id, image_ids, user_id, argument)
    runner().wake()
    return job_id


def add(
    session: Session, kind: str, lab_id: int, case_id: str, image_ids: Iterable[str], user_id: int, argument: str
) -> str:
    """Queue work in a transaction that goes on, and return the job's id; whoever commits wakes the runner."""
    job = Job(lab_id=lab_id, case_id=case_id, kind=kind, argument=argument, made_by_id=user_id)
    job.items = [JobItem(place=place, image_id=image_id) for place, image_id in enumerate(image_ids, 1)]
    session.add(job)
    session.flush()
    return job.id


def cancel(job_id: str) -> None:
    """Stop a job after the image that is being worked on; what was done stays."""
    end(job_id, "cancelled")
    runner().tell()
