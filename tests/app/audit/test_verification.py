"""What was signed cannot change unseen: `audit verify` holds the database and the pictures to the events."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from app import ledger
from app.config import load
from app.database import db, writing
from app.image_store import image_store
from app.records import AuditEvent, Signature, SmearImage
from tests.app.audit.test_audit import verify
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, events, id_of, review_all, sign, work_done


@pytest.fixture
def worked(app: Flask, field: bytes, blank: bytes) -> Flask:
    """Return a lab in which everything was done that events carry hashes of, with nothing wrong."""
    admin, clinician = Someone(app, "admin"), Someone(app, "clinician")
    assert admin.post(f"/models/{BUNDLE}/activate", {"reason": "first", "password": PASSWORD}).status_code == 302
    case = clinician.open_case("A-1")
    for data in (field, blank):
        assert clinician.upload(case, data).status_code == 201
    gone = clinician.upload(case, field + b" ").json
    clinician.post(gone["remove"])
    review_all(clinician, case)
    clinician.post(f"/cases/{case}/blind/ask", {"reader": id_of(app, "second")})
    second = Someone(app, "second")
    for _number in range(2):
        where = second.get(f"/cases/{case}/blind").location
        assert second.post(where, {"choice": "not_gradable", "comment": ""}).status_code == 302
    assert sign(clinician, case).status_code == 302
    assert clinician.post(f"/cases/{case}/amend", {"reason": "to look again"}).status_code == 302
    admin.post(f"/people/{id_of(app, 'second')}/role", {"post": "office"})
    admin.post("/people/", {"email": "new@lab.example", "name": "New", "post": "clinician"})
    admin.post(f"/people/{id_of(app, 'new')}/active", {"active": "no"})
    work_done(app)
    return app


def forge(app: Flask, *statements: str) -> None:
    """Change the database as somebody who owns its file can: without the triggers."""
    with app.app_context(), writing() as session:
        for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            assert session.execute(text(statement)).rowcount > 0, statement


FORGERIES = {
    "a diagnosis": (
        "UPDATE signature SET content = json_set(content, '$.diagnosis.name', 'Benign')",
        "is not what event",
    ),
    "a diagnosis with a hash that fits": ("", "The signature"),
    "a signature is gone": ("DELETE FROM signature", "is gone"),
    "a review": ("UPDATE review SET kind = 'other', comment = 'never written'", "The review"),
    "a review is gone": ("DELETE FROM review WHERE rowid = 1", "is gone"),
    "who reviewed": ("UPDATE review SET made_by_id = made_by_id + 1 WHERE rowid = 1", "The review"),
    "a blind review": ("UPDATE blind_review SET kind = 'uncertain'", "The blind review"),
    "why it was amended": ("UPDATE amendment SET reason = 'another'", "The amendment"),
    "a reading": ("UPDATE reading SET outcome = 'suggested', label = 'Pre'", "The reading"),
    "which picture": ("UPDATE smear_image SET width = 1", "The image"),
    "an image is gone": ("DELETE FROM smear_image WHERE position = 1", "is gone"),
    "a role": (
        "INSERT INTO role_of_user SELECT u.id, r.id FROM user u, role r WHERE u.name = 'New' AND r.name = 'admin'",
        "The roles of person",
    ),
    "an account": ("UPDATE user SET active = 1 WHERE email LIKE 'new@%'", "enabled or disabled past"),
    "a person is gone": ("DELETE FROM user WHERE email LIKE 'new@%'", "is gone"),
    "which card": ("UPDATE held_card SET card_sha256 = 'f'", "The card of"),
    "an activation": ("UPDATE bundle_activation SET reason = 'another'", "The bundle activation"),
}


@pytest.mark.parametrize("what", FORGERIES)
@pytest.mark.sqlite
def test_whatever_is_changed_in_the_database_is_found(worked: Flask, what: str) -> None:
    """The exit status is 1 and a sentence names the row and the event."""
    assert verify(worked)[0] == 0, verify(worked)[1]
    statement, told = FORGERIES[what]
    if statement:
        unhindered(worked, statement)
    else:
        with worked.app_context():
            row = db.session.scalars(select(Signature)).one()
            content = row.content | {"diagnosis": {"code": "other", "name": "Forged", "remark": ""}}
            digest = hashlib.sha256(ledger.canonical(content)).hexdigest()
            quoted = json.dumps(content).replace("'", "''")
        forge(worked, f"UPDATE signature SET content = '{quoted}', sha256 = '{digest}'")
    status, printed = verify(worked)
    assert status == 1
    assert told in printed


def unhindered(app: Flask, statement: str) -> None:
    """Forge with foreign keys off, as another program has them."""
    forge(app, "UPDATE user SET name = name")
    with app.app_context():
        connection: Any = db.engine.raw_connection()
        connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        assert connection.driver_connection.execute(statement).rowcount > 0
        connection.driver_connection.execute("PRAGMA foreign_keys=ON")
        connection.close()


def test_a_row_that_no_event_speaks_of_is_found(worked: Flask) -> None:
    """A review that was written past the application."""
    with worked.app_context(), writing() as session:
        columns = "image_id, 9, kind, label, label_name, comment, made_at, made_by_id"
        session.execute(text(f"INSERT INTO review SELECT '{'0' * 32}', {columns} FROM review LIMIT 1"))
    status, printed = verify(worked)
    assert status == 1
    assert "written past the application" in printed


@pytest.mark.parametrize("table", ["signature", "amendment", "review", "blind_review", "reading", "bundle_activation"])
@pytest.mark.sqlite
def test_replace_gets_past_no_trigger(worked: Flask, table: str) -> None:
    """SQLite's INSERT OR REPLACE removes the old row without asking the triggers for removal."""
    with worked.app_context():
        before = db.session.execute(text(f"SELECT * FROM {table}")).all()
        with pytest.raises(DatabaseError, match="never replaced"), writing() as session:
            session.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"))
        assert db.session.execute(text(f"SELECT * FROM {table}")).all() == before


def reseal(app: Flask) -> None:
    """Give every event a seal without a key, one on top of the other."""
    with app.app_context():
        statements, previous = [], ledger.FIRST
        for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)):
            values = {column.key: getattr(event, column.key) for column in AuditEvent.__table__.columns}
            sealed = ledger.seal(previous, values, None)
            changed = f"previous_hash = '{previous}', hash = '{sealed}'"
            statements.append(f"UPDATE audit_event SET {changed} WHERE id = {event.id}")
            previous = sealed
    forge(app, *statements)


@pytest.mark.sqlite
def test_the_chain_cannot_be_sealed_anew_without_the_key(worked: Flask) -> None:
    """Who rewrites every event with seals that fit each other, as somebody with the program and the database can."""
    reseal(worked)
    status, printed = verify(worked)
    assert status == 1
    assert "audit key" in printed


@pytest.mark.sqlite
def test_an_older_chain_goes_on_under_the_key(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """A lab from before the key: `init` makes it, its events stay good, and from there on none is without it."""
    app = make_app()
    reseal(app)
    key = app.config["AUDIT_KEY_FILE"]
    app.config["AUDIT_KEY"] = None
    key.unlink()
    Someone(app, "clinician").open_case("A-1")
    assert app.test_cli_runner().invoke(args=["init"]).exit_code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert events(app)[-1].action == "ledger.keyed"
    Someone(app, "clinician").open_case("A-2")
    assert verify(app)[0] == 0
    app.config["AUDIT_KEY"] = None
    Someone(app, "clinician").open_case("A-3")
    app.config["AUDIT_KEY"] = key.read_text().strip()
    assert "was changed after it was written" in verify(app)[1]


def test_the_key_may_lie_elsewhere(tmp_path: Path) -> None:
    """On a disk of its own, as the setting says."""
    file = tmp_path / "elsewhere" / "key"
    file.parent.mkdir()
    file.write_text("abc\n")
    assert load({}, INSTANCE_DIR=tmp_path, AUDIT_KEY_FILE=str(file))["AUDIT_KEY"] == "abc"
    assert load({}, INSTANCE_DIR=tmp_path)["AUDIT_KEY"] is None


def test_stored_pictures_are_compared(worked: Flask) -> None:
    """A picture that was exchanged or lost is named; who is in a hurry leaves them out."""
    with worked.app_context():
        image = db.session.scalars(select(SmearImage).order_by(SmearImage.position)).first()
        assert image
        path = image_store().place.path(image.pixels_sha256)
        shutil.copy(image_store().place.path(image.detections.label_map_sha256), path)
    status, printed = verify(worked)
    assert status == 1
    assert f"A file of image {image.id}" in printed
    assert verify(worked, "--no-files")[0] == 0


@pytest.mark.sqlite
def test_seals_kept_elsewhere_hold_the_end(worked: Flask, tmp_path: Path) -> None:
    """`audit seal --to` adds one a day; whoever cuts the newest events off is found by them."""
    runner = worked.test_cli_runner()
    for _day in range(2):
        assert runner.invoke(args=["audit", "seal", "--to", str(tmp_path)]).exit_code == 0
        Someone(worked, "clinician")
    kept = (tmp_path / "leukolens-seals.jsonl").read_text()
    assert len(re.findall(r'"seal": "[0-9a-f]{64}"', kept)) == 2
    assert verify(worked, "--seals", str(tmp_path))[0] == 0
    count = len(events(worked))
    forge(worked, f"DELETE FROM audit_event WHERE id > {count - 2}")
    assert "not in the chain any more" in verify(worked, "--seals", str(tmp_path))[1]
    assert "could not be written" in runner.invoke(args=["audit", "seal", "--to", str(tmp_path / "no" / "x")]).output
    (tmp_path / "strange").write_text("no seals")
    assert "is no file of seals" in verify(worked, "--seals", str(tmp_path / "strange"))[1]


def test_a_column_of_a_later_version_changes_no_hash(worked: Flask) -> None:
    """Empty in every row that was there; what a row has in it is in its hash."""
    with worked.app_context():
        row = db.session.scalars(select(Signature)).one()
        before = ledger.fingerprint(row)
        db.session.expunge(row)
        row.signed_by_id = 0
        changed = ledger.fingerprint(row)
        assert changed != before
        row.sha256 = ""
        assert ledger.fingerprint(row) != changed
