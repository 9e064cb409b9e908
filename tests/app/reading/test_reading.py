"""The reading page: what it says, what it shows and what it never shows."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from app.database import db, writing
from app.records import Explanation, SmearImage
from smear.imaging.decode import decode
from smear.inference.reading import Reading as SmearReading
from tests.app.conftest import BUNDLE
from tests.app.steps import Someone, change, reading_of


@pytest.fixture
def image(clinician: Someone, field: bytes) -> dict[str, Any]:
    """Return an uploaded field."""
    answer = clinician.upload(clinician.open_case("A-2026-0412"), field, "field.png")
    assert answer.status_code == 201
    return dict(answer.json)


def test_a_suggestion_names_its_label_and_calibrated_probability(
    app: Flask, clinician: Someone, image: dict[str, Any]
) -> None:
    """Label, two digits, bundle and version, the intended-use line; the outline is the dotted one."""
    label = reading_of(app, image["id"]).labels[2]
    change(app, image["id"], "suggested", label.id)
    page = clinician.get(image["url"]).text
    box = re.search(r'<div class="suggestion suggestion-suggested">(.*?)</div>', page, re.S)
    assert box
    assert label.name in box[1]
    assert "0.94" in box[1]
    reading = reading_of(app, image["id"])
    assert f"{BUNDLE} {reading.version}" in page
    assert reading.intended_use
    assert reading.intended_use.split(".")[0] in page


@pytest.mark.parametrize(
    ("outcome", "word", "reason"),
    [("unsure", "Unsure", "not sure enough"), ("unfamiliar", "Unfamiliar", "do not look like those")],
)
def test_a_refusal_shows_its_reason_and_what_to_do_and_no_number(
    app: Flask, clinician: Someone, image: dict[str, Any], outcome: str, word: str, reason: str
) -> None:
    """Its word and one reason; no label outside of the review's buttons, no probability, no map, none in the data."""
    change(app, image["id"], outcome, None)
    page = clinician.get(f"{image['url']}?view=map").text
    box = re.search(rf'<div class="suggestion suggestion-{outcome}">(.*?)</div>', page, re.S)
    assert box
    assert re.findall(r"<strong>([^<]+)</strong>", box[1]) == [word]
    assert len(re.findall('class="reason"', box[1])) == 1
    assert reason in box[1]
    outside = page.split('class="review"')[0]
    assert all(label.name not in outside for label in reading_of(app, image["id"]).labels)
    assert "0.94" not in page
    assert 'class="probabilities"' not in page
    assert 'data-view="map"' not in page
    assert f"/cases/{image['url'].split('/')[2]}/cells?field=1" in page
    stage = re.search(r'data-stage="([^"]*)"', page)
    assert stage
    data = json.loads(html.unescape(stage[1]))
    assert data["maps"] == data["methods"] == {}
    reading = reading_of(app, image["id"])
    assert clinician.get(f"/readings/{reading.id}/overlay/{reading.labels[0].id}").status_code == 404


def test_maps_that_an_older_version_drew_of_a_refusal_stay_hidden(
    app: Flask, clinician: Someone, image: dict[str, Any]
) -> None:
    """They stand in the database; neither the page nor the address of the picture shows them."""
    change(app, image["id"], "unfamiliar", None)
    reading = reading_of(app, image["id"])
    label = reading.labels[2].id
    with app.app_context(), writing() as session:
        session.add(Explanation(reading_id=reading.id, label=label, method="smoothgrad", grid=[[0.0, 0.123]]))
    assert "0.123" not in clinician.get(f"{image['url']}?view=map&label={label}&method=smoothgrad").text
    assert clinician.get(f"/readings/{reading.id}/overlay/{label}?method=smoothgrad").status_code == 404
    answer = clinician.post(f"{image['url']}/maps", {"reading": reading.id, "label": label})
    assert "There are no maps of this reading." in clinician.get(answer.location).text


@pytest.mark.parametrize("method", ['"', "\u2603", "a\nb", "dragon"])
def test_a_method_that_there_is_not_is_the_first_one(
    app: Flask, clinician: Someone, image: dict[str, Any], method: str
) -> None:
    """Whatever is asked for in its place."""
    change(app, image["id"], "suggested", reading_of(app, image["id"]).labels[0].id)
    reading = reading_of(app, image["id"])
    address = f"/readings/{reading.id}/overlay/{reading.labels[0].id}"
    plain = clinician.get(address)
    answer = clinician.get(f"{address}?{urlencode({'method': method})}")
    assert (answer.status_code, answer.headers["ETag"]) == (200, plain.headers["ETag"])


def test_a_field_that_is_not_gradable_says_why(clinician: Someone, blank: bytes) -> None:
    """No label, no probability, no map; the reason in words."""
    answer = clinician.upload(clinician.open_case(), blank)
    assert answer.json["outcome"] == "not_gradable"
    page = clinician.get(answer.json["url"]).text
    assert "Not gradable" in page
    assert answer.json["reasons"][0] in page
    assert 'name="label"' not in page
    assert 'data-view="map"' not in page


@pytest.mark.parametrize("view", ["original", "median", "mask", "model"])
def test_every_view_is_a_picture(app: Flask, clinician: Someone, image: dict[str, Any], view: str) -> None:
    """Each view comes as an image; asked again with its tag, as nothing."""
    path = f"/readings/{reading_of(app, image['id']).id}/views/{view}"
    answer = clinician.get(path)
    assert answer.status_code == 200
    assert decode(answer.data).rgb.shape[2] == 3
    assert "no-store" not in answer.headers["Cache-Control"]
    again = clinician.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_overlay_is_drawn_on_the_server_too(app: Flask, clinician: Someone, image: dict[str, Any]) -> None:
    """Without script the map is a picture that changes with opacity and class."""
    label = reading_of(app, image["id"]).labels[0].id
    change(app, image["id"], "suggested", label)
    path = f"/readings/{reading_of(app, image['id']).id}/overlay/{label}"
    weak, strong = clinician.get(f"{path}?opacity=10"), clinician.get(f"{path}?opacity=90")
    assert weak.status_code == strong.status_code == 200
    assert weak.data != strong.data
    page = clinician.get(f"{image['url']}?view=map&label={label}").text
    assert f'id="plain" src="{path}' in page


@pytest.mark.parametrize(
    "path", ["/views/x-ray", "/views/..%2f..", "/overlay/Nothing", "/overlay/"], ids=lambda path: path[1:]
)
def test_what_does_not_exist_is_not_found(app: Flask, clinician: Someone, image: dict[str, Any], path: str) -> None:
    """Views and labels come from lists."""
    assert clinician.get(f"/readings/{reading_of(app, image['id']).id}{path}").status_code == 404


def test_strange_queries_show_the_page_all_the_same(clinician: Someone, image: dict[str, Any]) -> None:
    """View and label from an address are looked up, never trusted; an unknown reading is not found."""
    assert clinician.get(f"{image['url']}?view=%3Cscript%3E&label=%22%3E").status_code == 200
    assert clinician.get(f"{image['url']}?reading=nonsense").status_code == 404


def test_an_image_belongs_to_its_case(clinician: Someone, image: dict[str, Any]) -> None:
    """An image under another case's address is not found."""
    other = clinician.open_case("A-2")
    assert clinician.get(f"/cases/{other}/images/{image['id']}").status_code == 404


def test_a_second_opinion_is_hidden_where_there_is_no_second_bundle(clinician: Someone, image: dict[str, Any]) -> None:
    """No dead buttons; asking all the same changes nothing."""
    assert "Second opinion" not in clinician.get(image["url"]).text
    answer = clinician.post(f"{image['url']}/readings", {"bundle": BUNDLE})
    assert answer.status_code == 302
    assert "has not read this image yet" in clinician.get(image["url"]).text


def test_a_reading_outlives_its_bundle(
    make_app: Callable[..., Flask], clinician: Someone, image: dict[str, Any], tmp_path: Any
) -> None:
    """When the bundle is gone, label, probabilities and map still show; only the model's input does not."""
    later = Someone(make_app(MODELS_DIR=tmp_path / "none"), "clinician")
    page = later.get(image["url"])
    assert page.status_code == 200
    assert 'data-view="median"' in page.text
    assert "<a href" in page.text
    assert 'data-view="model"' not in page.text


def test_the_record_is_whole(app: Flask, image: dict[str, Any]) -> None:
    """A reading keeps bundle, version, labels and smear's result, and reads back."""
    reading = reading_of(app, image["id"])
    assert reading.detail.bundle == reading.bundle == BUNDLE
    assert json.loads(json.dumps(SmearReading.from_json(reading.result).to_json())) == reading.result
    with app.app_context():
        stored = db.session.get_one(SmearImage, image["id"])
        assert (stored.width, stored.height) == (320, 320)
