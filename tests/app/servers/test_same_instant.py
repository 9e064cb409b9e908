"""Two people at two servers of one PostgreSQL, in the same instant: nothing is lost, and no rule is passed by."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app import database
from app.database import db, writing
from app.records import AuditEvent, Case, Lab, Review, Signature, SmearImage, User
from tests.app.servers.conftest import at_once
from tests.app.steps import PASSWORD, Someone, id_of, review_all

pytestmark = pytest.mark.faults

ROUNDS = 6
Servers = tuple[Flask, Flask]


def pictures(field: bytes, blank: bytes, count: int) -> list[bytes]:
    """Return different files of pictures: what follows a PNG's end is read by nobody."""
    return [(field, blank)[number % 2] + bytes([number]) for number in range(count)]


def frozen(someone: Someone) -> Someone:
    """Let a browser keep its token, so that a step is one request."""
    token = someone.token()
    someone.token = lambda: token  # type: ignore[method-assign]
    return someone


def test_no_review_is_lost_from_the_counts(servers: Servers, field: bytes, blank: bytes) -> None:
    """Each reviews another image of a case; both are counted, and the chain of the ledger has both."""
    first, second = (frozen(Someone(app, name)) for app, name in zip(servers, ("clinician", "second"), strict=True))
    case = first.open_case()
    images = [first.upload(case, data).json["id"] for data in pictures(field, blank, 2 * ROUNDS)]

    def review(someone: Someone, image: str) -> int:
        data = {"choice": "uncertain", "seen": "0", "comment": ""}
        return someone.post(f"/cases/{case}/images/{image}/reviews", data).status_code

    for one, other in zip(images[::2], images[1::2], strict=True):
        assert at_once(lambda: review(first, one), lambda: review(second, other)) == [302, 302]  # noqa: B023
    with servers[0].app_context():
        row = db.session.get_one(Case, case)
        assert (row.reviewed_count, row.unresolved_count) == (2 * ROUNDS, 2 * ROUNDS)
        numbers = db.session.scalars(select(AuditEvent.id).order_by(AuditEvent.id)).all()
        assert numbers == list(range(1, len(numbers) + 1))


def test_one_of_two_reviews_of_an_image_is_told_of_the_other(servers: Servers, field: bytes) -> None:
    """Never two reviews on top of the same one."""
    first, second = (frozen(Someone(app, name)) for app, name in zip(servers, ("clinician", "second"), strict=True))
    case = first.open_case()
    image = first.upload(case, field).json["id"]
    for turn in range(ROUNDS):
        data = {"choice": "not_gradable", "seen": str(turn), "comment": ""}
        steps = [
            lambda who=who, data=data: who.post(f"/cases/{case}/images/{image}/reviews", data).status_code  # type: ignore[misc]
            for who in (first, second)
        ]
        assert sorted(at_once(*steps)) == [302, 409]
    with servers[0].app_context():
        assert db.session.scalar(select(func.count()).select_from(Review)) == ROUNDS


def test_no_image_slips_into_a_case_that_is_signed(servers: Servers, field: bytes, blank: bytes) -> None:
    """Either the image was there first, and the signature is refused; or it is refused."""
    signer, uploader = (frozen(Someone(app, name)) for app, name in zip(servers, ("clinician", "second"), strict=True))
    files = pictures(field, blank, ROUNDS + 1)
    for turn in range(ROUNDS):
        case = signer.open_case(f"S-{turn}")
        signer.upload(case, files[-1])
        review_all(signer, case)
        seen = re.search(r'name="seen" value="(\w+)"', signer.get(f"/cases/{case}/sign").text)
        assert seen
        data = {"diagnosis": "insufficient", "password": PASSWORD, "seen": seen[1]}
        at_once(
            lambda: signer.post(f"/cases/{case}/sign", data).status_code,  # noqa: B023
            lambda: uploader.upload(case, files[turn]).status_code,  # noqa: B023
        )
        with servers[0].app_context():
            row = db.session.get_one(Case, case)
            signature = db.session.scalar(select(Signature).where(Signature.case_id == case))
            there = set(db.session.scalars(select(SmearImage.id).where(SmearImage.case_id == case)))
            assert row.image_count == len(there)
            assert (row.state == "signed") == (signature is not None)
            if signature is not None:
                assert {image["id"] for image in signature.content["images"]} == there


def test_a_lab_keeps_an_admin(servers: Servers) -> None:
    """Two admins take each other's role away in the same instant: one of them is told that they are the last."""
    admin = frozen(Someone(servers[0], "admin"))
    colleague = id_of(servers[0], "second")
    admin.post(f"/people/{colleague}/role", {"post": "admin"})
    other = frozen(Someone(servers[1], "second"))
    own = id_of(servers[0], "admin")
    for _turn in range(ROUNDS):
        at_once(
            lambda: admin.post(f"/people/{colleague}/role", {"post": "clinician"}),
            lambda: other.post(f"/people/{own}/role", {"post": "clinician"}),
        )
        with servers[0].app_context():
            lab = db.session.scalar(select(User.lab_id).where(User.id == own))
            people = db.session.scalars(select(User).where(User.lab_id == lab, User.active)).all()
            admins = [person.id for person in people if person.is_admin]
        assert admins
        # Who was left makes the other an admin again.
        left = admin if own in admins else other
        for person in (own, colleague):
            left.post(f"/people/{person}/role", {"post": "admin"})


def test_an_accession_is_given_once(servers: Servers) -> None:
    """One of two cases is opened, the other is told that it is there."""
    people = [frozen(Someone(app, "clinician")) for app in servers]
    data = {"specimen": "PB", "stain": "", "notes": "", "confirmed": "yes"}
    for turn in range(ROUNDS):
        given = at_once(
            *(
                lambda who=who, turn=turn: who.post("/cases/new", data | {"accession": f"T-{turn}"}, json=True)  # type: ignore[misc]
                for who in people
            )
        )
        assert sorted(answer.status_code for answer in given) == [201, 400]


def test_what_the_database_refuses_is_told(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rule of the application is passed by, the database's own holds, and it is a sentence."""
    monkeypatch.setattr("app.cases.details.refuse_taken", lambda *_: None)
    clinician = Someone(servers[0], "clinician")
    clinician.open_case("T-1")
    answer = clinician.post(
        "/cases/new", {"accession": "T-1", "specimen": "PB", "notes": "", "confirmed": "yes"}, json=True
    )
    assert answer.status_code == 409
    assert "Somebody else changed the same thing" in answer.json["error"]


def test_a_writer_waits_so_long_and_is_told(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody on another server who does not end does not stop this one for good."""
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 100)
    holder, server = make_app(), make_app()
    clinician = frozen(Someone(server, "clinician"))
    with holder.app_context(), writing() as session:
        session.execute(text("SELECT 1"))
        answer = clinician.post("/cases/new", {"accession": "T-1", "specimen": "PB", "confirmed": "yes"}, json=True)
    assert answer.status_code == 503
    assert "Others are writing just now" in answer.json["error"]
    assert clinician.open_case("T-1")


def test_whoever_writes_sees_what_was_written_before(make_app: Callable[..., Flask], database_url: str) -> None:
    """Also where the server's own default is one snapshot for a whole transaction."""
    app = make_app()
    with app.app_context():
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = db.engine.url.database
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
        db.engine.dispose()
        before = db.session.scalar(select(func.count(Lab.id)))
        db.session.rollback()

    def add(number: int) -> OperationalError | None:
        with app.app_context(), writing() as session:
            count = session.scalar(select(func.count(Lab.id)))
            session.add(Lab(name=f"{number}-{count}"))

    assert at_once(*(lambda number=number: add(number) for number in range(8))) == [None] * 8  # type: ignore[misc]
    with app.app_context():
        names = db.session.scalars(select(Lab.name).where(Lab.name.like("_-%"))).all()
    assert sorted(int(name.split("-")[1]) for name in names) == list(range(before, before + 8))
