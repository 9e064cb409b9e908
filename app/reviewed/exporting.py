"""Exports as they are made: into a new folder, by the command, or as a ZIP archive to be fetched, by a job."""

from __future__ import annotations

import errno
import secrets
import zipfile
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from app import ledger
from app.database import db, writing
from app.inference.lab_jobs import LabTask
from app.records import Lab
from app.reviewed import choice as choices
from app.reviewed.choice import Choice
from app.reviewed.folder import Step, write
from app.rules import RefusedError
from app.storage.folder import Folder
from smear.artifacts import replacing

KIND = "export"


def into_folder(lab: Lab, choice: Choice, target: Path, actor: int | None, step: Step) -> dict[str, Any]:
    """Write an export into a new or empty folder, whole or not at all, and return what `export.json` says.

    RefusedError where there is something already, or nothing to export.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RefusedError(_("%(folder)s is not empty. Name a new folder for each export.", folder=target))
    lab_id = lab.id
    with replacing(target) as draft:

        def put(name: str, data: bytes) -> None:
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        described = write(lab, choice, put, step)
        refuse_nothing(described)
    record(lab_id, actor, described)
    return described


def refuse_nothing(described: dict[str, Any]) -> None:
    """Raise RefusedError where an export has no label."""
    if not any(sum(counts.values()) for counts in described["counts"].values()):
        raise RefusedError(_("Nobody has labelled anything of this kind yet, so that there is nothing to export."))


def record(lab_id: int, actor: int | None, described: dict[str, Any]) -> None:
    """Write into the ledger that labels left the database, and how many."""
    counts = {kind: sum(of.values()) for kind, of in described["counts"].items()}
    with writing() as session:
        ledger.record(session, "labels.exported", lab=lab_id, actor=actor, subject=lab_id, **counts)


def archive(lab_id: int, job_id: str) -> Path:
    """Return where the archive of an export job lies."""
    folder: Path = current_app.config["INSTANCE_DIR"] / "exports" / str(lab_id)
    return folder / f"{job_id}.zip"


def do(task: LabTask) -> dict[str, Any]:
    """Write the archive of an export job, in the place of the one before; what is shown of it is its result."""
    lab, choice = db.session.get_one(Lab, task.lab_id), choices.read(task.argument)
    target = archive(task.lab_id, task.job_id)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    disk = Folder(target.parent, current_app.config["DISK_FLOOR_MB"] * 2**20)
    partial = target.with_name(f".{secrets.token_hex(8)}")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as file:  # PNG is packed already

            def put(name: str, data: bytes) -> None:
                if not disk.has_room(len(data)):
                    raise OSError(errno.ENOSPC, "the disk is full up to its floor")
                file.writestr(name, data)

            described = write(lab, choice, put, task.step)
        refuse_nothing(described)
        for earlier in target.parent.glob("*.zip"):
            earlier.unlink()
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    record(task.lab_id, task.user_id, described)
    return {key: described[key] for key in ("asked", "counts", "groups")} | {"left_out": len(described["left_out"])}
