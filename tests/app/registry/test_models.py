"""The models page and the choice of the bundle that reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from msgspec.structs import replace
from sqlalchemy import select

from app.database import db
from app.inference.engine import Engine
from app.records import AuditEvent, BundleActivation, Lab, Reading
from app.registry.activation import active_bundle, wanted_bundles
from app.registry.figures import figures
from app.template_filters import percent
from smear.inference import bundle
from tests.app.conftest import BUNDLE
from tests.app.steps import PASSWORD, Someone, busy_at_first, work_done
from tests.conftest import CELL_BUNDLE, copy_bundle, tell_of_leukocytes_alone

SECOND = "second-look"


def publish_two(folder: Path, models: Path) -> Path:
    """Publish the shipped bundle twice in a folder, the second under another name; return the folder."""
    copy_bundle(models / BUNDLE, folder, BUNDLE)
    metrics = bundle.read_card(models / BUNDLE).metrics | {"source": elsewhere(), "stress": rendered()}
    copy_bundle(models / BUNDLE, folder, SECOND, version="9.9", metrics=metrics)
    return folder


def rate(right: int, total: int) -> dict[str, float]:
    """Return a rate as cards have it."""
    return {"value": right / total if total else None, "low": 0.5, "high": 1.0, "right": right, "of": total}


def elsewhere() -> dict[str, Any]:
    """Return a result on two laboratories that were held out, of which one is an examination."""
    rows = [
        {
            "source": source,
            "ships": ships,
            "n": 40,
            "groups": 8,
            "accuracy_all": rate(31, 40),
            "five_types": 0.71,
            "coverage": 0.0,
            "accuracy_suggested": rate(0, 0),
            "ece": 0.062,
            "sensitivity": {},
            "malignant": malignant,
        }
        for source, ships, malignant in (
            ("north_shore", True, None),
            ("far_away", False, {"n": 20, "others": 20, "auroc": 0.9, "sensitivity": {"90": 0.62, "95": 0.5}}),
        )
    ]
    kinds = ("accuracy_all", "coverage", "accuracy_suggested")
    expected = {"laboratories": 1} | dict.fromkeys((f"{kind}{of}" for kind in kinds for of in ("", "_worst")), 0.0)
    return {"n": 80, "laboratories": {"rows": rows, "expected": expected | {"accuracy_suggested": None}}}


def rendered() -> dict[str, Any]:
    """Return what became of two renderings, the second of which nobody has asked own pictures of."""
    counts = {"suggested": 0, "right": 0, "others": 30, "others_suggested": 0}
    return {"renderings": [{"rendering": name, "own": own, **counts} for name, own in (("noise 15", 20), ("dim", 0))]}


def start(folder: Path) -> Engine:
    """Return an engine that has loaded both bundles of a folder."""
    engine = Engine(folder, 16)
    engine.start([BUNDLE])
    engine.load(SECOND)
    return engine


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[tuple[Path, Engine]]:
    """Return a folder with two bundles and its engine, for all tests that leave the bundles as they are."""
    folder = publish_two(tmp_path_factory.mktemp("two") / "models", models)
    engine = start(folder)
    yield folder, engine
    engine.stop()


@pytest.fixture
def lab(make_app: Callable[..., Flask], unharmed: tuple[Path, Engine]) -> Flask:
    """Return an application with two bundles."""
    folder, engine = unharmed
    app = make_app(MODELS_DIR=folder)
    app.extensions["engine"] = engine
    return app


@pytest.fixture
def two(tmp_path: Path, models: Path) -> Path:
    """Return a folder with two bundles for one test, which may harm them."""
    return publish_two(tmp_path / "models", models)


@pytest.fixture
def with_cells(two: Path) -> Path:
    """Return the same folder; the second bundle says that it reads single cells."""
    path = two / SECOND / "card.json"
    one = [{"name": "one_leukocyte", "parameters": {}}]
    card = json.loads(path.read_text()) | {"scope": "cell", "preprocess": one, "golden": []}
    tell_of_leukocytes_alone(path.parent, card)
    path.write_text(json.dumps(card))
    return two


@pytest.fixture
def below_the_floors(two: Path) -> None:
    """Let the second bundle's card tell of a control that exposes it."""
    path = two / SECOND / "card.json"
    card = json.loads(path.read_text())
    card["controls"]["cells_removed"]["coverage"] = 0.31
    path.write_text(json.dumps(card))


@pytest.fixture
def own_lab(make_app: Callable[..., Flask], two: Path) -> Iterator[Flask]:
    """Return an application with the two bundles of this test and an engine of its own."""
    app = make_app(MODELS_DIR=two)
    engine = app.extensions["engine"] = start(two)
    yield app
    engine.stop()


def choices(app: Flask) -> list[str]:
    """Return what was activated, in order."""
    with app.app_context():
        return list(db.session.scalars(select(BundleActivation.bundle).order_by(BundleActivation.id)))


def activate(someone: Someone, name: str = SECOND, reason: str = "Better", password: str = PASSWORD):
    """Ask for a bundle."""
    return someone.post(f"/models/{name}/activate", {"reason": reason, "password": password})


def test_the_cards_tell_what_they_are_worth(app: Flask, clinician: Someone, models: Path) -> None:
    """Verdict, known failures and intended use stand on the page; a clinician sees no button."""
    card = bundle.read_card(models / BUNDLE)
    page = clinician.get("/models/").text
    assert card.version in page
    assert "chip-active" in page
    assert all(word in page for word in card.known_failures[0].split()[:3])
    assert "Activate" not in page
    page = clinician.get(f"/models/{BUNDLE}").text
    assert f"in {card.tta} orientations" in page


def test_a_card_tells_every_class_by_itself(clinician: Someone, models: Path) -> None:
    """A confusion matrix of another size is left out, never a page that fails."""
    card = bundle.read_card(models / BUNDLE)
    (_, first), *_ = figures(card).classes
    assert f"{100 * first.precision:.1f}" in clinician.get(f"/models/{BUNDLE}").text
    grouped = card.metrics["grouped"] | {"confusion": [[1, 2]]}
    assert figures(replace(card, metrics={"grouped": grouped})).classes == []


def test_a_card_tells_of_laboratories_and_renderings(lab: Flask) -> None:
    """Each that was held out, an examination as such, and what is not known is a dash."""
    page = " ".join(Someone(lab, "clinician").get(f"/models/{SECOND}").text.split())
    assert "north shore</th>" in page
    assert "far away (examination, not learnt from)</th>" in page
    assert page.count(f"{percent(31 / 40)} <span") == 2
    assert page.count(f'<td class="number">{percent(0.62)}</td>') == 1
    assert "A laboratory we have never seen" in page
    assert "noise 15" in page
    assert "dim</th>" not in page
    shown = figures(bundle.read_card(Path(lab.config["MODELS_DIR"]) / SECOND))
    assert shown.laboratories is not None
    assert [one.accuracy for one in shown.renderings] == [None]


def test_an_admin_activates_with_a_reason_and_the_password(lab: Flask, field: bytes) -> None:
    """From then on the other bundle reads; the readings before stay, and the page says who and why."""
    admin = Someone(lab, "admin")
    case = admin.open_case()
    before = admin.upload(case, field).json
    assert activate(admin, reason="Fewer refusals").status_code == 302
    page = admin.get("/models/").text
    assert "Fewer refusals" in page
    assert f"{SECOND} 9.9" in page
    after = admin.upload(admin.open_case("A-2"), field).json
    assert f"{SECOND} 9.9" in admin.get(after["url"]).text
    assert f"{BUNDLE} " in admin.get(before["url"]).text
    stranger = Someone(lab, "stranger")
    other = stranger.upload(stranger.open_case(), field).json
    assert f"{SECOND} 9.9" not in stranger.get(other["url"]).text.split("Second opinion")[0]


def test_a_model_for_cells_is_activated_beside_the_one_for_fields(typing_app: Flask) -> None:
    """It types cells at upload from then on; what reads fields stays, and the lab's page says the same."""
    admin = Someone(typing_app, "admin")
    given = {"reason": "It knows our stain", "despite": "A test", "password": PASSWORD}
    assert admin.post(f"/models/{CELL_BUNDLE}/activate", given).status_code == 302
    page = admin.get("/models/").text
    assert "It knows our stain" in page
    assert page.count("chip-active") == 2
    with typing_app.app_context():
        lab = db.session.scalars(select(Lab).order_by(Lab.id)).first()
        assert lab is not None
        assert (lab.cell_bundle, active_bundle(lab.id)) == (CELL_BUNDLE, BUNDLE)
        assert wanted_bundles() == [BUNDLE]
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "model.activated")).one()
        assert event.details["rows"][0].startswith("bundle_activation ")
    assert re.search(rf'value="{CELL_BUNDLE}" selected', admin.get("/lab/").text)


@pytest.mark.parametrize(
    ("person", "reason", "password", "status"),
    [
        ("clinician", "Better", PASSWORD, 403),
        ("admin", "", PASSWORD, 400),
        ("admin", "x" * 501, PASSWORD, 400),
        ("admin", "Better", "wrong", 403),
        ("admin", "Better", "", 403),
    ],
)
def test_nothing_less_activates(lab: Flask, person: str, reason: str, password: str, status: int) -> None:
    """No admin, no reason or no password: no change, and what an admin typed stands in the open form."""
    answer = activate(Someone(lab, person), SECOND, reason, password)
    assert answer.status_code == status
    assert choices(lab) == []
    if person == "admin":
        form = answer.text.split('<details class="activate" open>')[1].split("</form>")[0]
        assert f'action="/models/{SECOND}/activate"' in form
        assert not reason or f'value="{reason}"' in form
        assert f'value="{password}"' not in form or not password


def test_a_reason_stays_where_the_step_has_to_wait(lab: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """After wrong passwords, and while another model is being loaded: it is still in the form."""
    admin, address = Someone(lab, "admin"), f"/models/{SECOND}/activate"
    data = {"reason": "a better one for our stain", "password": PASSWORD}
    busy_at_first(monkeypatch, lab, "load")
    answer = admin.post(address, data)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert 'value="a better one for our stain"' in answer.text
    for _ in range(7):
        answer = admin.post(address, data | {"password": "wrong"})
    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.text
    assert 'value="a better one for our stain"' in answer.text


@pytest.mark.usefixtures("below_the_floors")
def test_a_model_below_the_floors_reads_only_for_a_reason_that_is_kept(own_lab: Flask) -> None:
    """The page says what speaks against it; what the admin says for it stands in the history and the event."""
    admin = Someone(own_lab, "admin")
    assert "still makes a suggestion for 31 %" in admin.get("/models/").text
    assert "still makes a suggestion for 31 %" in admin.get(f"/models/{SECOND}").text
    refused = activate(admin)
    assert refused.status_code == 409
    assert "Write why it shall read all the same" in refused.text
    assert choices(own_lab) == []
    given = {"reason": "Better", "despite": "We see no shortcut in ours", "password": PASSWORD}
    assert admin.post(f"/models/{SECOND}/activate", given | {"despite": "x" * 501}).status_code == 400
    assert choices(own_lab) == []
    admin.post(f"/models/{SECOND}/activate", given)
    assert choices(own_lab) == [SECOND]
    assert "We see no shortcut in ours" in admin.get("/models/").text
    with own_lab.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "model.activated")).one()
        assert (event.details["version"], event.details["floors_unmet"]) == ("9.9", 1)


def test_a_reason_to_read_despite_the_floors_is_not_kept_where_they_are_reached(lab: Flask) -> None:
    admin = Someone(lab, "admin")
    admin.post(f"/models/{SECOND}/activate", {"reason": "Better", "despite": "Whatever", "password": PASSWORD})
    with lab.app_context():
        assert db.session.scalars(select(BundleActivation.despite)).all() == [""]


def test_a_card_says_by_whom_its_intervals_are(own_lab: Flask, two: Path) -> None:
    path = two / SECOND / "card.json"
    card = json.loads(path.read_text())
    card["metrics"]["grouped"]["accuracy_suggested"] |= {"groups": 28, "wilson": [0.785, 0.831]}
    path.write_text(json.dumps(card))
    assert "interval by 28 groups of images; by image 78.5 – 83.1" in Someone(own_lab, "admin").get("/models/").text
    path.write_text(json.dumps(card | {"data": card["data"] | {"groups_from": "patients"}}))
    assert "interval by 28 patients" in Someone(own_lab, "admin").get(f"/models/{SECOND}").text


def test_a_model_from_elsewhere_says_that_its_training_is_unknown(own_lab: Flask, two: Path) -> None:
    path = two / SECOND / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    del card["data"]["pictures"]
    path.write_text(
        json.dumps(card | {"data": {**card["data"], "trained_on": "unknown", "measured_on": 212}}), encoding="utf-8"
    )
    page = Someone(own_lab, "admin").get("/models/").text
    assert "What it was trained on is unknown; it was measured on 212 pictures." in page
    assert page.count("Trained on") == 1  # the other


def test_a_damaged_bundle_is_refused_and_the_old_one_keeps_reading(own_lab: Flask, two: Path, field: bytes) -> None:
    """One flipped byte: a sentence on the page, no change, and images are read as before."""
    path = two / SECOND / "model.keras"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    admin = Someone(own_lab, "admin")
    page = activate(admin).text
    assert "is damaged" in page
    assert "Nothing was changed" in page
    assert choices(own_lab) == []
    assert admin.upload(admin.open_case(), field).status_code == 201
    health = admin.get("/health/ready")
    assert health.status_code == 200
    assert SECOND in health.json["damaged_bundles"]


def test_a_card_that_is_no_card_does_not_take_the_page_down(own_lab: Flask, two: Path) -> None:
    """The damage is told in words."""
    (two / SECOND / "card.json").write_text("{")
    page = Someone(own_lab, "admin").get("/models/")
    assert page.status_code == 200
    assert "The card of" in page.text


def test_a_second_opinion_adds_a_reading(lab: Flask, field: bytes) -> None:
    """The first reading stays what it was and stays first; the same bundle is not asked twice."""
    clinician = Someone(lab, "clinician")
    image = clinician.upload(clinician.open_case(), field).json
    assert "Second opinion" in clinician.get(image["url"]).text
    answer = clinician.post(f"{image['url']}/readings", {"bundle": SECOND})
    assert answer.status_code == 302
    assert "reading=" in answer.location
    assert f"{SECOND} 9.9" in clinician.get(answer.location).text
    first = clinician.get(image["url"]).text
    assert "Readings of this image" in first
    assert "Second opinion by" not in first
    clinician.post(f"{image['url']}/readings", {"bundle": SECOND})
    assert clinician.get(image["url"]).text.count("reading=") == first.count("reading=")


def test_a_new_case_may_be_read_by_others_too(lab: Flask, field: bytes) -> None:
    """Every other model that can read is offered; the images come from a form without script, and a job reads them."""
    clinician = Someone(lab, "clinician")
    page = clinician.get("/cases/new").text
    assert f'name="opinion" value="{SECOND}"' in page
    assert f'value="{BUNDLE}"' not in page
    data = {"accession": "A-2", "specimen": "PB", "confirmed": "yes", "opinion": [SECOND, "no such model"]}
    answer = clinician.post("/cases/new", data | {"image": (BytesIO(field), "field.png")})
    assert answer.status_code == 302
    work_done(lab)
    with lab.app_context():
        read = db.session.scalars(select(Reading).order_by(Reading.made_at)).all()
        assert [reading.bundle for reading in read] == [BUNDLE, SECOND]


def test_the_page_asks_for_them_when_its_images_are_there(lab: Flask, field: bytes) -> None:
    """As the page's script does it; a model that has read everything, or is none, is a sentence and no second job."""
    clinician = Someone(lab, "clinician")
    case = clinician.open_case()
    clinician.upload(case, field)
    assert clinician.post(f"/cases/{case}/readings", {"bundle": SECOND}, json=True).status_code == 201
    work_done(lab)
    for name in (SECOND, "nothing"):
        refused = clinician.post(f"/cases/{case}/readings", {"bundle": name}, json=True)
        assert (refused.status_code, "has not read" in refused.json["error"]) == (409, True)


def test_without_another_model_no_other_opinion_is_offered(clinician: Someone) -> None:
    """The page says nothing of it."""
    assert "Second opinions" not in clinician.get("/cases/new").text


@pytest.mark.parametrize("path", ["card.json", "nothing.png", "..%2fcard.json", "model.keras"])
def test_only_the_pictures_of_a_report_are_sent(clinician: Someone, path: str) -> None:
    """The route does not hand out other files of a bundle."""
    assert clinician.get(f"/models/{BUNDLE}/report/{path}").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "..", ".hidden"])
def test_a_bundle_that_does_not_exist_is_not_found(app: Flask, name: str) -> None:
    """Names come from the folder, never the other way round."""
    admin = Someone(app, "admin")
    assert admin.get(f"/models/{name}").status_code == 404
    assert activate(admin, name).status_code == 404


def test_a_lab_without_models_is_told_so(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """An empty folder is a sentence; health says that the server is not ready."""
    app = make_app(MODELS_DIR=tmp_path / "none")
    engine = Engine(tmp_path / "none", 4)
    app.extensions["engine"] = engine
    someone = Someone(app, "clinician")
    assert "No model is published" in someone.get("/models/").text
    assert someone.get("/health/ready").status_code == 503
    engine.stop()


def test_a_model_for_single_cells_reads_no_fields(with_cells: Path, own_lab: Flask, field: bytes) -> None:
    """Activated it types cells, and what reads fields stays; nor does it give a second opinion of a field."""
    admin = Someone(own_lab, "admin")
    assert "Reads single cells" in admin.get("/models/").text
    activate(admin)
    assert f"{SECOND} 9.9 types cells at upload from now on." in admin.get("/models/").text
    with own_lab.app_context():
        assert active_bundle(1) == BUNDLE
    image = admin.upload(admin.open_case(), field).json
    assert f'value="{SECOND}"' not in admin.get(image["url"]).text
