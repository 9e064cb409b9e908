"""A backup is the whole lab as of one moment, read back; a damaged one brings nothing back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app.cli.backup import DATABASE, HEAD, MANIFEST
from app.database import db
from app.image_store import image_store
from app.records import Case, SmearImage
from app.signing import report_key
from tests.app.steps import Someone, sign, work_done

PASSPHRASE = "seven brown horses in the rain"


def run(app: Flask, *words: str) -> Result:
    """Run a command."""
    return app.test_cli_runner().invoke(args=list(words))


@pytest.fixture
def passphrase(tmp_path: Path) -> list[str]:
    """Return the option that names a file with a passphrase."""
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    return ["--passphrase-file", str(file)]


@pytest.fixture
def signed(app: Flask, clinician: Someone, reviewed_case: str) -> str:
    """Return a case that is signed."""
    assert sign(clinician, reviewed_case).status_code == 302
    work_done(app)
    return reviewed_case


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_lab_comes_back_whole(
    make_app: Callable[..., Flask], app: Flask, signed: str, tmp_path: Path, passphrase: list[str], encrypted: bool
) -> None:
    """People sign in, the report opens, nothing of it is legible where it was encrypted, and the ledger is unbroken."""
    made = run(app, "backup", str(tmp_path / "kept"), *(passphrase if encrypted else []))
    assert made.exit_code == 0, made.output
    if encrypted:
        for path in (tmp_path / "kept").rglob("*"):
            data = path.read_bytes() if path.is_file() and path.name != HEAD else b""
            assert not any(word in data for word in (b"SQLite format", b"\x89PNG", b"clinician@", b'"files"'))
    other = make_app(INSTANCE_DIR=tmp_path / "again")
    brought = run(other, "restore", str(tmp_path / "kept"), *(passphrase if encrypted else []))
    assert brought.exit_code == 0, brought.output
    other = make_app(INSTANCE_DIR=tmp_path / "again")
    assert (tmp_path / "again" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert "up to date" in run(other, "init").output
    verified = run(other, "audit", "verify")
    assert verified.exit_code == 0, verified.output
    someone = Someone(other, "clinician")
    report = someone.get(f"/cases/{signed}/versions/1/report.pdf")
    assert report_key.problem(report.data, app.config["REPORT_CERTIFICATE_FILE"]) == ""


def test_a_backup_while_people_write(app: Flask, clinician: Someone, tmp_path: Path, field: bytes) -> None:
    """Whatever was there at one moment: no case half, and every picture that it knows."""
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            clinician.upload(clinician.open_case(f"W-{number}"), field + bytes(number))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for name in ("first", "second"):
            made = run(app, "backup", str(tmp_path / name))
            assert made.exit_code == 0, made.output
    finally:
        stop.set()
        worker.join()
    work_done(app)
    with sqlite3.connect(tmp_path / "second" / DATABASE) as connection:
        rows = connection.execute("SELECT pixels_sha256 FROM smear_image").fetchall()
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert all((tmp_path / "second" / "images" / row[0][:2] / f"{row[0]}.png").is_file() for row in rows)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a byte of the database": lambda kept: flip(kept / DATABASE),
    "a byte of a picture": lambda kept: flip(next((kept / "images").rglob("*.png"))),
    "a picture is gone": lambda kept: next((kept / "images").rglob("*.png")).unlink(),
    "the database is cut": lambda kept: (kept / DATABASE).write_bytes((kept / DATABASE).read_bytes()[:-100]),
    "the list is gone": lambda kept: (kept / MANIFEST).unlink(),
    "the head is gone": lambda kept: (kept / HEAD).unlink(),
    "the list is damaged": lambda kept: flip(kept / MANIFEST),
}


def flip(path: Path) -> None:
    """Change a byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_backup_is_refused(
    make_app: Callable[..., Flask],
    app: Flask,
    clinician: Someone,
    field: bytes,
    tmp_path: Path,
    passphrase: list[str],
    how: str,
    encrypted: bool,
) -> None:
    """With a sentence, and nothing of it is written."""
    clinician.upload(clinician.open_case(), field)
    work_done(app)
    options = passphrase if encrypted else []
    assert run(app, "backup", str(tmp_path / "kept"), *options).exit_code == 0
    DAMAGE[how](tmp_path / "kept")
    other = make_app(INSTANCE_DIR=tmp_path / "again")
    refused = run(other, "restore", str(tmp_path / "kept"), *options)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert "Traceback" not in refused.output
    assert sorted(path.name for path in tmp_path.iterdir() if "again" in path.name) == []


def test_what_cannot_be_done_is_a_sentence(
    make_app: Callable[..., Flask], app: Flask, signed: str, tmp_path: Path, passphrase: list[str]
) -> None:
    """A folder that is not empty, a lab that is not, the wrong passphrase, one that is short, another database."""
    kept, empty = tmp_path / "kept", make_app(INSTANCE_DIR=tmp_path / "empty")
    assert run(app, "backup", str(kept), *passphrase).exit_code == 0
    assert "is not empty" in run(app, "backup", str(kept)).output
    assert "is not empty" in run(app, "restore", str(kept), *passphrase).output
    assert "There is no lab to back up" in run(empty, "backup", str(tmp_path / "none")).output
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase of some length")
    assert "passphrase is another one" in run(empty, "restore", str(kept), "--passphrase-file", str(wrong)).output
    wrong.write_text("short")
    assert "too short" in run(app, "backup", str(tmp_path / "x"), "--passphrase-file", str(wrong)).output
    app.config["DATABASE_URL"] = "postgresql+psycopg://somewhere/else"
    assert "pg_dump" in run(app, "backup", str(tmp_path / "y")).output


def test_a_lost_picture_is_told_and_the_rest_is_kept(app: Flask, signed: str, tmp_path: Path) -> None:
    """The exit status is 1, the picture is named, and the backup can be restored."""
    with app.app_context():
        digest = db.session.scalars(select(SmearImage.pixels_sha256)).first()
        assert digest
        flip(image_store().place.path(digest))
        assert db.session.scalar(select(Case.id)) == signed
    made = run(app, "backup", str(tmp_path / "kept"))
    assert made.exit_code == 1
    assert f"Missing or damaged in the image store: {digest}" in made.output
    assert (tmp_path / "kept" / HEAD).is_file()
