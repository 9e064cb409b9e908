"""Who looked at which case, picture and report is kept, for as long as the lab wants, and found by the accession."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.audit.viewings import SHOWN, UNRECORDED
from app.database import db, own_transaction, writing
from app.inference.loaded_bundles import BundleUnusableError
from app.records import Viewing, now
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, events, recorded, sign, work_done


def kept(app: Flask) -> list[tuple[str, str]]:
    """Return what is kept, in order: by whom, and what."""
    with app.app_context():
        rows = db.session.scalars(select(Viewing).order_by(Viewing.id))
        return [(row.person.name, f"{row.kind} {row.subject_id}") for row in rows]


def test_every_address_of_a_case_is_recorded_or_says_why_not(app: Flask) -> None:
    """A new page cannot be forgotten."""
    shows = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and {"case_id", "image_id", "reading_id"} & rule.arguments
    }
    assert shows - set(SHOWN) - UNRECORDED == set()
    assert not set(SHOWN) & UNRECORDED


def test_who_opened_what_is_kept(app: Flask, reviewed_case: str) -> None:
    """The case, a picture by itself and the report, by whoever opened it, once for a while; not a stranger's try."""
    assert sign(Someone(app, "clinician"), reviewed_case).status_code == 302
    work_done(app)
    with app.app_context(), writing() as session:
        image = session.scalars(select(Viewing.subject_id).where(Viewing.kind == "image")).first()
        for row in session.scalars(select(Viewing)):
            session.delete(row)
    second = Someone(app, "second")
    for _number in range(2):
        second.get(f"/cases/{reviewed_case}")
        second.get(f"/images/{image}/pixels")
        second.get(f"/cases/{reviewed_case}/versions/1")
    second.get("/?q=A-1")
    second.get("/")
    Someone(app, "stranger").get(f"/cases/{reviewed_case}")
    Someone(app).get(f"/cases/{reviewed_case}")
    assert kept(app) == [
        ("Second", f"case {reviewed_case}"),
        ("Second", f"image {image}"),
        ("Second", f"report {reviewed_case} version 1"),
        ("Second", "search "),
    ]


def test_an_admin_finds_it_by_the_accession(app: Flask, clinician: Someone, field: bytes) -> None:
    """In words, on the page of viewings and on that of events; nobody else sees either."""
    case = clinician.open_case("A-77")
    image = clinician.upload(case, field).json
    clinician.get(f"/cases/{case}")
    clinician.get(image["url"])
    work_done(app)
    admin = Someone(app, "admin")
    page = admin.get("/audit/viewings?subject=a-77").text
    assert page.count("case A-77") == 2
    assert "image 1 of case A-77" in page
    assert admin.get("/audit/viewings?subject=A-78").text.count("A-77") == 0
    ledger_page = admin.get("/audit/?subject=A-77").text
    assert "case opened" in ledger_page
    assert "image added and read" in ledger_page
    assert "case A-77" in ledger_page
    assert clinician.get("/audit/viewings").status_code == 403
    assert "A-77" not in Someone(app, "chief").get("/audit/viewings?subject=A-77").text.replace('value="A-77"', "")


def test_a_lab_may_keep_less(make_app: Callable[..., Flask]) -> None:
    """Nothing at all, or what is younger than so many days, which `maintenance` sees to."""
    app = make_app(VIEWING_DAYS=0)
    clinician = Someone(app, "clinician")
    case = clinician.open_case()
    clinician.get(f"/cases/{case}")
    assert kept(app) == []
    app = make_app(VIEWING_DAYS=30)
    for accession in ("B-1", "B-2"):
        clinician = Someone(app, "clinician")
        clinician.get(f"/cases/{clinician.open_case(accession)}")
    with app.app_context(), writing() as session:
        first = session.scalars(select(Viewing.id).order_by(Viewing.id)).first()
        session.execute(update(Viewing).where(Viewing.id == first).values(at=now() - timedelta(days=31)))
    assert "kept no longer: 1." in app.test_cli_runner().invoke(args=["maintenance"]).output
    assert len(kept(app)) == 1


def test_a_page_opens_while_others_write_for_long(
    app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be recorded is in the log, without a name."""
    case = clinician.open_case("SECRET-1")
    monkeypatch.setattr("app.database.BUSY_MILLISECONDS", 50)
    with app.app_context():
        engine = db.engine
        engine.dispose()
    with own_transaction(engine):
        assert clinician.get(f"/cases/{case}").status_code == 200
    assert "a viewing was not recorded" in caplog.text
    assert "SECRET-1" not in caplog.text


def test_refusals_are_recorded(app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that a role does not allow, once for a while, and an activation that did not come about."""
    for _number in range(3):
        assert clinician.get("/people/").status_code == 403
    assert recorded(app).count("access.refused") == 1
    refused = next(event for event in events(app) if event.action == "access.refused")
    assert refused.subject_id == "members.index"

    def unusable(*_: object) -> None:
        raise BundleUnusableError("It is damaged.")

    monkeypatch.setattr("app.registry.activation.activate", unusable)
    admin = Someone(app, "admin")
    admin.post(f"/models/{BUNDLE}/activate", {"reason": "better", "password": PASSWORD})
    assert recorded(app)[-1] == "model.refused"
