"""Signing: what stands in its way, what exactly is signed, and how a signed case is amended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from app.database import db, writing
from app.records import Amendment, Case, Signature
from app.signing.signature import digest
from tests.app.steps import PASSWORD, Someone, events, review_all, sign, take_role


def stored(app: Flask) -> list[Signature]:
    """Return every signature in order."""
    with app.app_context():
        return list(db.session.scalars(select(Signature).order_by(Signature.version)))


def state(app: Flask, case: str) -> tuple[str, int]:
    """Return how far a case is, and its version."""
    with app.app_context():
        row = db.session.get_one(Case, case)
        return row.state, row.version


def test_a_case_is_signed(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """Diagnosis, images, reviews and suggestions are signed as they are, with a hash that anyone can compute."""
    page = clinician.get(f"/cases/{reviewed_case}/sign").text
    assert " checked" not in page
    answer = sign(clinician, reviewed_case, remark="please repeat")
    assert answer.status_code == 302
    (row,) = stored(app)
    assert state(app, reviewed_case) == ("signed", 1)
    assert digest(row.content) == row.sha256
    assert row.content["diagnosis"]["code"] == "insufficient"
    assert row.content["diagnosis"]["remark"] == "please repeat"
    assert [image["review"]["kind"] for image in row.content["images"]] == ["not_gradable"] * 2
    assert all(image["reading"]["bundle"] and image["reading"]["version"] for image in row.content["images"])
    event = events(app)[-1]
    assert (event.action, event.details["sha256"]) == ("case.signed", row.sha256)
    page = clinician.get(f"/cases/{reviewed_case}").text
    assert "Material not sufficient" in page
    assert "Add images" not in page
    assert "signed C" in re.sub(r"\s+", " ", clinician.get("/").text)


@pytest.mark.parametrize(
    ("images", "choices", "told", "at"),
    [
        (0, [], "This case has no images", []),
        (2, [], "2 images are not reviewed yet: 1, 2.", [1]),
        (2, ["not_gradable"], "1 image is not reviewed yet: 2.", [2]),
        (2, ["uncertain", "not_gradable"], "1 image is still uncertain: 1.", [1]),
        (2, ["uncertain"], "1 image is not reviewed yet: 2. 1 image is still uncertain: 1.", [2, 1]),
    ],
)
def test_signing_waits_for_every_image(
    app: Flask, clinician: Someone, field: bytes, images: int, choices: list[str], told: str, at: list[int]
) -> None:
    """A sentence each, and a way to the image, on the page and in answer to a form that was sent all the same."""
    case = clinician.open_case("A-1")
    urls = [clinician.upload(case, field + b" " * number).json["url"] for number in range(images)]
    for url, choice in zip(urls, choices, strict=False):
        clinician.post(f"{url}/reviews", {"choice": choice})
    page = clinician.get(f"/cases/{case}/sign").text
    assert all(sentence + "." in page for sentence in told.split(". ")[:-1])
    ways = re.findall(r'href="([^"]+)">Review image (\d)<', page)
    assert ways == [(urls[place - 1], str(place)) for place in at]
    answer = sign(clinician, case, remark="please repeat")
    assert answer.status_code == 409
    assert told in answer.text
    assert "please repeat</textarea>" in answer.text  # nobody types it twice
    assert stored(app) == []


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"diagnosis": ""}, 400, "Nothing is chosen for you"),
        ({"diagnosis": "label:Dragon"}, 400, "Nothing is chosen for you"),
        ({"diagnosis": "other", "other": " "}, 400, "Write the other diagnosis"),
        ({"diagnosis": "other", "other": "x" * 201}, 400, "Write the other diagnosis"),
        ({"remark": "y" * 100_000}, 400, "100000 characters"),
        ({"password": "wrong"}, 403, "The password is not right"),
        ({"password": ""}, 403, "The password is not right"),
        ({"seen": "0" * 64}, 409, "changed while this page was open"),
    ],
)
def test_a_refused_signature_loses_nothing(
    app: Flask, clinician: Someone, reviewed_case: str, fields: dict[str, str], status: int, told: str
) -> None:
    """The page says why, and what was typed is still there; the password is not."""
    answer = sign(clinician, reviewed_case, **({"remark": "please repeat"} | fields))
    assert answer.status_code == status
    assert told in answer.text
    assert fields.get("remark", "please repeat") + "</textarea>" in answer.text
    assert PASSWORD not in answer.text
    assert stored(app) == []
    assert state(app, reviewed_case)[0] == "in_review"


def test_a_review_in_between_is_told(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """What is signed is what the page showed."""
    page = clinician.get(f"/cases/{reviewed_case}/sign").text
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    review_all(Someone(app, "admin"), reviewed_case, "other")
    answer = clinician.post(
        f"/cases/{reviewed_case}/sign",
        {"diagnosis": "insufficient", "password": PASSWORD, "seen": seen[1], "remark": "mine"},
    )
    assert answer.status_code == 409
    assert "mine</textarea>" in answer.text
    assert stored(app) == []


def test_the_role_is_checked_when_it_is_signed(
    app: Flask, clinician: Someone, reviewed_case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken away before the form is sent, or in the very moment between password and signature: nothing is signed."""

    def right_and_gone(_password: str) -> bool:
        take_role(app, "clinician")
        return True

    monkeypatch.setattr("app.signing.views.password_is_right", right_and_gone)
    answer = sign(clinician, reviewed_case)
    assert answer.status_code == 409
    assert "Your role was taken away meanwhile" in answer.text
    assert clinician.post(f"/cases/{reviewed_case}/sign", {"diagnosis": "insufficient"}).status_code == 403
    assert stored(app) == []


def test_a_signed_case_does_not_change(app: Flask, clinician: Someone, reviewed_case: str, field: bytes) -> None:
    """No image comes or goes and no review is added, by page or by script; each answer says what to do."""
    url = re.search(rf'/cases/{reviewed_case}/images/\w+(?=")', clinician.get(f"/cases/{reviewed_case}").text)
    assert url
    sign(clinician, reviewed_case)
    assert clinician.upload(reviewed_case, field + b"  ").status_code == 409
    assert "Amend it first" in clinician.upload(reviewed_case, field + b"  ").json["error"]
    assert clinician.post(f"/cases/{reviewed_case}/drawings", {"kind": "blank"}, json=True).status_code == 409
    assert clinician.post(f"/cases/{reviewed_case}/drawings", {"kind": "blank"}).status_code == 302
    assert clinician.post(f"{url[0]}/remove", json=True).status_code == 409
    answer = clinician.post(f"{url[0]}/reviews", {"choice": "uncertain", "seen": "1", "comment": "late"})
    assert answer.status_code == 400
    assert "Amend it first" in answer.text
    assert sign(clinician, reviewed_case).status_code == 409
    assert len(stored(app)) == 1


def test_amending_makes_a_new_version(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """With a reason and a review of its own; the first version stays as it was."""
    sign(clinician, reviewed_case)
    (first,) = stored(app)
    assert clinician.post(f"/cases/{reviewed_case}/amend", {"reason": " "}).status_code == 302
    assert "Write why the case is amended" in clinician.get(f"/cases/{reviewed_case}").text
    assert state(app, reviewed_case) == ("signed", 1)
    clinician.post(f"/cases/{reviewed_case}/amend", {"reason": "flow cytometry came"})
    assert state(app, reviewed_case) == ("in_review", 2)
    assert "flow cytometry came" in clinician.get(f"/cases/{reviewed_case}").text
    clinician.post(f"/cases/{reviewed_case}/amend", {"reason": "again"})
    assert "open already" in clinician.get(f"/cases/{reviewed_case}").text
    review_all(clinician, reviewed_case, "other")
    assert sign(clinician, reviewed_case, diagnosis="other", other="AML").status_code == 302
    one, two = stored(app)
    assert (one.content, one.sha256) == (first.content, first.sha256)
    assert two.content["reason"] == "flow cytometry came"
    assert two.content["diagnosis"]["name"] == "AML"
    page = clinician.get(f"/cases/{reviewed_case}").text
    assert "AML" in page
    assert "Material not sufficient" in page
    assert [event.action for event in events(app)][-3:] == ["image.reviewed", "image.reviewed", "case.signed"]


@pytest.mark.parametrize("record", [Signature, Amendment])
def test_the_database_refuses_to_change_what_was_signed(
    app: Flask, clinician: Someone, reviewed_case: str, record: Any
) -> None:
    """Signatures and amendments are rows for good."""
    sign(clinician, reviewed_case)
    clinician.post(f"/cases/{reviewed_case}/amend", {"reason": "typo"})
    for statement in (update(record).values(version=9), delete(record)):
        with app.app_context(), pytest.raises(DatabaseError, match="rows are never"), writing() as session:
            session.execute(statement)


def test_wrong_passwords_at_signing_are_limited(app: Flask, field: bytes) -> None:
    """Guessing is stopped, and what was typed stays; forms that fail for other reasons do not count."""
    clinician = Someone(app, "clinician")
    case = clinician.open_case()
    clinician.upload(case, field)
    review_all(clinician, case)
    for _ in range(7):
        assert sign(clinician, case, diagnosis="").status_code == 400
    for _ in range(5):
        assert sign(clinician, case, password="wrong").status_code == 403
    refused = sign(clinician, case, remark="typed with care")
    assert refused.status_code == 429
    assert "typed with care" in refused.text
    assert int(refused.headers["Retry-After"]) > 0
    assert stored(app) == []
