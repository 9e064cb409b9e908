"""The page of teaching: picks that people label without hearing the model, and an adaptation as a child process."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import Annotation, Job, Review
from app.teaching import adaptation
from smear.inference.card import Label
from tests.app.reviewed.steps import opened, picture, review
from tests.app.steps import (
    Someone,
    busy_at_first,
    events,
    id_of,
    later_job,
    review_all,
    sign,
    take_role,
    work_done,
)
from tests.conftest import CELL_BUNDLE
from training.__main__ import main

OUTCOME = {
    "before": {"n": 20, "accuracy_all": 0.5, "accuracy_all_limits": [0.3, 0.7], "coverage": 0.0, "suggested": 0},
    "after": {"n": 20, "accuracy_all": 0.9, "accuracy_all_limits": [0.7, 0.99], "coverage": 0.8, "suggested": 16},
    "chosen": "last layer",
    "go": False,
    "reason": "Too few events to say.",
    "tried": {"last layer": 0.9},
    "labels": {"adapt": 20, "calibrate": 10, "release": 20},
    "errors": {"Pre for Pro": 2},
}
for one in ("before", "after"):
    OUTCOME[one] |= {"accuracy_suggested": None, "accuracy_suggested_limits": [0.0, 1.0]}  # type: ignore[operator]


def newest_job(app: Flask) -> Job:
    """Return the newest job of the lab."""
    with app.app_context():
        query = select(Job).where(Job.case_id.is_(None)).order_by(Job.made_at.desc()).limit(1)
        return db.session.scalars(query).one()


@pytest.fixture
def labelled(app: Flask, clinician: Someone) -> str:
    """Return a case with a field that is reviewed and two that are not."""
    case, images = opened(clinician, "A-1", [picture(seed) for seed in (20, 21, 22)])
    review(clinician, case, images[0], "label:Pre")
    return case


def test_fields_are_picked_and_labelled_one_after_the_other(
    app: Flask, labelled: str, clinician: Someone, someone: Callable[..., Someone]
) -> None:
    """Those that nobody reviewed; no page of it says what a model makes of them."""
    admin = someone("admin")
    assert admin.post("/teaching/pick", {"model": "leukolens-field", "count": 50}).status_code == 302
    work_done(app)
    assert len(newest_job(app).result["picks"]) == 2
    assert "0 of 2 that were picked are labelled" in admin.get("/teaching/?model=leukolens-field").text
    for done in range(2):
        page = clinician.get("/teaching/next").text
        assert f"{done} of 2 labelled" in page
        assert not re.search("chip-|probabilit|Unfamiliar|Unsure", page)
        fields = dict(re.findall(r'name="(image|number|seen)" value="(\w+)"', page))
        answer = clinician.post("/teaching/next", fields | {"choice": "label:Early"})
        assert answer.location == "/teaching/next"
    assert clinician.get("/teaching/next").location == "/"
    assert "All that was picked is labelled" in admin.get("/teaching/").text
    with app.app_context():
        rows = list(db.session.scalars(select(Review).where(Review.label == "Early")))
        assert len(rows) == 2
    page = admin.get("/teaching/?model=leukolens-field").text
    assert "2 fields are labelled" in page  # most of the patient's have this diagnosis, and the third is left out


def test_the_labels_of_the_picked_model_are_those_that_are_taken(
    app: Flask, labelled: str, someone: Callable[..., Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another model has read the fields; whoever only looks after the lab is led nowhere."""
    admin = someone("admin")
    admin.post("/teaching/pick", {"model": "leukolens-field", "count": 50})
    work_done(app)
    monkeypatch.setattr(
        "app.teaching.label_views.labels_of", lambda _bundle: (Label("Reactive", "Reactive", "", False),)
    )
    page = admin.get("/teaching/next").text
    assert "<kbd>n</kbd></dt><dd>not gradable" in page
    fields = dict(re.findall(r'name="(image|number|seen)" value="(\w+)"', page))
    admin.post("/teaching/next", fields | {"choice": "label:Reactive"})
    with app.app_context():
        assert db.session.scalars(select(Review.label).where(Review.image_id == fields["image"])).all() == ["Reactive"]
    assert "Label the next" in admin.get("/teaching/").text
    take_role(app, "admin")
    assert "Label the next" not in admin.get("/teaching/").text


def test_a_pick_waits_while_the_models_are_busy(
    app: Flask, labelled: str, someone: Callable[..., Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """People before a page go first; its turn comes, while they load a model and while they read."""
    refused = busy_at_first(monkeypatch, app, "load", "submit_all")
    someone("admin").post("/teaching/pick", {"model": "leukolens-field", "count": 50})
    work_done(app)
    job = newest_job(app)
    assert (job.state, job.text) == ("done", "")
    assert len(job.result["picks"]) == 2
    assert refused == ["load", "load", "submit_all", "submit_all"]


def test_a_pick_stays_until_a_newer_one_is_done(
    app: Flask, labelled: str, clinician: Someone, someone: Callable[..., Someone]
) -> None:
    """One that failed, was stopped or is going on picked nothing."""
    admin = someone("admin")
    admin.post("/teaching/pick", {"model": "leukolens-field", "count": 50})
    work_done(app)
    for state in ("failed", "cancelled", "running"):
        later_job(app, "pick", state)
        assert "0 of 2 that were picked are labelled" in admin.get("/teaching/?model=leukolens-field").text
        assert "0 of 2 labelled" in clinician.get("/teaching/next").text


def test_what_cannot_be_labelled_any_more_is_not_left(
    app: Flask, labelled: str, clinician: Someone, someone: Callable[..., Someone]
) -> None:
    """One was removed, the other is in a case that is signed: nothing leads to a page without a picture."""
    admin = someone("admin")
    admin.post("/teaching/pick", {"model": "leukolens-field", "count": 50})
    work_done(app)
    (first, _), (second, _) = newest_job(app).result["picks"]
    clinician.post(f"/cases/{labelled}/images/{first}/remove", {"reason": "stain"})
    assert "0 of 2 that were picked are labelled." in admin.get("/teaching/").text
    fields = dict(re.findall(r'name="(image|number|seen)" value="(\w+)"', clinician.get("/teaching/next").text))
    assert fields["image"] == second
    review(clinician, labelled, second, "label:Pre")
    assert sign(clinician, labelled).status_code == 302
    page = admin.get("/teaching/").text
    assert "Label the next" not in page
    assert "1 of 2 that were picked are labelled; the others were removed, or are in cases that are signed." in page


def test_a_blind_reader_labels_nothing_of_the_case(app: Flask, labelled: str, someone: Callable[..., Someone]) -> None:
    """Nor with a page that was open before they were asked."""
    admin, clinician = someone("admin"), someone("clinician")
    admin.post("/teaching/pick", {"model": "leukolens-field", "count": 50})
    work_done(app)
    fields = dict(re.findall(r'name="(image|number|seen)" value="(\w+)"', admin.get("/teaching/next").text))
    review_all(clinician, labelled)
    clinician.post(f"/cases/{labelled}/blind/ask", {"reader": id_of(app, "admin")})
    assert admin.post("/teaching/next", fields | {"choice": "label:Early", "seen": "1"}).status_code == 302
    assert "You read this case blind" in admin.get("/").text
    with app.app_context():
        assert set(db.session.scalars(select(Review.made_by_id))) == {id_of(app, "clinician")}


def test_cells_are_picked_for_a_model_that_reads_cells(typing_app: Flask, someone: Callable[..., Someone]) -> None:
    """Whole ones that nobody spoke of; what was taken back is picked again, an exclusion is a word."""
    clinician, admin = Someone(typing_app, "clinician"), Someone(typing_app, "admin")
    opened(clinician, "A-1", [picture(20)])
    admin.post("/teaching/pick", {"model": CELL_BUNDLE, "count": 50})
    work_done(typing_app)
    picks = newest_job(typing_app).result["picks"]
    assert len(picks) > 2
    assert all(number > 0 for _image, number in picks)
    for choice in ("label:blast", "excluded:no_leukocyte"):
        page = clinician.get("/teaching/next").text
        fields = dict(re.findall(r'name="(image|number|seen)" value="(\w+)"', page))
        assert clinician.post("/teaching/next", fields | {"choice": choice}).status_code == 302
    with typing_app.app_context():
        assert {row.kind for row in db.session.scalars(select(Annotation))} == {"label", "excluded"}
    page = admin.get(f"/teaching/?model={CELL_BUNDLE}").text
    assert f"2 of {len(picks)} that were picked are labelled" in page
    wrong = clinician.post("/teaching/next", fields | {"number": "999", "choice": "label:blast"})
    assert wrong.status_code == 404


def test_without_script_a_refused_form_is_not_sent_again(app: Flask, someone: Callable[..., Someone]) -> None:
    """While a job runs the page loads itself; what a form was answered does not, and has a link."""
    admin = someone("admin")
    later_job(app, "pick", "running")
    refused = admin.post("/teaching/pick", {"model": "leukolens-field", "count": "7"}).text
    assert 'http-equiv="refresh"' not in refused
    assert '<noscript><a href="/teaching/' in refused
    assert '<meta http-equiv="refresh" content="3">' in admin.get("/teaching/?model=leukolens-field").text


def test_with_nothing_left_to_label_it_says_so(app: Flask, someone: Callable[..., Someone]) -> None:
    """On the page where it was asked for."""
    admin = someone("admin")
    admin.post("/teaching/pick", {"model": "leukolens-field", "count": 50})
    work_done(app)
    assert "There is nothing to label for this model" in admin.get("/teaching/").text


@pytest.mark.parametrize(
    ("path", "form", "sentence"),
    [
        ("pick", {"model": "leukolens-field", "count": "7"}, "Choose how many to label."),
        ("pick", {"model": "nothing", "count": "50"}, "There is no model of that name here."),
        ("adapt", {"model": "nothing"}, "There is no model of that name here."),
    ],
)
def test_what_is_no_choice_is_refused(
    app: Flask, someone: Callable[..., Someone], path: str, form: dict[str, str], sentence: str
) -> None:
    """Before anything is queued."""
    answer = someone("admin").post(f"/teaching/{path}", form)
    assert answer.status_code == 400
    assert sentence in answer.text


def child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let another program stand in for the training, which is tested by itself: given RUN and NAME as arguments."""

    def command(_bundle: str, own: Path, run: Path, name: str, _lab: str) -> list[str]:
        return [sys.executable, "-c", program, str(own), str(run), name]

    monkeypatch.setattr(adaptation, "command", command)


def test_an_adaptation_ends_in_a_table_and_a_record_to_file(
    app: Flask, labelled: str, someone: Callable[..., Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a no go no model is put among the others; the labels that it was given are gone, the record stays."""
    program = f"""
import json, pathlib, sys
own, run, name = sys.argv[1:]
assert (pathlib.Path(own) / "manifest.csv").read_text().count("Pre") == 1
pathlib.Path(run, "change.json").write_text('{{"limits": 1}}')
print(json.dumps({OUTCOME!r}))
"""
    child(monkeypatch, program)
    admin = someone("admin")
    assert admin.post("/teaching/adapt", {"model": "leukolens-field"}).status_code == 302
    work_done(app)
    job = newest_job(app)
    assert (job.state, job.text) == ("done", "")
    page = admin.get("/teaching/").text
    assert "No go." in page
    assert "90.0 %" in page
    assert "2 × Pre for Pro" in page
    record = admin.get(f"/teaching/changes/{job.id}.json")
    assert json.loads(record.data) == {"limits": 1}
    assert someone("chief").get(f"/teaching/changes/{job.id}.json").status_code == 404
    folder = adaptation_folder(app, job)
    assert sorted(path.name for path in folder.iterdir()) == ["outcome.json", "progress.txt", "run"]
    later_job(app, "adapt", "failed")
    assert "2 × Pre for Pro" in admin.get("/teaching/").text
    (event,) = (event for event in events(app) if event.action == "model.adapted")
    assert (event.details["go"], event.details["labels"]) == (False, 50)


def adaptation_folder(app: Flask, job: Job) -> Path:
    """Return the folder of an adaptation."""
    with app.app_context():
        return adaptation.folder_of(job.lab_id, job.id)


def test_a_model_that_is_a_go_stands_among_the_others(
    make_app: Callable[..., Flask], models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a name of its own, so that the one before stays to go back to."""
    shutil.copytree(models, tmp_path / "models")
    app = make_app(MODELS_DIR=tmp_path / "models")
    program = f"""
import json, pathlib, shutil, sys
own, run, name = sys.argv[1:]
made = pathlib.Path(run, name)
shutil.copytree({str(models / "leukolens-field")!r}, made)
card = json.loads((made / "card.json").read_text()) | {{"name": name}}
(made / "card.json").write_text(json.dumps(card))
print(json.dumps({OUTCOME!r} | {{"go": True}}))
"""
    child(monkeypatch, program)
    clinician, admin = Someone(app, "clinician"), Someone(app, "admin")
    case, (image,) = opened(clinician, "A-1", [picture(20)])
    review(clinician, case, image, "label:Pre")
    names = []
    for _time in range(2):
        admin.post("/teaching/adapt", {"model": "leukolens-field"})
        work_done(app)
        names.append(newest_job(app).result["bundle"])
    assert len(set(names)) == 2
    assert all(name.startswith("leukolens-field-own-20") for name in names)
    assert all((tmp_path / "models" / name / "card.json").is_file() for name in names)
    made = sorted((Path(app.config["INSTANCE_DIR"]) / "adaptations").glob("*/*/run/*"))
    assert [path.name for path in made] == names[1:]  # the one before is among the others, and here it is gone
    assert f"/models/{names[1]}" in admin.get("/teaching/").text
    assert f'value="{names[0]}"' in admin.get("/teaching/").text


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("import sys; print('first', file=sys.stderr); sys.exit('Label more of it.')", "Label more of it."),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended from outside (signal 9)"),
        ("import sys; sys.exit(3)", "failed without saying why"),
    ],
)
def test_a_child_that_fails_or_is_killed_says_so(
    app: Flask,
    labelled: str,
    someone: Callable[..., Someone],
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    sentence: str,
) -> None:
    """With its own sentence where it has one; and it can be started again."""
    child(monkeypatch, program)
    admin = someone("admin")
    admin.post("/teaching/adapt", {"model": "leukolens-field"})
    work_done(app)
    assert newest_job(app).state == "failed"
    assert sentence in admin.get("/teaching/").text
    assert not (adaptation_folder(app, newest_job(app)) / "own").exists()


def test_stopping_the_job_ends_the_child(
    app: Flask, labelled: str, someone: Callable[..., Someone], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And what it says it does is shown meanwhile."""
    program = f"""
import os, pathlib, sys, time
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
print("last layer: 3 of 4 right", file=sys.stderr, flush=True)
time.sleep(600)
"""
    child(monkeypatch, program)
    monkeypatch.setattr(adaptation, "TICK", 0.1)
    admin = someone("admin")
    admin.post("/teaching/adapt", {"model": "leukolens-field"})
    job = newest_job(app)
    until = time.monotonic() + 60
    while admin.get(f"/jobs/{job.id}").json["text"] != "last layer: 3 of 4 right" and time.monotonic() < until:
        time.sleep(0.1)
    assert "last layer: 3 of 4 right" in admin.get("/teaching/").text
    admin.post(f"/jobs/{job.id}/cancel", {"back": "/teaching/"})
    pid = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()
    assert newest_job(app).state == "cancelled"


def test_without_the_training_requirements_the_commands_stand_there(
    app: Flask, labelled: str, someone: Callable[..., Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is begun."""
    monkeypatch.setattr(adaptation, "NEEDED", ("no_such_package",))
    admin = someone("admin")
    page = admin.get("/teaching/?model=leukolens-field").text
    assert "python -m training adapt leukolens-field --data OWN" in page
    assert "Adapt leukolens-field</button>" not in page
    answer = admin.post("/teaching/adapt", {"model": "leukolens-field"})
    assert (answer.status_code, "are not installed on this machine. Use" in answer.text) == (400, True)


def test_the_words_of_the_command_are_those_of_the_documentation(app: Flask, tmp_path: Path) -> None:
    """What the job starts is what a person would."""
    with app.app_context():
        words: list[Any] = adaptation.command("leukolens-field", tmp_path / "own", tmp_path / "run", "ours", "Our lab")
    assert words[1:5] == ["-m", "training", "adapt", "leukolens-field"]
    assert main([*words[3:], "--help"]) == 0  # it takes every option that is given
