"""From signed cases to an activated bundle, by the three commands of docs/your-own-model.md, in their order."""

import json
import re
import shutil
import time

import msgspec
import pytest
from flask_security import hash_password
from sqlalchemy import select

from app import create_app
from app.database import db, writing
from app.inference import lab_jobs
from app.inference.engine import engine
from app.records import BundleActivation, Job, Lab, Role, User, random_id
from app.teaching import adaptation
from smear.artifacts import SEGMENTER
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from tests.app.steps import PASSWORD, Someone, review_all, sign
from tests.conftest import ROOT
from training.__main__ import main
from training.adaptation import candidates

pytestmark = pytest.mark.usefixtures("all_eagerly")

PAGE = ROOT / "docs" / "your-own-model.md"
CASES, FIELDS = 5, 4  # of each label; pictures of each case


def commands():
    """The page's three commands, as words."""
    text = PAGE.read_text(encoding="utf-8")
    block = re.search(r"## Three commands from your signed cases\n\n((?:    .*\n)+)", text)[1]
    return [re.findall(r'"[^"]*"|\S+', line) for line in block.strip().splitlines()]


@pytest.fixture(scope="module")
def laboratory(run, tmp_path_factory):
    """An application that reads by a tiny network, with signed cases of two diagnoses and one that is not signed."""
    folder = tmp_path_factory.mktemp("laboratory")
    for source in (run / "tiny", ROOT / "models" / SEGMENTER):
        shutil.copytree(source, folder / "models" / source.name)
    app = create_app(
        INSTANCE_DIR=folder / "instance",
        MODELS_DIR=folder / "models",
        DEFAULT_BUNDLE="tiny",
        DEFAULT_CELL_BUNDLE="",
    )
    assert app.test_cli_runner().invoke(args=["init"]).exit_code == 0
    with app.app_context(), writing() as session:
        engine().load("tiny")
        session.add(
            User(
                lab_id=session.scalars(select(Lab.id)).one(),
                email="doctor@lab.example",
                password=hash_password(PASSWORD),
                fs_uniquifier=random_id(),
                must_change_password=False,
                roles=list(session.scalars(select(Role).where(Role.name == "clinician"))),
            )
        )
    doctor = Someone(app, "doctor")
    for place, kind in enumerate(("leukemic", "sparse") * CASES):
        case = doctor.open_case(f"A-{place}", patient=f"P-{place}")
        for seed in range(FIELDS):
            picture = encode(synthetic.field(100 * place + seed, kind, 224), "PNG")
            assert doctor.upload(case, picture).status_code == 201
        review_all(doctor, case, f"label:{kind}")
        if place < 2 * CASES - 1:
            assert sign(doctor, case).status_code == 302
    yield app
    for name in ("jobs", "lab_jobs"):
        app.extensions[name].stop()
    app.extensions["engine"].stop()
    with app.app_context():
        db.engine.dispose()


def test_the_way_ends_with_a_bundle_that_reads(laboratory, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(candidates, "STEPS", 4)
    runner = laboratory.test_cli_runner()
    export, adapt, activate = commands()
    models = laboratory.config["MODELS_DIR"]
    with laboratory.app_context():
        admin = next(user.email for user in db.session.scalars(select(User)) if user.is_admin)
    names = {"OWN": tmp_path / "own", "RUN": tmp_path / "run", "ADMIN": admin, "leukolens-field": "tiny"}

    def given(words):
        return [str(names.get(word, word.strip('"'))).replace("RUN/", f"{tmp_path / 'run'}/") for word in words]

    said = runner.invoke(args=given(export[3:]))
    assert said.exit_code == 0, said.output
    assert "fields: 36 of 9 patients or cases (leukemic 20, sparse 16)" in said.output
    assert main(["inspect", str(tmp_path / "own"), "--out", str(tmp_path / "report.html")]) == 0
    capsys.readouterr()
    assert main([*given(adapt[3:]), "--models", str(models), "--format", "json"]) == 0, capsys.readouterr().err
    outcome = json.loads(capsys.readouterr().out)
    assert sum(outcome["labels"].values()) == 36
    card = bundle.read_card(tmp_path / "run" / "our-field")
    assert card.data["groups_from"] == "patients"
    assert "Adapted to Our laboratory's own pictures" in card.attribution
    assert outcome["go"] is False
    refused = runner.invoke(args=given(activate[3:]))
    assert "Write why it shall read all the same" in refused.output
    done = runner.invoke(args=[*given(activate[3:]), "--despite", "A test"])
    assert done.exit_code == 0, done.output
    assert "our-field" in bundle.names(models)
    with laboratory.app_context():
        (choice,) = db.session.scalars(select(BundleActivation))
        assert (choice.bundle, choice.despite) == ("our-field", "A test")
    doctor = Someone(laboratory, "doctor")
    case, picture = doctor.open_case("A-99"), encode(synthetic.field(999, "leukemic", 224), "PNG")
    until = time.monotonic() + 120
    # The server was told by another process: it loads the bundle when it is first asked for.
    while (answer := doctor.upload(case, picture)).status_code == 503 and time.monotonic() < until:
        time.sleep(0.2)
    assert answer.status_code == 201
    assert "our-field" in doctor.get("/models/").text


def test_a_bundle_of_a_name_that_is_taken_replaces_nothing(laboratory, tmp_path):
    runner, models = laboratory.test_cli_runner(), laboratory.config["MODELS_DIR"]
    shutil.copytree(models / "tiny", tmp_path / "tiny")
    path = tmp_path / "tiny" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"conclusion": "Another."}))
    with laboratory.app_context():
        admin = next(user.email for user in db.session.scalars(select(User)) if user.is_admin)
    said = runner.invoke(args=["activate", str(tmp_path / "tiny"), "--by", admin, "--reason", "x"])
    assert "There is another model 'tiny' here already" in said.output
    assert bundle.read_card(models / "tiny").conclusion != "Another."


def test_the_job_of_the_application_does_the_same(laboratory):
    """The very command, as a process of its own: what it prints is the result, and its record is kept."""
    with laboratory.test_request_context():
        doctor = db.session.scalars(select(User).where(User.email == "doctor@lab.example")).one()
        wanted = adaptation.Wanted("tiny", signed_only=True)
        job_id = lab_jobs.submit(adaptation.KIND, doctor, msgspec.json.encode(wanted).decode())
    until = time.monotonic() + 600
    with laboratory.app_context():
        while db.session.get_one(Job, job_id, populate_existing=True).unfinished and time.monotonic() < until:
            db.session.rollback()
            laboratory.extensions["lab_jobs"].wait(0.5)
        job = db.session.get_one(Job, job_id, populate_existing=True)
        assert job.state == "done", job.text
        assert {"before", "after", "chosen", "go", "reason"} <= set(job.result)
        assert (sum(job.result["labels"].values()), job.result["go"], job.result["bundle"]) == (36, False, "")
        folder = adaptation.folder_of(job.lab_id, job.id)
        record = json.loads((folder / "run" / "change.json").read_text(encoding="utf-8"))
    assert record["laboratory"] == "Our laboratory"
    assert record["result"]["chosen"] == job.result["chosen"]
    assert not (folder / "own").exists()
