"""The queue of jobs in the database: which image is next, what came of it, and how far each job has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, or_, select, update

from app.database import db, writing
from app.records import UNFINISHED, Job, JobItem, now

# Kinds that come with every image or suggestion: nobody asked, so that they go after what people did.
EVIDENCE, SHADOW = "evidence", "shadow"
SILENT = timedelta(seconds=60)  # after which a job is taken over from whoever ran it


@dataclass(frozen=True)
class Task:
    """What the work on one image of a job needs to know."""

    job_id: str
    case_id: str
    lab_id: int
    user_id: int
    argument: str
    image_id: str


@dataclass(frozen=True)
class Progress:
    """How far a job has come. failures: the sentence of each image that failed, by its id."""

    id: str
    kind: str
    argument: str
    state: str
    total: int
    done: int
    failures: dict[str, str]
    text: str


def claim(of_labs: bool = False) -> str | None:
    """Take the oldest job that nobody works on; None where there is none, which is seen without any lock.

    of_labs: of those of a whole lab, else of those of a case.
    """
    kind = Job.case_id.is_(None) if of_labs else Job.case_id.is_not(None)
    abandoned = or_(Job.alive_at.is_(None), Job.alive_at < now() - SILENT)
    waiting = or_(Job.state == "queued", (Job.state == "running") & abandoned)
    query = select(Job.id).where(kind, waiting).order_by(Job.kind.in_((EVIDENCE, SHADOW)), Job.made_at).limit(1)
    try:
        if db.session.scalar(query) is None:
            return None
    finally:
        db.session.rollback()
    with writing() as session:
        job_id = session.scalar(query)
        if job_id is not None:
            session.execute(update(Job).where(Job.id == job_id).values(state="running", alive_at=now()))
    return job_id


def next_task(job_id: str) -> tuple[Task, str] | None:
    """Return the next image of a job and its kind of work; None where nothing is left or it was cancelled."""
    alive(job_id)
    job = db.session.get(Job, job_id, populate_existing=True)
    if job is None or job.state != "running" or job.case_id is None:
        return None
    query = (
        select(JobItem.image_id)
        .where(JobItem.job_id == job_id, JobItem.state == "queued")
        .order_by(JobItem.place)
        .limit(1)
    )
    image_id = db.session.scalar(query)
    if image_id is None:
        return None
    return Task(job.id, job.case_id, job.lab_id, job.made_by_id, job.argument, image_id), job.kind


def alive(job_id: str) -> None:
    """Say that the job is being worked on."""
    with writing() as session:
        session.execute(update(Job).where(Job.id == job_id, Job.state == "running").values(alive_at=now()))


def settle(task: Task, state: str, text: str = "") -> None:
    """Write down what came of one image."""
    with writing() as session:
        this = (JobItem.job_id == task.job_id, JobItem.image_id == task.image_id, JobItem.state == "queued")
        session.execute(update(JobItem).where(*this).values(state=state, text=text))


def end(job_id: str, state: str, text: str = "", result: dict[str, Any] | None = None) -> None:
    """End a job that is not finished; result: what the work of a lab ended in."""
    with writing() as session:
        unfinished = (Job.id == job_id, Job.state.in_(UNFINISHED))
        values = {"state": state, "text": text, "ended_at": now(), "result": result or {}}
        session.execute(update(Job).where(*unfinished).values(values))


def finish(job_id: str) -> None:
    """End a running job of which no image is left: failed where every one of them failed, else done."""
    query = select(JobItem.state, func.count().label("images")).where(JobItem.job_id == job_id).group_by(JobItem.state)
    counts = {row.state: row.images for row in db.session.execute(query)}
    if counts.get("queued"):
        return
    if counts.get("failed") and not counts.get("done"):
        end(job_id, "failed", _("None of the images could be done."))
    else:
        end(job_id, "done")


def progress(job: Job) -> Progress:
    """Return how far a job has come."""
    if job.case_id is None:
        return Progress(job.id, job.kind, job.argument, job.state, job.total, job.done, {}, job.text)
    query = select(JobItem.state, JobItem.image_id, JobItem.text).where(JobItem.job_id == job.id)
    rows = db.session.execute(query).all()
    failures = {row.image_id: row.text for row in rows if row.state == "failed"}
    done = sum(row.state != "queued" for row in rows)
    return Progress(job.id, job.kind, job.argument, job.state, len(rows), done, failures, job.text)


def newest(case_id: str, kinds: Iterable[str], argument: str = "") -> list[Progress]:
    """Return the newest job of each of these kinds in a case, those that have one; with an argument where given."""
    jobs = []
    for kind in kinds:
        query = select(Job).where(Job.case_id == case_id, Job.kind == kind).order_by(Job.made_at.desc()).limit(1)
        job = db.session.scalar(query.where(Job.argument == argument) if argument else query)
        if job is not None:
            jobs.append(progress(job))
    return jobs
