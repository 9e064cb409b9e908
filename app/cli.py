"""The command line: `init`, `user add` and `classify`."""

from __future__ import annotations

import csv
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import click
from email_validator import EmailNotValidError, validate_email
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_security import hash_password
from sqlalchemy import select

from smear.image import MAX_BYTES, ImageError

from .database import db, migrate, writing
from .engine import BundleUnusableError, Engine
from .records import Lab, Role, User, random_id
from .security import PASSWORD_LENGTH
from .settings import secret_path

ROLES = {
    "clinician": "Cases, images and readings.",
    "admin": "Also models and people.",
}
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
READERS = 8  # files decoded ahead of the model; the model batches what waits

user_commands = AppGroup("user", help="People of a lab.")


def init_app(app: Flask) -> None:
    """Add the commands to `flask --app wsgi`."""
    app.cli.add_command(init)
    app.cli.add_command(user_commands)
    app.cli.add_command(classify)


@click.command()
@with_appcontext
def init() -> None:
    """Prepare or update the database; the first time also the key, the lab and its first admin."""
    instance = current_app.config["INSTANCE_DIR"]
    instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(instance)
    migrate()
    with writing() as session:
        for name, description in ROLES.items():
            if session.scalar(select(Role).where(Role.name == name)) is None:
                session.add(Role(name=name, description=description))
    if db.session.scalar(select(User.id).limit(1)) is not None:
        click.echo("The database is up to date.")
        return
    with writing() as session:
        lab = Lab(name=current_app.config["LAB_NAME"])
        session.add(lab)
        session.flush()
        password = add_person(lab, current_app.config["ADMIN_EMAIL"], "", ["admin", "clinician"])
    say_password(current_app.config["ADMIN_EMAIL"], password, lab.name)


def write_secret(instance: Path) -> None:
    """Write a random key once, readable by this account only."""
    path = secret_path(instance)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    if not current_app.config["SECRET_KEY"]:
        current_app.config["SECRET_KEY"] = path.read_text().strip()


def add_person(lab: Lab, email: str, name: str, roles: list[str]) -> str:
    """Add a person with a one-time password and return it; it is stored as a hash only."""
    password = secrets.token_urlsafe(PASSWORD_LENGTH)
    db.session.add(
        User(
            lab_id=lab.id,
            email=email,
            name=name,
            password=hash_password(password),
            fs_uniquifier=random_id(),
            roles=list(db.session.scalars(select(Role).where(Role.name.in_(roles)))),
        )
    )
    return password


def say_password(email: str, password: str, lab: str) -> None:
    """Print what the person needs for the first sign-in."""
    click.echo(f"Lab: {lab}")
    click.echo(f"Sign in as:        {email}")
    click.echo(f"One-time password: {password}")
    click.echo("It is shown only now, and has to be changed at the first sign-in.")


@user_commands.command("add")
@click.argument("email")
@click.option("--name", default="", help="The person's name as colleagues see it.")
@click.option("--role", type=click.Choice(list(ROLES)), default="clinician", show_default=True)
@click.option("--lab", "lab_name", default=None, help="The lab, created if new; needed where there are several.")
def add_user(email: str, name: str, role: str, lab_name: str | None) -> None:
    """Add a person with a one-time password, which is printed once."""
    address = checked_address(email)
    with writing() as session:
        if session.scalar(select(User.id).where(User.email == address)) is not None:
            raise click.ClickException(f"There is already a person with the address {address}.")
        lab = find_lab(lab_name)
        roles = ["admin", "clinician"] if role == "admin" else ["clinician"]
        password = add_person(lab, address, name, roles)
    say_password(address, password, lab.name)


def checked_address(email: str) -> str:
    """Return an address as people sign in with it, in small letters; a sentence where it is none."""
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise click.ClickException(f"{email} is not an address: {error}") from None


def find_lab(name: str | None) -> Lab:
    """Return the lab of that name, made if it is new; without a name the only lab."""
    labs = list(db.session.scalars(select(Lab)))
    if name is None:
        if len(labs) != 1:
            raise click.ClickException("Say which lab with --lab." if labs else "Run `init` first.")
        return labs[0]
    lab = next((lab for lab in labs if lab.name == name), None)
    if lab is None:
        lab = Lab(name=name)
        db.session.add(lab)
        db.session.flush()
    return lab


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bundle", default=None, help="The bundle that reads; DEFAULT_BUNDLE otherwise.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@with_appcontext
def classify(paths: tuple[Path, ...], bundle: str | None, form: str) -> None:
    """Read image files, and folders of them, without storing anything.

    The exit status is 1 when a file could not be read.
    """
    name = bundle or current_app.config["DEFAULT_BUNDLE"]
    running = Engine(current_app.config["MODELS_DIR"], READERS)
    running.start([name], others=False)
    try:
        labels = [label.id for label in running.load(name).card.labels]
    except BundleUnusableError as unusable:
        raise click.ClickException(unusable.text) from None
    rows = read_all(running, name, walk(paths))
    failed = WRITERS[form](rows, labels)
    running.stop()
    if failed:
        sys.exit(1)


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the named files, and of folders every file with the suffix of an image, sorted."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                found for found in path.rglob("*") if found.suffix.lower() in SUFFIXES and found.is_file()
            )
        else:
            yield path


def read_all(running: Engine, name: str, paths: Iterator[Path]) -> Iterator[dict[str, Any]]:
    """Read files in order, a few at a time, so that the model gets batches and memory stays bounded."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting = [pool.submit(read_one, running, name, path) for path in islice(paths, 2 * READERS)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(read_one, running, name, path) for path in islice(paths, 1)]


def read_one(running: Engine, name: str, path: Path) -> dict[str, Any]:
    """Read one file; what cannot be read is a row too."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImageError("too_many_bytes", f"This file is larger than {MAX_BYTES // 2**20} MB.")
        reading = running.read(name, path.read_bytes())
    except ImageError as error:
        return {"path": str(path), "error": error.text}
    except OSError as error:
        return {"path": str(path), "error": f"This file cannot be opened: {error.strerror}."}
    suggestion = reading.suggestion
    return {
        "path": str(path),
        "bundle": reading.bundle,
        "version": reading.version,
        "outcome": suggestion.outcome,
        "label": suggestion.label,
        "reasons": [reason.text for reason in suggestion.reasons],
        "probabilities": suggestion.probabilities,
        "leukocytes": reading.leukocytes,
        "milliseconds": round(reading.milliseconds, 2),
    }


def write_json(rows: Iterator[dict[str, Any]], _labels: list[str]) -> int:
    """Print one list, an object a line, as the readings come."""
    failed, before = 0, "[\n"
    for row in rows:
        failed += "error" in row
        click.echo(before + json.dumps(row, ensure_ascii=False), nl=False)
        before = ",\n"
    click.echo("[]" if before == "[\n" else "\n]")
    return failed


def write_csv(rows: Iterator[dict[str, Any]], labels: list[str]) -> int:
    """Print a row a file, with a column for each label's probability."""
    columns = ["path", "bundle", "version", "outcome", "label", "reasons", *labels]
    columns += ["leukocytes", "milliseconds", "error"]
    writer = csv.DictWriter(sys.stdout, columns)
    writer.writeheader()
    failed = 0
    for row in rows:
        failed += "error" in row
        flat = {key: value for key, value in row.items() if key != "probabilities"}
        flat["reasons"] = " ".join(row.get("reasons", []))
        writer.writerow(flat | {key: round(value, 4) for key, value in row.get("probabilities", {}).items()})
    return failed


def write_table(rows: Iterator[dict[str, Any]], _labels: list[str]) -> int:
    """Print for people: what was suggested, or why nothing was."""
    counts = {"suggested": 0, "uncertain": 0, "not_gradable": 0, "error": 0}
    for row in rows:
        outcome = "error" if "error" in row else row["outcome"]
        counts[outcome] += 1
        if outcome == "suggested":
            words = f"{row['label']} {row['probabilities'][row['label']]:.2f}"
        else:
            words = row.get("error") or " ".join(row["reasons"])
        click.echo(f"{outcome.replace('_', ' '):<13} {row['path']}  {words}")
    click.echo(", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts.items() if number))
    return counts["error"]


WRITERS = {"json": write_json, "csv": write_csv, "table": write_table}
