"""Jobs of a whole lab: an export, the adaptation of a model. One thread does them, beside those of the cases.

Such a job counts its steps itself. Between two of them it learns that somebody stopped it, or that the server ends:
then it is queued again and begins anew after the restart, so that it must leave nothing half done that others see.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import select, update

from app.database import db, is_full, writing
from app.inference.job_queue import Progress, end, progress
from app.inference.jobs import Runner, T, when_free
from app.records import UNFINISHED, Job, User, now
from app.rules import RefusedError
from smear.sentence import SentenceError

log = logging.getLogger("leukolens.jobs")


class StoppedError(Exception):
    """The job was stopped by somebody, or the server ends."""


@dataclass(frozen=True)
class LabTask:
    """A job of a lab that is being done. argument: what it needs, as the feature writes it, up to 200 characters."""

    job_id: str
    lab_id: int
    user_id: int
    argument: str
    stopping: Callable[[], bool]

    def step(self, done: int, total: int, text: str = "") -> None:
        """Write down how far it is; StoppedError where it is not to go on. Call it every minute at the least."""
        self._go_on(done=done, total=total, text=text)

    def when_free(self, work: Callable[[], T]) -> T:
        """Return what a part of the job returns that asks the engine, waiting as the jobs of cases do while it is busy.

        The part is done anew after each wait. StoppedError where the job is not to go on.
        """
        return when_free(work, self._go_on)

    def _go_on(self, **values: Any) -> None:
        if self.stopping():
            with writing() as session:
                session.execute(update(Job).where(*self._running).values(state="queued"))
            raise StoppedError
        with writing() as session:
            updated = session.execute(update(Job).where(*self._running).values(alive_at=now(), **values))
            going_on = updated.rowcount == 1  # type: ignore[attr-defined]
        lab_runner().tell()
        if not going_on:
            raise StoppedError

    @property
    def _running(self) -> tuple[Any, ...]:
        return Job.id == self.job_id, Job.state == "running"


LabWork = Callable[[LabTask], dict[str, Any]]


class LabRunner(Runner):
    """The thread that does the jobs of one application that are of a whole lab."""

    name = "leukolens-lab-jobs"
    of_labs = True

    def __init__(self, app: Flask, works: dict[str, LabWork]) -> None:
        super().__init__(app)
        self.works = works

    def _do(self, job_id: str) -> None:
        job = db.session.get_one(Job, job_id, populate_existing=True)
        task = LabTask(job_id, job.lab_id, job.made_by_id, job.argument, lambda: self._stopping)
        kind = job.kind
        try:
            result = self.works[kind](task)
            end(job_id, "done", result=result)
        except StoppedError:
            log.info("a job of kind %s was stopped", kind)
        except SentenceError as error:
            end(job_id, "failed", error.text)
        except Exception as error:
            db.session.rollback()
            if is_full(error):
                end(job_id, "failed", _("The disk is full. Make room, then start it once more."))
            else:
                log.exception("a job of kind %s failed", kind)
                end(
                    job_id,
                    "failed",
                    _("Something went wrong on our side. Start it once more, or ask who runs the server."),
                )
        db.session.expunge_all()
        self.tell()


def init_app(app: Flask, works: dict[str, LabWork]) -> None:
    """Give the application its runner, asleep until there is work or until the worker starts it."""
    app.extensions["lab_jobs"] = LabRunner(app, works)


def lab_runner() -> LabRunner:
    """Return the runner of the current application."""
    current: LabRunner = current_app.extensions["lab_jobs"]
    return current


def submit(kind: str, user: User, argument: str = "") -> str:
    """Queue work of the person's lab and return the job's id; RefusedError where the lab has the same going on."""
    lab_id, user_id = user.lab_id, user.id
    with writing() as session:
        same = select(Job.id).where(Job.lab_id == lab_id, Job.kind == kind, Job.state.in_(UNFINISHED)).limit(1)
        if session.scalar(same) is not None:
            raise RefusedError(_("This is being done already. The page shows how far it is."))
        job = Job(lab_id=lab_id, kind=kind, argument=argument, made_by_id=user_id)
        session.add(job)
        session.flush()
        job_id = job.id
    lab_runner().wake()
    return job_id


def newest(lab_id: int, kind: str) -> Job | None:
    """Return the newest job of a kind in a lab."""
    query = select(Job).where(Job.lab_id == lab_id, Job.kind == kind, Job.case_id.is_(None))
    return db.session.scalar(query.order_by(Job.made_at.desc()).limit(1))


def newest_done(lab_id: int, kind: str) -> Job | None:
    """Return the newest job of a kind in a lab that is done, whatever became of those after it."""
    query = select(Job).where(Job.lab_id == lab_id, Job.kind == kind, Job.case_id.is_(None), Job.state == "done")
    return db.session.scalar(query.order_by(Job.made_at.desc()).limit(1))


def newest_progress(lab_id: int, kind: str) -> list[Progress]:
    """Return how far the newest job of a kind in a lab is, as pages list jobs; [] where there was none."""
    job = newest(lab_id, kind)
    return [progress(job)] if job else []
