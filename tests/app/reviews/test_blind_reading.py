"""Blind second readings: what the second reader must not see, and how the two are compared."""

from __future__ import annotations

import html
import json
import re

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError

from app.database import db, writing
from app.records import Annotation, BlindReview, Case, Reading, Review, SmearImage, User
from app.reviews.blind_reading import finished, pairs_of
from smear.statistics import agreement
from tests.app.reviewed.steps import name_cell, review, whole_cells
from tests.app.steps import Someone, change, events, id_of, just_before_it_writes, reading_of, review_all, sign


@pytest.fixture
def case(app: Flask, clinician: Someone, field: bytes) -> str:
    """Return a case of two images with a suggestion that the clinician reviewed otherwise."""
    case = clinician.open_case("A-1", notes="from the ward")
    for number in range(2):
        image = clinician.upload(case, field + b" " * number).json["id"]
        change(app, image, "suggested", reading_of(app, image).labels[2].id)
    review_all(clinician, case, "other")
    return case


def ask(app: Flask, clinician: Someone, case: str, reader: str = "admin") -> str:
    """Ask somebody to read a case blind and return what the page says afterwards."""
    with app.app_context():
        number = db.session.scalars(select(User.id).where(User.email == f"{reader}@lab.example")).one()
    assert clinician.post(f"/cases/{case}/blind/ask", {"reader": number}).status_code == 302
    return clinician.get(f"/cases/{case}").text


def read_all(admin: Someone, case: str, choices: list[str]) -> list[str]:
    """Give blind verdicts in order and return where each led."""
    led = []
    for choice in choices:
        address = admin.get(f"/cases/{case}/blind").location
        led.append(admin.post(address, {"choice": choice, "comment": "seen blind"}).location)
    return led


def test_the_second_reader_sees_nothing_of_it(app: Flask, clinician: Someone, case: str) -> None:
    """Neither suggestion nor review: not on the pages, not in the pictures, not in lists, not by filters."""
    assert "second time, blind" in ask(app, clinician, case)
    admin = Someone(app, "admin")
    begin = f"/cases/{case}/blind"
    with app.app_context():
        readings = list(db.session.scalars(select(Reading)))
        urls = [f"/cases/{case}/images/{reading.image_id}" for reading in readings]
    for path in (f"/cases/{case}", f"/cases/{case}/details", f"/cases/{case}/sign", f"/cases/{case}/versions/1", *urls):
        answer = admin.get(path)
        assert (answer.status_code, answer.location) == (302, begin), path
    assert admin.post(f"{urls[0]}/reviews", {"choice": "uncertain"}).location == begin
    for reading in readings:
        for picture in ("views/original", f"overlay/{reading.labels[0].id}"):
            assert admin.get(f"/readings/{reading.id}/{picture}").status_code == 404
        assert admin.get(f"/images/{reading.image_id}/pixels").status_code == 200
        page = admin.get(f"{begin}/{reading.image_id}").text
        assert "suggestion suggestion-" not in page
        assert reading.id not in page
        assert "as shown" not in page
        assert "aria-pressed" not in page
        assert "0.94" not in page
        stage = json.loads(html.unescape(re.findall(r'data-stage="(.+?)"', page)[0]))
        assert [stage[name] for name in ("boxes", "gone", "parts", "maps")] == [[], [], [], {}]
    page = admin.get("/").text
    assert "your blind second reading" in page
    assert all(words not in page for words in ("0.94", "differ</span>", "in review C", "× 2"))
    for query in ("outcome=suggested", "differs=yes", "sort=uncertainty"):
        assert case not in admin.get(f"/?{query}").text
    assert admin.get("/worklist.json").json == []
    assert case in clinician.get("/?differs=yes").text


def test_both_see_all_of_it_afterwards(app: Flask, clinician: Someone, case: str) -> None:
    """The last verdict opens the case; before, the first reader sees how many and not what."""
    ask(app, clinician, case)
    admin = Someone(app, "admin")
    label = reading_of(app, re.findall(r"/images/(\w+)/thumb", clinician.get(f"/cases/{case}").text)[0]).labels[0]
    led = read_all(admin, case, [f"label:{label.id}"])
    assert led == [f"/cases/{case}/blind"]
    page = clinician.get(f"/cases/{case}").text
    assert "1 of 2 images so far" in page
    assert "seen blind" not in page
    assert read_all(admin, case, ["other"]) == [f"/cases/{case}"]
    for someone in (admin, clinician):
        page = someone.get(f"/cases/{case}").text
        assert "agrees on 1 of 2 images" in page
        assert "seen blind" in page
        assert label.name in page
    table = clinician.get("/agreement").text
    assert "50.0 %" in table
    assert f'<th scope="row">{label.name}</th>' in table
    assert '<th scope="row">Something else</th>' in table
    assert admin.get(f"/cases/{case}/blind").status_code == 404
    assert [event.action for event in events(app)][-2:] == ["blind.reviewed", "blind.reviewed"]


def test_drawings_count_in_no_agreement(app: Flask, clinician: Someone, case: str) -> None:
    """They are no patient's, as the page says."""
    ask(app, clinician, case)
    read_all(Someone(app, "admin"), case, ["other", "uncertain"])
    with app.app_context():
        lab = db.session.get_one(Case, case).lab_id
        assert len(pairs_of(lab)) == 2
        with writing() as session:
            session.get_one(Case, case).images[0].drawn = True
        assert len(pairs_of(lab)) == 1


def test_signing_waits_for_the_second_reader(app: Flask, clinician: Someone, case: str) -> None:
    """Until they are done, or the clinician does without them; then their verdicts stay hidden."""
    ask(app, clinician, case)
    admin = Someone(app, "admin")
    read_all(admin, case, ["other"])
    answer = sign(clinician, case)
    assert answer.status_code == 409
    assert "Admin is reading this case a second time" in answer.text
    address = admin.get(f"/cases/{case}/blind").location
    clinician.post(f"/cases/{case}/blind/withdraw")
    assert admin.post(address, {"choice": "other", "comment": "x"}).status_code == 404
    assert admin.get(f"/cases/{case}").status_code == 200
    assert "seen blind" not in admin.get(f"/cases/{case}").text
    assert sign(clinician, case).status_code == 302
    assert "No case has been read blind" in clinician.get("/agreement").text


@pytest.mark.parametrize("reader", ["clinician", "stranger"])
def test_only_a_fresh_colleague_is_asked(app: Flask, clinician: Someone, case: str, reader: str) -> None:
    """Nobody of another lab, and nobody who has reviewed in the case."""
    assert "who has reviewed nothing in this case" in ask(app, clinician, case, reader)
    assert clinician.post(f"/cases/{case}/blind/ask", {"reader": "x"}).status_code == 302
    assert "second time, blind" not in clinician.get(f"/cases/{case}").text


def test_who_was_shown_all_of_it_is_blind_no_more(app: Flask, clinician: Someone, case: str) -> None:
    """A second reading by the same person would agree with what they were shown."""
    assert 'value="' in ask(app, clinician, case)
    read_all(Someone(app, "admin"), case, ["other", "uncertain"])
    page = ask(app, clinician, case)
    assert "has not read it blind" in page
    offered = page.split('name="reader"')[1].split("</select>")[0]
    assert ("Admin" in offered, "Second" in offered) == (False, True)
    ask(app, clinician, case, "second")
    assert Someone(app, "second").get(f"/cases/{case}/blind").status_code == 302


def test_lists_for_admins_leave_out_what_was_said_of_the_case(app: Flask, clinician: Someone, case: str) -> None:
    """Neither the labels that are left out of exports nor the ledger tell a blind reader what the first one saw."""
    with app.app_context():
        images = db.session.scalars(select(SmearImage.id).where(SmearImage.case_id == case)).all()
        names = {label.id: label.name for label in reading_of(app, images[0]).labels}
    for image, label in zip(images, names, strict=False):
        review(clinician, case, image, f"label:{label}")
    name_cell(clinician, case, images[0], next(whole_cells(app, images[0])), "label:basophil")
    admin = Someone(app, "admin")
    shown = [f"/cases/{case}/images/{images[0]}", "label: basophil"]
    assert shown[0] in admin.get("/reviewed/").text
    assert shown[1] in admin.get("/audit/").text
    ask(app, clinician, case)
    assert shown[0] not in admin.get("/reviewed/").text
    assert shown[1] not in admin.get("/audit/").text
    assert "blind second reading asked for" in admin.get("/audit/").text


def test_a_blind_reader_says_nothing_but_on_the_blind_pages(
    app: Flask, clinician: Someone, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even with a page that was open before they were asked: theirs would be the review that theirs is held to."""
    with app.app_context():
        image = db.session.scalars(select(SmearImage.id).where(SmearImage.case_id == case)).first()
    admin = Someone(app, "admin")
    for module, address, data in (
        ("app.reviews.reviews", f"/cases/{case}/images/{image}/reviews", {"choice": "uncertain", "seen": "1"}),
        ("app.cells.annotations", f"/cases/{case}/cells/annotations", {"choice": "other", "cell": f"{image}.1.0"}),
    ):
        just_before_it_writes(monkeypatch, module, lambda: ask(app, clinician, case))
        answer = admin.post(address, data, json=True)
        assert (answer.status_code, answer.location) == (302, f"/cases/{case}/blind")
        clinician.post(f"/cases/{case}/blind/withdraw")
    with app.app_context():
        people = set(db.session.scalars(select(Review.made_by_id)))
        assert people == {id_of(app, "clinician")}
        assert db.session.scalars(select(Annotation)).all() == []


def test_asking_waits_for_the_first_reader(app: Flask, clinician: Someone, case: str, blank: bytes) -> None:
    """Every image is reviewed first; one second reader at a time; a signed case takes none."""
    image = clinician.upload(case, blank).json
    assert "Review every image first" in ask(app, clinician, case)
    clinician.post(f"{image['url']}/reviews", {"choice": "not_gradable"})
    ask(app, clinician, case)
    assert "already" in ask(app, clinician, case)
    clinician.post(f"/cases/{case}/blind/withdraw")
    sign(clinician, case)
    assert "Amend it first" in ask(app, clinician, case)


def test_a_verdict_is_given_once(app: Flask, clinician: Someone, case: str) -> None:
    """A second one is refused with a sentence, as is none; the database keeps them."""
    ask(app, clinician, case)
    admin = Someone(app, "admin")
    address = admin.get(f"/cases/{case}/blind").location
    assert "Choose what you see" in admin.post(address, {"choice": "label:Dragon", "comment": "mine"}).text
    assert "mine</textarea>" in admin.post(address, {"choice": "", "comment": "mine"}).text
    assert admin.post(address, {"choice": "uncertain"}).status_code == 302
    answer = admin.post(address, {"choice": "not_gradable"})
    assert answer.status_code == 409
    assert "already" in answer.text
    with app.app_context(), pytest.raises(DatabaseError, match="rows are never"), writing() as session:
        session.execute(update(BlindReview).values(kind="other"))


def test_a_reading_ends_where_the_image_that_was_left_is_removed(
    app: Flask, clinician: Someone, case: str, blank: bytes
) -> None:
    """It came after the reading was asked for; its removal is not to hold the two verdicts back for good."""
    ask(app, clinician, case)
    late = clinician.upload(case, blank).json["id"]
    admin = Someone(app, "admin")
    read_all(admin, case, ["other", "uncertain"])
    assert "is reading this case a second time" in clinician.get(f"/cases/{case}/sign").text
    assert clinician.post(f"/cases/{case}/images/{late}/remove", {"reason": "wrong_case"}).status_code == 302
    assert "is reading this case a second time" not in clinician.get(f"/cases/{case}/sign").text
    with app.app_context():
        (reading,) = finished(case)
        assert len(reading.reviews) == 2


def test_nobody_else_reaches_the_blind_pages(app: Flask, clinician: Someone, case: str) -> None:
    """Not the first reader, not another lab."""
    ask(app, clinician, case)
    for someone in (clinician, Someone(app, "stranger")):
        assert someone.get(f"/cases/{case}/blind").status_code == 404
    with app.app_context():
        assert db.session.get_one(Case, case).state == "in_review"


def test_kappa_is_cohens() -> None:
    """The worked example: 0.70 observed, 0.50 by chance, kappa 0.40; and the ends of the scale."""
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    found = agreement(pairs)
    assert found
    assert found.kappa == pytest.approx(0.4)
    assert found.observed == pytest.approx(0.7)
    perfect = agreement([("a", "a"), ("b", "b")])
    assert perfect
    assert perfect.kappa == pytest.approx(1)
    opposite = agreement([("a", "b"), ("b", "a")])
    assert opposite
    assert opposite.kappa == pytest.approx(-1)


def test_kappa_is_scikit_learns() -> None:
    """On reviews of many kinds the formula gives what the usual library gives."""
    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    generator = np.random.default_rng(5)
    firsts = generator.choice(["a", "b", "c", "d"], 400)
    seconds = np.where(generator.random(400) < 0.6, firsts, generator.choice(["a", "b", "c", "e"], 400))
    found = agreement(list(zip(firsts.tolist(), seconds.tolist(), strict=True)))
    assert found
    assert found.kappa == pytest.approx(cohen_kappa_score(firsts, seconds))
