"""`backup` and `restore`: the whole of a lab in a folder, while people work, and back into an empty one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import make_url

from app.cli.sealed_files import SALT, BackupError, Sealer
from app.config import secret_path
from app.image_store import UnreadableError, image_store
from app.records import now
from app.stored_fields import stored_columns
from app.version import __version__

DATABASE = "leukolens.sqlite3"
# The keys by their names in a backup, each with the setting that says where it lies; the first has no such setting.
KEYS = {
    "secret_key": "",
    "audit_key": "AUDIT_KEY_FILE",
    "patient_key": "PATIENT_KEY_FILE",
    "report_key.pem": "REPORT_KEY_FILE",
    "report_certificate.pem": "REPORT_CERTIFICATE_FILE",
}
HEAD, MANIFEST = "backup.json", "manifest.json"  # what is legible of an encrypted one, and the list of its files
SCHEMA, IMAGES = 1, "images"


def passphrase_of(file: Path | None, encrypt: bool, confirm: bool) -> str:
    """Return the passphrase in a file or typed in; empty where none is wanted."""
    if file is not None:
        text = file.read_text().strip()
    elif encrypt:
        text = str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm))
    else:
        return ""
    if len(text) < 12:
        raise BackupError("The passphrase is too short: it needs 12 characters or more.")
    return text


def database_file() -> Path:
    """Return the file of the database; BackupError where it is on a server of its own."""
    url = make_url(current_app.config["DATABASE_URL"])
    if url.get_backend_name() != "sqlite" or not url.database:
        raise BackupError(
            "The database is on a server of its own. Use its tools (pg_dump) first, then copy INSTANCE_DIR: no picture"
            " is removed for a day, so that the copy has every one that the dump knows."
        )
    return Path(url.database)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase and encrypt everything under it.")
@click.option("--passphrase-file", type=click.Path(path_type=Path, exists=True), help="A file with the passphrase.")
@with_appcontext
def backup(folder: Path, encrypt: bool, passphrase_file: Path | None) -> None:
    """Write the database, the pictures and the keys into a new or empty folder, while people go on working.

    At the end everything is read back and compared. The exit status is 1 where a stored picture was missing or damaged;
    the backup is complete but for it. Whoever has an unencrypted backup has everything: keep it like the data.
    """
    try:
        missing, count = write_backup(folder, passphrase_of(passphrase_file, encrypt, confirm=True))
    except BackupError as error:
        raise click.ClickException(error.text) from None
    except OSError as error:
        raise click.ClickException(f"The backup could not be written: {error.strerror}.") from None
    for digest in missing:
        click.echo(f"Missing or damaged in the image store: {digest}", err=True)
    click.echo(f"{count} files, read back and unchanged, in {folder}.")
    if missing:
        raise click.exceptions.Exit(1)


def write_backup(folder: Path, passphrase: str) -> tuple[list[str], int]:
    """Write a backup and read it back; return the pictures that could not be had, and how many files there are."""
    source = database_file()
    if not source.is_file():
        raise BackupError("There is no lab to back up yet. Run `flask --app wsgi init` first.")
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty. Name a new folder for each backup.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    salt = os.urandom(SALT)
    sealer = Sealer.under(passphrase, salt) if passphrase else Sealer()
    files: dict[str, str] = {}
    # The database first: a picture whose row it has is there, and stays for a day whatever happens to the row.
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        copy = Path(temporary) / DATABASE
        copy_database(source, copy)
        with closing(sqlite3.connect(copy)) as connection:
            # UNION takes each file once; the names are ours.
            query = " UNION ".join(f'SELECT {c.name} FROM "{c.table.name}"' for c in stored_columns())  # noqa: S608
            digests = [row[0] for row in connection.execute(query) if row[0]]
        with copy.open("rb") as stream:
            files[DATABASE] = sealer.write(stream, folder / DATABASE, DATABASE)
    for name, path in key_files():
        if not path.is_file():
            continue
        with path.open("rb") as stream:
            files[name] = sealer.write(stream, folder / name, name)
    missing = []
    for digest in sorted(digests):
        name = f"{IMAGES}/{digest[:2]}/{digest}.png"
        try:
            files[name] = sealer.write(BytesIO(image_store().read_bytes(digest)), folder / name, name)
        except UnreadableError:
            missing.append(digest)
    manifest = {"program": __version__, "made_at": now().isoformat(timespec="seconds"), "files": files}
    with tempfile.TemporaryFile() as stream:
        stream.write(json.dumps(manifest, indent=1).encode())
        stream.seek(0)
        sealer.write(stream, folder / MANIFEST, MANIFEST)
    head = {"schema": SCHEMA, "encrypted": bool(passphrase), "salt": salt.hex()}
    (folder / HEAD).write_text(json.dumps(head) + "\n")
    for name, digest in files.items():
        compare(sealer, folder, name, digest)
    return missing, len(files)


def copy_database(source: Path, target: Path) -> None:
    """Copy a database by SQLite's own backup, whole as of one moment, beside those who write to it."""
    with closing(sqlite3.connect(source)) as before, closing(sqlite3.connect(target)) as after:
        before.backup(after)
        if after.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise BackupError("The database is damaged: its own check found faults. Restore an earlier backup.")


def key_files() -> Iterator[tuple[str, Path]]:
    """Yield where each key lies here, by its name in a backup."""
    for name, setting in KEYS.items():
        yield name, current_app.config[setting] if setting else secret_path(current_app.config["INSTANCE_DIR"])


def compare(sealer: Sealer, folder: Path, name: str, expected: str) -> None:
    """Read a file of a backup; BackupError where it is not what was written."""
    digest = hashlib.sha256()
    for piece in sealer.read(folder / name, name):
        digest.update(piece)
    if digest.hexdigest() != expected:
        raise BackupError(f"{name} of the backup is damaged.")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--passphrase-file", type=click.Path(path_type=Path, exists=True), help="A file with the passphrase.")
@with_appcontext
def restore(folder: Path, passphrase_file: Path | None) -> None:
    """Bring a backup back into an empty INSTANCE_DIR; a damaged one is refused, and then nothing is written.

    Then run `init`, which brings the database to this program's version, and `audit verify`.
    """
    try:
        count = read_backup(folder, passphrase_file)
    except BackupError as error:
        raise click.ClickException(error.text) from None
    except OSError as error:
        raise click.ClickException(f"The backup could not be restored: {error.strerror}.") from None
    click.echo(f"{count} files restored. Run `flask --app wsgi init` and `flask --app wsgi audit verify` now.")


def read_backup(folder: Path, passphrase_file: Path | None) -> int:
    """Restore a backup whole or not at all, and return how many files it has."""
    instance, target = current_app.config["INSTANCE_DIR"], database_file()
    if target.exists() or (instance.exists() and any(instance.iterdir())):
        raise BackupError(f"{instance} is not empty. Restore into an empty folder, and move what is there away first.")
    head = read_json((folder / HEAD).read_bytes() if (folder / HEAD).is_file() else b"")
    if head.get("schema") != SCHEMA:
        raise BackupError(f"{folder} is no finished backup of this program.")
    sealer = Sealer()
    if head["encrypted"]:
        sealer = Sealer.under(passphrase_of(passphrase_file, True, confirm=False), bytes.fromhex(head["salt"]))
    files = read_json(b"".join(sealer.read(folder / MANIFEST, MANIFEST))).get("files")
    if not isinstance(files, dict) or DATABASE not in files:
        raise BackupError(f"{MANIFEST} of the backup is damaged.")
    instance.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{instance.name}-", dir=instance.parent))
    try:
        for name, digest in files.items():
            compare(sealer, folder, name, digest)
            path = draft / name
            if not path.resolve().is_relative_to(draft.resolve()):
                raise BackupError(f"{folder} is no backup of this program: it names files outside of it.")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("xb") as file:
                for piece in sealer.read(folder / name, name):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            path.chmod(0o600)
        if instance.exists():
            instance.rmdir()
        draft.rename(instance)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for name, path in [(DATABASE, target), *key_files()]:
        if path != instance / name and (instance / name).is_file() and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(instance / name, path)
    if current_app.config["IMAGE_STORE"]:  # the pictures belong into the bucket
        for name in files:
            if name.startswith(f"{IMAGES}/"):
                image_store().put((instance / name).read_bytes())
        shutil.rmtree(instance / IMAGES, ignore_errors=True)
    return len(files)


def read_json(data: bytes) -> dict[str, Any]:
    """Return what stands in a file of a backup, nothing where it is none."""
    try:
        content = json.loads(data)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
