"""The page of labels: an archive that a job writes, stopped or done, for the lab's admins alone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.inference import lab_jobs
from app.records import Job, User
from tests.app.reviewed.steps import opened, picture, review
from tests.app.steps import Someone, events, later_job, work_done


@pytest.fixture
def labelled(clinician: Someone) -> str:
    """Return a case with a field that is reviewed."""
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    return case


def job_of(app: Flask) -> Job:
    """Return the newest job of a lab."""
    with app.app_context():
        query = select(Job).where(Job.case_id.is_(None)).order_by(Job.made_at.desc()).limit(1)
        return db.session.scalars(query).one()


def test_an_archive_is_written_fetched_and_replaced(app: Flask, labelled: str, someone: Callable[..., Someone]) -> None:
    """It holds a data set; the one before goes; another lab finds none."""
    admin = someone("admin")
    for _time in range(2):
        assert admin.post("/reviewed/export", {"fields": "yes", "cells": "yes"}).status_code == 302
        work_done(app)
    page = admin.get("/reviewed/").text
    job = job_of(app)
    assert job.state == "done"
    assert f"/reviewed/exports/{job.id}.zip" in page
    later_job(app, "export", "failed")
    assert f"/reviewed/exports/{job.id}.zip" in admin.get("/reviewed/").text
    answer = admin.get(f"/reviewed/exports/{job.id}.zip")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=labels-")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as file:
        assert {"fields/manifest.csv", "cells/manifest.csv", "export.json"} <= set(file.namelist())
        assert file.read("fields/manifest.csv").count(b"\n") == 2
    assert len(list((Path(app.config["INSTANCE_DIR"]) / "exports").rglob("*.zip"))) == 1
    assert [event.action for event in events(app)].count("labels.exported") == 2
    assert someone("chief").get(f"/reviewed/exports/{job.id}.zip").status_code == 404
    for person in ("clinician", "chief"):
        assert someone(person).get(f"/jobs/{job.id}").status_code == 404
    assert admin.get(f"/jobs/{job.id}").json["total"] == 1


def test_nothing_to_export_and_a_full_disk_are_sentences(
    app: Flask, clinician: Someone, someone: Callable[..., Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the page, where the export was asked for; and no half archive lies about."""
    admin = someone("admin")
    admin.post("/reviewed/export", {})
    work_done(app)
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    assert "nothing to export" in admin.get("/reviewed/").text
    with monkeypatch.context() as patch:
        patch.setattr("app.storage.folder.Folder.has_room", lambda *_: False)
        admin.post("/reviewed/export", {"fields": "yes"})
        work_done(app)
    assert "The disk is full. Make room" in admin.get("/reviewed/").text
    assert [path for path in (Path(app.config["INSTANCE_DIR"]) / "exports").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"since": "yesterday"}, "Write the day as year-month-day."),
        ({"bundle": "nothing"}, "There is no model of that name here."),
        ({"bundle": "leukolens-field", "cells": "yes"}, "leukolens-field reads fields; choose them."),
    ],
)
def test_what_is_no_choice_is_refused(
    app: Flask, labelled: str, someone: Callable[..., Someone], form: dict[str, str], sentence: str
) -> None:
    """Before anything is queued."""
    answer = someone("admin").post("/reviewed/export", form)
    assert answer.status_code == 400
    assert sentence in answer.text
    ticked = re.findall(r'name="(cells|fields|signed_only)" value="yes" checked', answer.text)
    assert ticked == [name for name in ("cells", "fields", "signed_only") if name in form]
    assert f'name="since" value="{form.get("since", "")}"' in answer.text
    with app.app_context():
        assert db.session.scalar(select(Job.id)) is None


def test_a_job_of_a_lab_is_stopped_and_one_that_a_restart_broke_off_begins_anew(
    make_app: Callable[..., Flask], someone: Callable[..., Someone], app: Flask
) -> None:
    """Between two steps it hears that it is not to go on."""
    seen: list[str] = []

    def work(task: lab_jobs.LabTask) -> dict[str, int]:
        seen.append(task.argument)
        for done in range(1000):
            task.step(done, 1000)
            lab_jobs.lab_runner().wait(0.05)
        return {}

    app.extensions["lab_jobs"].works["long"] = work
    admin = someone("admin")
    with app.test_request_context():
        user = db.session.scalars(select(User).where(User.email == "admin@lab.example")).one()
        job_id = lab_jobs.submit("long", user, "first")
    while not seen or admin.get(f"/jobs/{job_id}").json["done"] < 2:
        app.extensions["lab_jobs"].wait(0.1)
    assert admin.post(f"/jobs/{job_id}/cancel", {"back": "/reviewed/"}).location == "/reviewed/"
    work_done(app)
    assert job_of(app).state == "cancelled"
    with app.test_request_context():
        user = db.session.scalars(select(User).where(User.email == "admin@lab.example")).one()
        job_id = lab_jobs.submit("long", user, "second")
    while len(seen) < 2:
        app.extensions["lab_jobs"].wait(0.1)
    app.extensions["lab_jobs"].stop()
    assert job_of(app).state == "queued"
    after = make_app()
    after.extensions["lab_jobs"].works["long"] = lambda task: {"of": task.argument}
    after.extensions["lab_jobs"].start()
    work_done(after)
    assert (job_of(after).state, job_of(after).result) == ("done", {"of": "second"})
