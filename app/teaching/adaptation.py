"""A model adapted to the lab's labels by a job: `python -m training adapt` as a child process, and what it ended in.

The application never imports training: where it is installed beside it, it is a program like any other. What it writes
lies in the lab's own folder; the labels that it learnt from are removed again, the change record stays. A model that is
to be used (*go*) is put among the published ones, where an admin can activate it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import msgspec
from flask import current_app
from flask_babel import gettext as _

from app import ledger
from app.config import ROOT
from app.database import db, writing
from app.inference.lab_jobs import LabTask
from app.records import Lab, now
from app.reviewed import exporting
from app.reviewed.choice import Choice, card_of, checked
from app.rules import RefusedError
from smear.artifacts import CARD, BundleError, replacing
from smear.inference import bundle as bundles

KIND = "adapt"
NEEDED = ("onnx", "threadpoolctl")  # what the training requirements have and the application's have not
CHANGE = "change.json"
TICK = 1.0  # seconds between two looks at the child
ENDING = 10.0  # seconds for which a child that is told to end may take
WORDS = 200  # of the child's last line, at the most


class Wanted(msgspec.Struct, frozen=True):
    """What is asked of a job: the model, and whether labels of signed cases alone are to count."""

    bundle: str
    signed_only: bool = False


def possible() -> bool:
    """Return whether a model can be adapted on this machine."""
    return (ROOT / "training").is_dir() and all(importlib.util.find_spec(name) for name in NEEDED)


def folder_of(lab_id: int, job_id: str) -> Path:
    """Return where a job's change record and model lie."""
    instance: Path = current_app.config["INSTANCE_DIR"]
    return instance / "adaptations" / str(lab_id) / job_id


def do(task: LabTask) -> dict[str, Any]:
    """Adapt a model to the lab's labels and return what `adapt` printed; bundle: the new model's name, "" for none."""
    wanted = msgspec.json.decode(task.argument, type=Wanted)
    folder = folder_of(task.lab_id, task.job_id)
    shutil.rmtree(folder, ignore_errors=True)  # of a try that a restart broke off
    forget_models(folder.parent)
    own, run = folder / "own", folder / "run"
    run.mkdir(parents=True, mode=0o700)
    try:
        lab = db.session.get_one(Lab, task.lab_id)
        task.step(0, 0, _("writing the labels"))
        choice = checked(labels_for(wanted))
        exporting.into_folder(
            lab, choice, own, task.user_id, lambda _done, _total: task.step(0, 0, _("writing the labels"))
        )
        name = free_name(wanted.bundle)
        outcome = printed(
            task, command(wanted.bundle, own, run, name, db.session.get_one(Lab, task.lab_id).name), folder
        )
    finally:
        for leftover in (own, run / "tried"):
            shutil.rmtree(leftover, ignore_errors=True)
    outcome["bundle"] = publish(run / name) if outcome["go"] else ""
    with writing() as session:
        ledger.record(
            session,
            "model.adapted",
            lab=task.lab_id,
            actor=task.user_id,
            subject=wanted.bundle,
            go=bool(outcome["go"]),
            bundle=outcome["bundle"],
            labels=sum(outcome["labels"].values()),
        )
    return outcome


def forget_models(adaptations: Path) -> None:
    """Remove the models of a lab's earlier adaptations, each of which takes tens of megabytes; their records stay."""
    for card in adaptations.glob(f"*/run/*/{CARD}"):
        shutil.rmtree(card.parent, ignore_errors=True)


def labels_for(wanted: Wanted) -> Choice:
    """Return which labels a model is adapted by: those of what it reads, in its words."""
    scope = card_of(wanted.bundle).scope
    return Choice(scope == "cell", scope == "field", signed_only=wanted.signed_only, bundle=wanted.bundle)


def free_name(bundle: str) -> str:
    """Return a name for the new model that no other has: its parent's first name, and the day."""
    stem = f"{bundle.partition('-own-')[0]}-own-{now():%Y-%m-%d}"
    names = set(bundles.names(current_app.config["MODELS_DIR"]))
    return next(name for k in range(1, 1000) if (name := stem if k == 1 else f"{stem}-{k}") not in names)


def command(bundle: str, own: Path, run: Path, name: str, lab: str) -> list[str]:
    """Return the words of the child process."""
    models = str(current_app.config["MODELS_DIR"])
    options = ["--data", str(own), "--lab", lab, "--name", name, "--out", str(run), "--models", models]
    return [sys.executable, "-m", "training", "adapt", bundle, *options, "--format", "json"]


def printed(task: LabTask, words: list[str], folder: Path) -> dict[str, Any]:
    """Run the child process to its end and return the object that it prints; its last line is shown meanwhile.

    RefusedError with its own sentence where it fails. Where the job is stopped the child ends first, and all its own
    children with it.
    """
    with (folder / "outcome.json").open("w+b") as out, (folder / "progress.txt").open("w+b") as progress:
        # The words are ours; of people's there is the lab's name, which is one word of them and no shell's.
        child = subprocess.Popen(  # noqa: S603
            words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=progress, start_new_session=True
        )
        try:
            os.setpriority(os.PRIO_PROCESS, child.pid, 10)  # who stands before a page comes first
            while child.poll() is None:
                task.step(0, 0, last_line(progress))
                try:
                    child.wait(TICK)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            end(child)
        if child.returncode < 0:
            raise RefusedError(
                _("The training was ended from outside (signal %(n)s). Start it again.", n=-child.returncode)
            )
        if child.returncode:
            raise RefusedError(
                last_line(progress) or _("The training failed without saying why. Start it on the command line.")
            )
        out.seek(0)
        outcome: dict[str, Any] = json.load(out)
    return outcome


def last_line(output: IO[bytes]) -> str:
    """Return the last line that a child wrote of what it does; a bar that draws over itself counts as one."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 4096))
    lines = output.read().decode(errors="replace").replace("\r", "\n").split("\n")
    return next((line.strip()[:WORDS] for line in reversed(lines) if line.strip()), "")


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child that is still there, and its children."""
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(ENDING)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def publish(folder: Path) -> str:
    """Put a new model among the published ones, whole or not at all, and return its name."""
    try:
        card = bundles.verify(folder)
        target: Path = current_app.config["MODELS_DIR"] / card.name
        with replacing(target) as draft:
            shutil.copytree(folder, draft, dirs_exist_ok=True)
    except (BundleError, OSError) as error:
        why = error.text if isinstance(error, BundleError) else str(error.strerror)
        raise RefusedError(_("The new model could not be put among the others: %(why)s", why=why)) from error
    return card.name
