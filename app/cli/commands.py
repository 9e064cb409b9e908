"""The command line: `init` and `user` are here, every other command in a module of its own."""

from __future__ import annotations

import secrets
from functools import wraps
from pathlib import Path
from typing import Any

import click
from email_validator import EmailNotValidError, validate_email
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from app import ledger
from app.auth.passwords import PASSWORD_LENGTH, hashed
from app.cli.activate import activate
from app.cli.audit import audit_commands
from app.cli.backup import backup, restore
from app.cli.cells import cells
from app.cli.classify import classify
from app.cli.maintenance import maintenance
from app.cli.reports import report_commands
from app.cli.reviewed import export_reviewed, import_reviewed
from app.cli.serve import serve
from app.config import out_of_reach, secret_path
from app.database import db, migrate, writing
from app.lab import password_links
from app.records import Lab, Role, User, random_id
from app.signing import report_key
from app.signing.key_files import write_once
from app.storage.place import SilentError

ROLES = {
    "clinician": "Cases, images and readings.",
    "admin": "Also models and people.",
}

user_commands = AppGroup("user", help="People of a lab.")


def init_app(app: Flask) -> None:
    """Add the commands to `flask --app wsgi`."""
    for command in COMMANDS:
        app.cli.add_command(command)


def telling(command: click.Command) -> click.Command:
    """Return a command, or a group of them, that ends with a sentence where the store of the pictures is silent."""
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        telling(below)
    callback = command.callback
    if callback is not None:

        @wraps(callback)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return callback(*args, **kwargs)
            except SilentError as silent:
                raise click.ClickException(silent.text) from None

        command.callback = wrapper
    return command


@click.command()
@with_appcontext
def init() -> None:
    """Prepare or update the database; the first time also the keys, the lab and its first admin."""
    try:
        new_key = make_keys()
    except OSError as error:
        raise click.ClickException(str(out_of_reach(error))) from None
    migrate()
    with db.engine.connect() as connection:
        begun = ledger.newest_seal(connection)[0] > 0
    if new_key and begun:  # from here on nobody seals an event without the key
        with writing() as session:
            ledger.record(session, "ledger.keyed", lab=None, actor=None)
    with writing() as session:
        for name, description in ROLES.items():
            if session.scalar(select(Role).where(Role.name == name)) is None:
                session.add(Role(name=name, description=description))
    with writing() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            click.echo("The database is up to date.")
            return
        lab = Lab(name=current_app.config["LAB_NAME"])
        session.add(lab)
        session.flush()
        password = add_person(lab, current_app.config["ADMIN_EMAIL"], "", ["admin", "clinician"])
    say_password(current_app.config["ADMIN_EMAIL"], password, lab.name)


def make_keys() -> bool:
    """Make the folder and the keys that are not there yet; return whether the audit key is new.

    OSError where this account may not.
    """
    config = current_app.config
    config["INSTANCE_DIR"].mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(secret_path(config["INSTANCE_DIR"]), "SECRET_KEY")
    new_key = write_secret(config["AUDIT_KEY_FILE"], "AUDIT_KEY")
    report_key.make(config["REPORT_KEY_FILE"], config["REPORT_CERTIFICATE_FILE"], config["LAB_NAME"])
    write_secret(config["PATIENT_KEY_FILE"], "PATIENT_KEY")
    return new_key


def write_secret(path: Path, setting: str) -> bool:
    """Write a random key once and let it be the setting; return whether it is new."""
    new = write_once(path, secrets.token_hex(32).encode())
    if not current_app.config[setting]:
        current_app.config[setting] = path.read_text().strip()
    return new


def add_person(lab: Lab, email: str, name: str, roles: list[str]) -> str:
    """Add a person with a one-time password and return it; it is stored as a hash only."""
    password = secrets.token_urlsafe(PASSWORD_LENGTH)
    person = User(
        lab_id=lab.id,
        email=email,
        name=name,
        password=hashed(password),
        fs_uniquifier=random_id(),
        roles=list(db.session.scalars(select(Role).where(Role.name.in_(roles)))),
    )
    db.session.add(person)
    db.session.flush()
    ledger.record(db.session, "person.added", lab=lab.id, actor=None, subject=person.id, roles=sorted(roles))
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


@user_commands.command("link")
@click.argument("email")
def make_link(email: str) -> None:
    """Print a one-time link for a person who lost the password, when no admin can make it on the People page."""
    address = checked_address(email)
    with writing() as session:
        user = session.scalar(select(User).where(User.email == address))
        if user is None:
            raise click.ClickException(f"There is nobody with the address {address}.")
        token = password_links.make(session, user, None)
    click.echo(f"/password-link/{token}")
    click.echo("Put the address of this server before it. It is shown only now, and works once.")


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


COMMANDS = tuple(
    telling(command)
    for command in (
        init,
        user_commands,
        audit_commands,
        report_commands,
        classify,
        cells,
        maintenance,
        activate,
        serve,
        backup,
        restore,
        export_reviewed,
        import_reviewed,
    )
)
