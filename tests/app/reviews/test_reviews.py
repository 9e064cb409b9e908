"""Reviews: what a person sees in an image, kept as rows that nobody writes over."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from app.database import db, writing
from app.records import Case, Review
from smear.inference.card import Label
from tests.app.steps import Someone, change, events, reading_of, take_role


@pytest.fixture
def image(clinician: Someone, field: bytes) -> dict[str, Any]:
    """Return an uploaded field of a case of its own."""
    return dict(clinician.upload(clinician.open_case("A-1"), field).json)


def case_of(app: Flask, accession: str = "A-1") -> Case:
    """Return a case as it is stored."""
    with app.app_context():
        return db.session.scalars(select(Case).where(Case.accession == accession)).one()


def reviews(app: Flask) -> list[tuple[int, str, str | None, str]]:
    """Return version, verdict, label and comment of every review."""
    with app.app_context():
        return [(r.version, r.kind, r.label, r.comment) for r in db.session.scalars(select(Review).order_by("version"))]


def buttons(page: str) -> dict[str, str]:
    """Return the choices of the page with their keys."""
    return dict(re.findall(r'name="choice" value="([^"]+)"[^>]*data-key="([^"]+)"', page))


def test_nothing_is_chosen_before_a_person_chooses(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """Every label has a button and a key, in the card's order; none is pressed, whatever is suggested."""
    labels = reading_of(app, image["id"]).labels
    change(app, image["id"], "suggested", labels[2].id)
    page = clinician.get(image["url"]).text
    expected = {f"label:{label.id}": str(place) for place, label in enumerate(labels, 1)}
    assert buttons(page) == expected | {"uncertain": "u", "not_gradable": "n", "other": "o"}
    assert "aria-pressed" not in page
    assert " checked" not in page.split('class="review"')[1]
    assert case_of(app).state == "unreviewed"


def test_a_review_is_kept_and_shown(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """The choice has its solid outline, its author and its comment; the case is in review."""
    label = reading_of(app, image["id"]).labels[1]
    answer = clinician.post(f"{image['url']}/reviews", {"choice": f"label:{label.id}", "seen": 0, "comment": " two "})
    assert answer.status_code == 302
    assert reviews(app) == [(1, "label", label.id, "two")]
    page = clinician.get(image["url"]).text
    assert page.count('aria-pressed="true"') == 1
    assert "Clinician" in page
    assert "two" in page
    case = case_of(app)
    assert (case.state, case.reviewed_count, case.unresolved_count) == ("in_review", 1, 0)
    assert "in review C" in re.sub(r"\s+", " ", clinician.get("/").text)
    assert events(app)[-1].action == "image.reviewed"


def test_the_next_image_without_review_opens(
    app: Flask, clinician: Someone, image: dict[str, Any], blank: bytes
) -> None:
    """Onward to the next, around to the first, and to the case when all are done; or not, as the person likes."""
    case = case_of(app).id
    second, third = (clinician.upload(case, data).json for data in (blank, blank + b" "))
    at = [one["url"] for one in (image, second, third)]
    assert clinician.post(f"{at[1]}/reviews", {"choice": "not_gradable"}).location == at[2]
    assert clinician.post(f"{at[2]}/reviews", {"choice": "not_gradable"}).location == at[0]
    assert clinician.post(f"{at[0]}/reviews", {"choice": "uncertain"}).location == f"/cases/{case}"
    assert "Every image of this case is reviewed" in clinician.get(f"/cases/{case}").text
    clinician.post("/account/preferences", {})
    assert clinician.post(f"{at[0]}/reviews", {"choice": "not_gradable", "seen": 1}).location == at[0]
    clinician.post("/account/preferences", {"opens_next": "on"})
    assert clinician.post(f"{at[0]}/reviews", {"choice": "uncertain", "seen": 2}).location == f"/cases/{case}"


def test_of_two_at_once_the_second_is_told(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """Nothing is written over; what the second typed is on the page, and may be sent after the first."""
    label = reading_of(app, image["id"]).labels[0]
    admin = Someone(app, "admin")
    assert (
        clinician.post(f"{image['url']}/reviews", {"choice": "uncertain", "seen": 0, "comment": "pale"}).status_code
        == 302
    )
    data = {"choice": f"label:{label.id}", "seen": 0, "comment": "Auer <rods>?"}
    answer = admin.post(f"{image['url']}/reviews", data)
    assert answer.status_code == 409
    assert "Clinician" in answer.text
    assert "pale" in answer.text
    assert "Auer &lt;rods&gt;?" in answer.text
    assert len(reviews(app)) == 1
    again = dict(re.findall(r'type="hidden" name="(seen|choice)" value="([^"]*)"', answer.text))
    assert again == {"seen": "1", "choice": f"label:{label.id}"}
    assert admin.post(f"{image['url']}/reviews", again | {"comment": "Auer <rods>?"}).status_code == 302
    assert [(version, verdict) for version, verdict, *_ in reviews(app)] == [(1, "uncertain"), (2, "label")]
    page = clinician.get(image["url"]).text
    assert "2 reviews" in page
    assert "pale" in page


def test_a_button_pressed_twice_is_one_review(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """The answer to the second is that of the first; another choice of the same person is told as anybody's."""
    data = {"choice": "uncertain", "seen": 0, "comment": "pale"}
    first, second = (clinician.post(f"{image['url']}/reviews", data) for _ in range(2))
    assert (second.status_code, second.location) == (first.status_code, first.location)
    assert len(reviews(app)) == 1
    assert clinician.post(f"{image['url']}/reviews", data | {"comment": "dark"}).status_code == 409
    assert Someone(app, "admin").post(f"{image['url']}/reviews", data).status_code == 409


def test_only_choices_with_a_key_show_one(
    app: Flask, clinician: Someone, image: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sixteen labels the first nine, and the list of keys says so."""
    labels = [Label(f"l{number}", f"Label {number}", "", False) for number in range(16)]
    monkeypatch.setattr("app.reviews.reviews.labels_for", lambda _reading, _lab: labels)
    page = clinician.get(image["url"]).text
    shown = re.findall(r'value="label:l\d+"[^>]*>(?:<kbd>(\w+)</kbd>)?Label', page)
    assert shown == [*map(str, range(1, 10)), *[""] * 7]
    assert "<kbd>1 – 9</kbd>" in page


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"choice": ""}, "Choose what you see"),
        ({"choice": "label:Dragon"}, "Choose what you see"),
        ({"choice": "uncertain:Benign"}, "Choose what you see"),
        ({"choice": "other"}, "Write in the comment"),
        ({"choice": "uncertain", "comment": "x" * 100_000}, "100000 characters"),
    ],
)
def test_a_review_that_is_none_is_refused(
    app: Flask, clinician: Someone, image: dict[str, Any], data: dict[str, str], told: str
) -> None:
    """A sentence says why, the page is the same, and the comment is still there."""
    comment = data.get("comment", "as I saw it" if data["choice"] != "other" else " ")
    answer = clinician.post(f"{image['url']}/reviews", data | {"comment": comment})
    assert answer.status_code == 400
    assert told in answer.text
    assert f">{comment}</textarea>" in answer.text
    assert reviews(app) == []
    assert case_of(app).state == "unreviewed"


def test_a_strange_version_is_told_and_not_an_error(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """A version that never was is not seen either."""
    for seen in ("7", "-1"):
        assert clinician.post(f"{image['url']}/reviews", {"choice": "uncertain", "seen": seen}).status_code == 409
    assert reviews(app) == []


def test_the_counts_follow(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """Disagreement and uncertainty are those of the newest review."""
    labels = reading_of(app, image["id"]).labels
    change(app, image["id"], "suggested", labels[0].id)
    steps = [
        ("uncertain", (1, 1, 0)),
        (f"label:{labels[1].id}", (1, 0, 1)),
        (f"label:{labels[0].id}", (1, 0, 0)),
        ("not_gradable", (1, 0, 1)),
        ("other", (1, 0, 1)),
    ]
    for seen, (choice, counts) in enumerate(steps):
        data = {"choice": choice, "seen": str(seen), "comment": "plasma cells"}
        assert clinician.post(f"{image['url']}/reviews", data).status_code == 302
        case = case_of(app)
        assert (case.reviewed_count, case.unresolved_count, case.disagreement_count) == counts
    assert "1 differ" in clinician.get("/").text


def test_a_reviewed_image_stays(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """Reviews are kept, so their image is too; the page offers no removal and says why."""
    clinician.post(f"{image['url']}/reviews", {"choice": "uncertain"})
    assert "Remove this image" not in clinician.get(f"/cases/{case_of(app).id}").text
    answer = clinician.post(f"{image['url']}/remove", json=True)
    assert answer.status_code == 409
    assert "reviews are kept" in answer.json["error"]
    assert clinician.get(image["url"]).status_code == 200


@pytest.mark.parametrize("statement", [update(Review).values(kind="label"), delete(Review)], ids=["update", "delete"])
def test_the_database_refuses_to_change_reviews(
    app: Flask, clinician: Someone, image: dict[str, Any], statement: Any
) -> None:
    """A review is a row for good."""
    clinician.post(f"{image['url']}/reviews", {"choice": "uncertain"})
    with app.app_context(), pytest.raises(DatabaseError, match="review rows are never"), writing() as session:
        session.execute(statement)


def test_reviewing_takes_the_role(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """An admin who is no clinician sees the page without buttons, and is told whom to ask."""
    admin = Someone(app, "admin")
    take_role(app, "admin")
    assert buttons(admin.get(image["url"]).text) == {}
    answer = admin.post(f"{image['url']}/reviews", {"choice": "uncertain"})
    assert answer.status_code == 403
    assert "for the clinicians of your lab" in answer.text
    assert reviews(app) == []
