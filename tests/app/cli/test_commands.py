"""The command line: init, user add, classify."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from flask import Flask
from PIL import Image
from sqlalchemy import select, update

from app import create_app
from app.database import db
from app.records import BundleActivation, User
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference.suggestion import as_printed
from tests.app.conftest import BUNDLE
from tests.data.pictures import suggested

KEYS = {
    "path", "bundle", "version", "outcome", "label", "reasons", "probabilities", "leukocytes", "milliseconds",
}  # fmt: skip


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Return a runner of commands."""
    return lambda *words: app.test_cli_runner().invoke(args=[str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of fields in folders, with things between them that are none."""
    place = tmp_path / "fields"
    for index, name in enumerate(("b/2.PNG", "b/10.png", "a.jpg", "b/c/1.tiff")):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        form = "JPEG" if name.endswith("jpg") else "PNG"
        path.write_bytes(encode(synthetic.field(index, "leukemic", 224), form))
    (place / "notes.txt").write_text("not for reading")
    (place / "b" / ".DS_Store").write_bytes(b"\0")
    return place


def test_init_prints_the_password_once(tmp_path: Path, models: Path) -> None:
    """The first time it makes everything, later it only brings the database up to date."""
    app = create_app(INSTANCE_DIR=tmp_path / "new", MODELS_DIR=models, ADMIN_EMAIL="head@lab.example")
    first = app.test_cli_runner().invoke(args=["init"])
    second = app.test_cli_runner().invoke(args=["init"])
    assert first.exit_code == second.exit_code == 0
    password = re.search(r"One-time password: (\S+)", first.output)
    assert password
    assert "head@lab.example" in first.output
    assert "password" not in second.output
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        assert user.must_change_password
        assert user.is_admin
        assert password[1] not in user.password
        db.engine.dispose()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_user_add(app: Flask, run: Callable[..., Result]) -> None:
    """A person gets a role, a lab and a one-time password; the same address is not taken twice."""
    assert run("user", "add", "x@lab.example", "--role", "admin", "--lab", "Third lab").exit_code == 0
    again = run("user", "add", "X@lab.example", "--lab", "Third lab")
    assert again.exit_code == 1
    assert "already a person" in again.output
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == "x@lab.example")).one()
        assert user.lab.name == "Third lab"
        assert user.is_admin


@pytest.mark.parametrize("words", [("x@lab.example",), ("no-address", "--lab", "Our laboratory")])
def test_user_add_says_what_is_missing(run: Callable[..., Result], words: tuple[str, ...]) -> None:
    """With several labs one has to be named; an address has to be one."""
    result = run("user", "add", *words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


def test_classify_prints_a_list_of_objects(run: Callable[..., Result], folder: Path) -> None:
    """Folders are walked in order, only images are read, every object has its nine keys."""
    result = run("classify", folder, "--format", "json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [Path(row["path"]).relative_to(folder).as_posix() for row in rows] == [
        "a.jpg", "b/10.png", "b/2.PNG", "b/c/1.tiff",
    ]  # fmt: skip
    for row in rows:
        assert set(row) == KEYS
        assert row["bundle"] == BUNDLE
        assert (row["label"] is None) == (row["outcome"] != "suggested")
        assert bool(row["reasons"]) == (row["outcome"] != "suggested")
        assert bool(row["probabilities"]) == (row["outcome"] == "suggested")
        if row["probabilities"]:
            assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["leukocytes"] >= 0
        assert row["milliseconds"] > 0


def test_classify_tries_every_named_file(run: Callable[..., Result], folder: Path) -> None:
    """A named file is read whatever its suffix; what cannot be read is a row and the status is 1."""
    names = [folder / "notes.txt", folder / "nothing.png", folder / "a.jpg"]
    result = run("classify", *names, "--format", "json")
    assert result.exit_code == 1
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    assert [set(row) == {"path", "error"} for row in rows] == [True, True, False]
    assert str(folder) not in rows[1]["error"]


def test_classify_prints_csv(run: Callable[..., Result], folder: Path) -> None:
    """A column for each label, a row for each file, the error in its own column."""
    known = folder / "known.jpg"
    known.write_bytes(suggested())
    result = run("classify", known, folder / "a.jpg", folder / "notes.txt", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert result.exit_code == 1
    assert rows[0]["error"] == ""
    assert sum(float(rows[0][label]) for label in ("Benign", "Early", "Pre", "Pro")) == pytest.approx(1, abs=0.001)
    assert rows[1]["Benign"] == ""  # of a refusal there are no numbers
    assert rows[2]["error"]


def test_classify_prints_a_table(run: Callable[..., Result], folder: Path) -> None:
    """For people: a line a file and a sum."""
    result = run("classify", folder)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 5


def test_an_empty_folder_is_an_empty_list(run: Callable[..., Result], tmp_path: Path) -> None:
    """Nothing to read is no error."""
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run("classify", empty, "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])


def test_classify_names_a_bundle_that_is_not_there(run: Callable[..., Result], folder: Path) -> None:
    """An unknown bundle is one sentence."""
    result = run("classify", folder, "--bundle", "nothing")
    assert result.exit_code == 1
    assert "There is no model 'nothing'" in result.output


def test_classify_and_the_page_say_the_same(app: Flask, run: Callable[..., Result], folder: Path) -> None:
    """One way from bytes to a reading, whoever asks."""
    from tests.app.conftest import Someone

    path = folder / "a.jpg"
    row = json.loads(run("classify", path, "--format", "json").stdout)[0]
    clinician = Someone(app, "clinician")
    image = clinician.upload(clinician.open_case(), path.read_bytes(), "a.jpg").json
    said = as_printed(image["outcome"]), image["label"], image["reasons"]
    assert said == (row["outcome"], row["label"], row["reasons"])


def test_classify_prints_a_row_a_picture(run: Callable[..., Result], tmp_path: Path) -> None:
    """Of a TIFF each page, of an archive each member by its name there; a file of one picture is as it always was."""
    first, second = (Image.fromarray(synthetic.field(seed, "leukemic", 224)) for seed in range(2))
    first.save(tmp_path / "stack.tif", save_all=True, append_images=[second])
    first.save(tmp_path / "one.png")
    with zipfile.ZipFile(tmp_path / "fields.zip", "w") as archive:
        archive.write(tmp_path / "one.png", "slide/1.png")
        archive.write(tmp_path / "stack.tif", "slide/2.tif")
        archive.writestr("slide/bad.jpg", b"no picture")
    names = [tmp_path / name for name in ("stack.tif", "fields.zip", "one.png")]
    result = run("classify", *names, "--format", "json")
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [(Path(row["path"]).name, row.get("member"), row.get("page")) for row in rows] == [
        ("stack.tif", None, 1), ("stack.tif", None, 2), ("fields.zip", "slide/1.png", None),
        ("fields.zip", "slide/2.tif", 1), ("fields.zip", "slide/2.tif", 2), ("fields.zip", "slide/bad.jpg", None),
        ("one.png", None, None),
    ]  # fmt: skip
    assert ["error" in row for row in rows] == [False] * 5 + [True, False]
    assert set(rows[-1]) == KEYS
    assert rows[1]["notes"] == ["Page 2 of 2 was read."]
    same = {"path", "member", "page", "notes", "milliseconds"}
    known = [{key: value for key, value in row.items() if key not in same} for row in (rows[0], rows[2], rows[6])]
    assert known[0] == known[1] == known[2]
    table = run("classify", *names).stdout
    assert f"{names[0]}, page 2  " in table
    assert f"{names[1]}, slide/2.tif, page 1  " in table
    listed = list(csv.DictReader(io.StringIO(run("classify", *names, "--format", "csv").stdout)))
    assert [(row["member"], row["page"]) for row in listed][3:] == [
        ("slide/2.tif", "1"), ("slide/2.tif", "2"), ("slide/bad.jpg", ""), ("", ""),
    ]  # fmt: skip


def test_classify_says_what_was_changed_in_reading(run: Callable[..., Result], tmp_path: Path) -> None:
    """In every form; a picture that was read as it is has no such key."""
    field = synthetic.field(1, "leukemic", 224)
    Image.fromarray(np.dstack([field, np.zeros((224, 224), np.uint8)])).save(tmp_path / "clear.png")
    Image.fromarray(field).save(tmp_path / "plain.png")
    said = "Its transparency is complete everywhere and was left out."
    changed, plain = json.loads(run("classify", tmp_path, "--format", "json").stdout)
    assert changed["notes"] == [said]
    assert set(plain) == KEYS
    assert {key: changed[key] for key in KEYS - {"path", "milliseconds"}} == {
        key: plain[key] for key in KEYS - {"path", "milliseconds"}
    }
    rows = list(csv.DictReader(io.StringIO(run("classify", tmp_path, "--format", "csv").stdout)))
    assert [row["notes"] for row in rows] == [said, ""]
    assert run("classify", tmp_path).stdout.splitlines()[0].endswith(said)


def test_classify_tells_of_an_archive_that_is_not_opened(run: Callable[..., Result], tmp_path: Path) -> None:
    """It is one row, and the files after it are read."""
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04" + bytes(60))
    Image.fromarray(synthetic.field(1, "leukemic", 224)).save(tmp_path / "one.png")
    result = run("classify", tmp_path / "half.zip", tmp_path / "one.png", "--format", "json")
    first, second = json.loads(result.stdout)
    assert set(first) == {"path", "error"}
    assert "damaged or incomplete" in first["error"]
    assert set(second) == KEYS


def test_classify_leaves_out_what_systems_leave_behind(run: Callable[..., Result], folder: Path) -> None:
    """The forks of macOS, thumbnails of a NAS and folders that are called like pictures."""
    (folder / "b" / "._10.png").write_bytes(b"\0\5\x16\7")
    thumbnails = folder / "@eaDir" / "a.jpg"
    thumbnails.mkdir(parents=True)
    (thumbnails / "SYNOPHOTO_THUMB_M.jpg").write_bytes(b"\xff\xd8\xff")
    result = run("classify", folder, "--format", "json")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)) == 4


def test_activate_lets_a_bundle_read_in_an_admins_name(run: Callable[..., Result], app: Flask) -> None:
    """With the same rules as the page: an admin, a reason, and the floors."""
    with app.app_context():
        emails = {user.is_admin: user.email for user in db.session.scalars(select(User).where(User.lab_id == 1))}
    done = run("activate", BUNDLE, "--by", emails[True], "--reason", "Ours")
    assert done.exit_code == 0, done.output
    assert f"{BUNDLE} " in done.output
    with app.app_context():
        (choice,) = db.session.scalars(select(BundleActivation))
        assert (choice.bundle, choice.reason, choice.despite) == (BUNDLE, "Ours", "")
    for email, name, sentence in (
        (emails[False], BUNDLE, "is no admin"),
        ("nobody@lab.example", BUNDLE, "is no admin"),
        (emails[True], "nothing", "There is no model 'nothing'"),
    ):
        refused = run("activate", name, "--by", email, "--reason", "Ours")
        assert refused.exit_code == 1
        assert sentence in refused.output
    for reason in (" ", "long" * 200):
        refused = run("activate", BUNDLE, "--by", emails[True], "--reason", reason)
        assert refused.exit_code == 1
        assert "Write why the model changes, in up to 500 characters" in refused.output
    with app.app_context():
        db.session.execute(update(User).where(User.email == emails[True]).values(active=False))
        db.session.commit()
    refused = run("activate", BUNDLE, "--by", emails[True], "--reason", "Ours")
    assert refused.exit_code == 1
    assert f"The account of {emails[True]} is disabled" in refused.output
    with app.app_context():
        assert len(list(db.session.scalars(select(BundleActivation)))) == 1


def test_classify_reads_what_a_folder_holds_under_any_name(
    run: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    """Archives, and pictures whose name has no suffix; what it does not hold is not made up."""
    picture = (folder / "a.jpg").read_bytes()
    fields = tmp_path / "unnamed"
    fields.mkdir()
    (fields / "IM0001").write_bytes(picture)
    (fields / "notes.txt").write_text("for nobody")
    with zipfile.ZipFile(fields / "b.zip", "w") as archive:
        archive.writestr("1.jpg", picture)
        archive.writestr("notes.pdf", b"%PDF-1.7")
    result = run("classify", fields, "--format", "json")
    assert result.exit_code == 0
    assert [(Path(row["path"]).name, row.get("member")) for row in json.loads(result.stdout)] == [
        ("IM0001", None), ("b.zip", "1.jpg"),
    ]  # fmt: skip
