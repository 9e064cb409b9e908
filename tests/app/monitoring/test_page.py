"""The page of monitoring: what is counted in which week, when it warns, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import writing
from app.monitoring.weekly import WEEK, first_monday, model_weeks, monday_of, people_weeks
from app.records import Annotation, BlindReading, BlindReview, Case, Reading, Review, SmearImage, User, now
from smear.inference.card import Label
from tests.app.steps import Someone

LABELS = (Label("Pre", "Pre-B", "Blasts.", True), Label("Benign", "Benign", "None.", False))


def add_week(app: Flask, ago: int, outcomes: list[str], override: int = 0, bundle: str = "leukolens-field") -> None:
    """Add a case with images as they were read a number of weeks ago; the first suggestions were overridden."""
    with app.app_context(), writing() as session:
        user = session.scalars(select(User).where(User.email == "clinician@lab.example")).one()
        moment = now() - ago * WEEK
        case = Case(lab_id=user.lab_id, accession=f"{bundle}{ago}", accession_key=f"{bundle}{ago}", specimen="PB")
        case.created_by_id, case.created_at = user.id, moment
        session.add(case)
        session.flush()
        for place, outcome in enumerate(outcomes):
            image = SmearImage(
                case_id=case.id,
                position=place,
                display_name="x",
                source_sha256=f"{bundle}{ago}.{place}",
                pixels_sha256="0" * 64,
                thumbnail_sha256="0" * 64,
                width=1,
                height=1,
                added_at=moment,
                added_by_id=user.id,
            )
            session.add(image)
            session.flush()
            suggested = outcome == "suggested"
            session.add(reading(image, user, moment, outcome, "Pre" if suggested else None, bundle))
            session.add(reading(image, user, moment + timedelta(minutes=1), "unsure", None, "second-opinion"))
            if suggested:
                label = "Benign" if place < override else "Pre"
                row = Review(image_id=image.id, version=1, kind="label", label=label, made_by_id=user.id)
                session.add(row)


def reading(image: SmearImage, user: User, at: datetime, outcome: str, label: str | None, bundle: str) -> Reading:
    """Return a reading of an image."""
    return Reading(
        image_id=image.id,
        bundle=bundle,
        version="1.0",
        outcome=outcome,
        label=label,
        confidence=0.9 if label else None,
        result={},
        labels=LABELS,
        intended_use="",
        made_at=at,
        made_by_id=user.id,
    )


def usual(app: Flask, weeks: range, coverage: int = 18) -> None:
    """Add weeks of twenty images each."""
    for ago in weeks:
        add_week(app, ago, ["suggested"] * coverage + ["unfamiliar"] * (20 - coverage))


@pytest.fixture
def admin(someone: Callable[..., Someone]) -> Someone:
    """Return a signed-in admin."""
    return someone("admin")


def test_weeks_are_counted_by_model(app: Flask) -> None:
    """First readings alone, of this lab, and reviews of what was suggested."""
    add_week(app, 1, ["suggested", "suggested", "unsure", "not_gradable"], override=1)
    add_week(app, 1, ["unfamiliar"], bundle="another")
    with app.app_context():
        since = first_monday(4, now())
        first, second = model_weeks(1, since)
        assert (first.bundle, first.images, second.bundle, second.images) == ("another", 1, "leukolens-field", 4)
        assert second.monday == monday_of(now() - WEEK)
        assert (second.suggested, second.reviewed, second.overridden) == (2, 2, 1)
        assert second.labels == {"Pre": 2}
        assert len(second.cases) == 1
        assert model_weeks(2, since) == []
        assert model_weeks(1, now()) == []


def test_a_drop_of_coverage_warns_and_says_what_to_do(app: Flask, admin: Someone) -> None:
    """The newest week counts; once it is as usual again there is no warning."""
    usual(app, range(2, 12))
    page = admin.get("/monitoring/").text
    assert "is within them" in page
    add_week(app, 1, ["suggested"] * 4 + ["unfamiliar"] * 16)
    page = admin.get("/monitoring/").text
    assert "Gets a suggestion: 20 % of 20, beyond the limits; 90 % is usual." in page
    assert "Compare the newest fields with older ones" in page
    usual(app, range(1))
    assert "beyond the limits" not in admin.get("/monitoring/").text


def test_without_limits_nothing_is_said_of_the_newest_week(app: Flask, admin: Someone) -> None:
    """A lab of two weeks is not told that all is within limits that there are not."""
    usual(app, range(1, 3))
    page = admin.get("/monitoring/").text
    assert "No share has limits yet" in page
    assert "is within them" not in page


def test_a_week_beyond_a_limit_that_calls_for_nothing_is_told(app: Flask, admin: Someone) -> None:
    """More suggestions than ever are no reason to act, and not within the limits either."""
    usual(app, range(2, 12), coverage=8)
    add_week(app, 1, ["suggested"] * 20)
    page = admin.get("/monitoring/").text
    assert "in a direction that calls for nothing" in page
    assert "is within them" not in page
    assert "notice-differs" not in page


def test_overrides_warn_of_wrong_suggestions(app: Flask, admin: Someone) -> None:
    """What people name otherwise is judged among what they reviewed."""
    usual(app, range(2, 12))
    add_week(app, 1, ["suggested"] * 18 + ["unfamiliar"] * 2, override=9)
    page = admin.get("/monitoring/").text
    assert "Of reviewed suggestions people named something else: 50 % of 18" in page
    assert "activate the model before this one" in page


def test_the_csv_has_every_week_of_every_measure(app: Flask, admin: Someone) -> None:
    """With centre and limits, as numbers; it names nobody."""
    usual(app, range(1, 7))
    text = admin.get("/monitoring/weeks.csv?weeks=13").text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    coverage = [row for row in rows if row["measure"] == "suggested"]
    assert len(coverage) == 6
    assert {row["model"] for row in rows} == {"leukolens-field"}
    assert (coverage[0]["count"], coverage[0]["total"], coverage[0]["share"]) == ("18", "20", "0.9000")
    assert (coverage[0]["centre"], coverage[0]["upper_limit"], coverage[0]["cases"]) == ("0.9000", "1.0000", "1")
    assert "clinician" not in text.lower()


def test_what_people_name_is_watched_too(app: Flask, admin: Someone) -> None:
    """Blasts among leukocytes, by the label that holds; erythroblasts and taken back ones are beside."""
    add_week(app, 0, ["suggested"])
    with app.app_context(), writing() as session:
        image, user = session.scalars(select(SmearImage)).one(), session.scalars(select(User)).first()
        assert user
        said = [(1, 1, "blast"), (1, 2, "lymphocyte"), (2, 1, "ALL"), (3, 1, "erythroblast"), (4, 1, None)]
        for number, version, label in said:
            kind = "label" if label else "cleared"
            row = Annotation(image_id=image.id, number=number, version=version, kind=kind, label=label)
            row.made_by_id = user.id
            session.add(row)
    with app.app_context():
        (week,) = people_weeks(1, first_monday(4, now()))
        assert (week.named, week.blasts) == (2, 1)
    assert "Of leukocytes that people named: blasts" in admin.get("/monitoring/").text


def test_drawn_fields_count_in_no_share_of_people(app: Flask) -> None:
    """Neither a cell that is named in one, nor two readers of it, nor a suggestion on it that somebody overrode."""
    add_week(app, 1, ["suggested", "suggested"], override=2)
    with app.app_context(), writing() as session:
        photographed, drawn = session.scalars(select(SmearImage).order_by(SmearImage.position)).all()
        drawn.drawn = True
        user_id, case_id = photographed.added_by_id, photographed.case_id
        reading_blind = BlindReading(case_id=case_id, reader_id=user_id, asked_by_id=user_id, state="done")
        session.add(reading_blind)
        session.flush()
        for image in (photographed, drawn):
            review = session.scalars(select(Review).where(Review.image_id == image.id)).one()
            session.add(
                BlindReview(
                    blind_reading_id=reading_blind.id,
                    image_id=image.id,
                    first_review_id=review.id,
                    kind="label",
                    label="Benign",
                )
            )
            session.add(
                Annotation(image_id=image.id, number=1, version=1, kind="label", label="blast", made_by_id=user_id)
            )
    with app.app_context():
        since = first_monday(4, now())
        assert [(week.named, week.pairs, week.agreed) for week in people_weeks(1, since)] == [(1, 1, 1)]
        assert [(week.reviewed, week.overridden) for week in model_weeks(1, since)] == [(1, 1)]


@pytest.mark.parametrize(("query", "status"), [("weeks=52", 200), ("weeks=1", 404), ("weeks=x", 404), ("model=x", 200)])
def test_an_address_that_nobody_wrote(admin: Someone, query: str, status: int) -> None:
    """A span that is none is not found; an unknown model is the active one."""
    assert admin.get(f"/monitoring/?{query}").status_code == status
