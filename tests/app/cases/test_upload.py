"""Images on their way in: what is kept, what is refused, and that nothing is kept by half."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app.cases.intake import clean_name
from app.database import db
from app.inference.engine import Engine, engine
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.slots import Slots
from app.inference.waiting import EngineBusyError
from app.records import Case, Reading, SmearImage
from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.app.bad_files import BAD_FILES, BAD_NAMES, REFUSED
from tests.app.steps import Someone, busy_at_first, work_done
from tests.data import pictures


def stored(app: Flask) -> tuple[int, int, int]:
    """Return how many images, readings and files there are."""
    with app.app_context():
        images = db.session.scalar(select(func.count(SmearImage.id)))
        readings = db.session.scalar(select(func.count(Reading.id)))
    files = [path for path in (app.config["INSTANCE_DIR"] / "images").rglob("*") if path.is_file()]
    return images or 0, readings or 0, len(files)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_gets_one_sentence_over_http(app: Flask, clinician: Someone, name: str) -> None:
    """Each is refused with a sentence and leaves nothing, or is kept without a suggestion; none is a 500."""
    file_name, make, expected = BAD_FILES[name]
    case = clinician.open_case()
    answer = clinician.upload(case, make(), file_name)
    if expected == REFUSED:
        assert answer.status_code == 422
        assert answer.json["error"].endswith(".")
        assert stored(app) == (0, 0, 0)
    else:
        assert answer.status_code == 201
        assert answer.json["outcome"] in ("not_gradable", "unsure", "unfamiliar")
        assert answer.json["label"] is None
        assert answer.json["reasons"]
        assert clinician.get(answer.json["url"]).status_code == 200


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_gets_one_sentence_on_the_command_line(app: Flask, tmp_path: Path, field: bytes, name: str) -> None:
    """The same files there: a sentence each, the good file after them is read all the same."""
    file_name, make, expected = BAD_FILES[name]
    bad, good = tmp_path / file_name, tmp_path / "z.png"
    bad.write_bytes(make())
    good.write_bytes(field)
    result = app.test_cli_runner().invoke(args=["classify", "--format", "json", str(bad), str(good)])
    first, second = json.loads(result.stdout)
    assert second["outcome"] in ("suggested", "uncertain")
    if expected == REFUSED:
        assert result.exit_code == 1
        assert set(first) == {"path", "error"}
        assert first["error"].endswith(".")
    else:
        assert result.exit_code == 0
        assert first["outcome"] in ("not_gradable", "uncertain")
        assert first["label"] is None


def test_a_bad_file_does_not_stop_the_others_of_a_plain_form(clinician: Someone) -> None:
    """Without script many files come in one request: the good ones stay, each bad one is named."""
    case = clinician.open_case()
    files = [(BytesIO(make()), file_name) for file_name, make, _ in BAD_FILES.values()]
    files.append((BytesIO(pictures.smear("PNG", 3)), "good.png"))
    answer = clinician.post(f"/cases/{case}/images", {"image": files})
    assert answer.status_code == 302
    page = clinician.get(f"/cases/{case}").text
    assert "good.png" in page
    for file_name, _make, expected in BAD_FILES.values():
        assert (f"{file_name}: " in page) == (expected == REFUSED)


@pytest.mark.parametrize(("given", "kept"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_file_name_is_only_shown(app: Flask, clinician: Someone, given: str, kept: str) -> None:
    """A name is cut to what can be shown, is escaped, and is in no path and no address."""
    assert clean_name(given) == kept
    case = clinician.open_case()
    answer = clinician.upload(case, pictures.smear("PNG", 3), given if given != "/" else "a/")
    assert answer.status_code == 201
    assert "<script>alert" not in clinician.get(answer.json["url"]).text
    assert all(part not in answer.json["url"] for part in ("..", "script", "yyy"))
    names = [path.name for path in (app.config["INSTANCE_DIR"] / "images").rglob("*.png")]
    assert all(len(name) == 64 + len(".png") for name in names)


def test_a_body_over_the_limit_is_refused(make_app: Callable[..., Flask]) -> None:
    """Too large is a sentence for the script and a page for a plain form."""
    clinician = Someone(make_app(MAX_UPLOAD_BYTES=200_000), "clinician")
    case = clinician.open_case()
    large = b"\0" * 300_000
    answer = clinician.upload(case, large)
    assert answer.status_code == 413
    assert "too large" in answer.json["error"]
    page = clinician.post(f"/cases/{case}/images", {"image": (BytesIO(large), "large.png")})
    assert page.status_code == 413
    assert "Nothing of it was stored" in page.text


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_every_format_is_read(clinician: Someone, form: str) -> None:
    """The formats that cameras and browsers write are taken in and shown again as PNG."""
    data = pictures.smear(form, 5)
    answer = clinician.upload(clinician.open_case(), data, f"field.{form.lower()}")
    assert answer.status_code == 201
    picture = clinician.get(f"/images/{answer.json['id']}/pixels")
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG")


def test_what_is_stored_has_no_metadata_and_every_pixel(clinician: Someone) -> None:
    """A JPEG with a place and a name in it comes back as bare pixels, the same ones."""
    import numpy as np
    from PIL import Image

    from smear.imaging.decode import decode

    image = Image.fromarray(synthetic.field(5, "leukemic", 256))
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe, born 1961"
    file = BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    answer = clinician.upload(clinician.open_case(), file.getvalue(), "field.jpg")
    data = clinician.get(f"/images/{answer.json['id']}/pixels").data
    assert b"Jane" not in data
    assert np.array_equal(decode(data).rgb, decode(file.getvalue()).rgb)


def test_the_same_file_twice_is_kept_once(app: Flask, clinician: Someone, field: bytes) -> None:
    """The second time it is said, by the name of the first; another case may have it too."""
    case = clinician.open_case()
    clinician.upload(case, field, "first.png")
    again = clinician.upload(case, field, "reviews.png")
    assert again.status_code == 409
    assert "first.png" in again.json["error"]
    assert stored(app)[0] == 1
    other = clinician.upload(clinician.open_case("A-2"), field)
    assert other.status_code == 201
    assert stored(app)[:2] == (2, 2)


def test_images_keep_the_order_in_which_they_were_chosen(clinician: Someone) -> None:
    """Requests overtake each other; the given positions decide."""
    case = clinician.open_case()
    for seed, position in ((1, 3), (2, 1), (3, 2)):
        data = {"image": (BytesIO(encode(synthetic.field(seed, "sparse", 128))), f"n{position}.png")}
        clinician.post(f"/cases/{case}/images", {**data, "position": str(position)}, json=True)
    page = clinician.get(f"/cases/{case}").text
    assert page.index("n1.png") < page.index("n2.png") < page.index("n3.png")


def sweep_up(app: Flask) -> None:
    """Run `maintenance` when a day has passed."""
    for path in (app.config["INSTANCE_DIR"] / "images").glob("*/*"):
        os.utime(path, (0, 0))
    assert app.test_cli_runner().invoke(args=["maintenance"]).exit_code == 0


def test_removing_an_image_leaves_its_pixels_to_be_swept(app: Flask, clinician: Someone, field: bytes) -> None:
    """Rows and counts go, and the files a day later; a picture that another case has stays."""
    first = clinician.upload(clinician.open_case("A-1"), field).json
    second = clinician.upload(clinician.open_case("A-2"), field).json
    assert clinician.post(first["remove"], json=True).status_code == 200
    assert clinician.get(f"/images/{second['id']}/pixels").status_code == 200
    assert clinician.post(second["remove"]).status_code == 302
    sweep_up(app)
    assert stored(app) == (0, 0, 0)
    with app.app_context():
        counts = db.session.execute(
            select(Case.image_count, Case.suggested_count, Case.uncertain_count, Case.not_gradable_count)
        )
        assert {tuple(row) for row in counts} == {(0, 0, 0, 0)}


def test_neither_an_upload_nor_a_removal_asks_for_each_image_of_the_case(
    app: Flask, clinician: Someone, field: bytes, blank: bytes
) -> None:
    """The database is asked as often in a case of one image as in one of five; and for the case once beforehand."""
    asked: list[str] = []

    def counted(case: str) -> tuple[int, int, int]:
        asked.clear()
        image = clinician.upload(case, blank).json["id"]
        uploading, beforehand = len(asked), sum('FROM "case"' in statement for statement in asked)
        asked.clear()
        assert clinician.post(f"/cases/{case}/images/{image}/remove").status_code == 302
        return uploading, beforehand, len(asked)

    cases = [clinician.open_case(f"A-{images}") for images in (1, 5)]
    for case, images in zip(cases, (1, 5), strict=True):
        for number in range(images):
            clinician.upload(case, field + b" " * number)
    work_done(app)
    clinician.upload(cases[0], blank)  # so that its pixels are known for both
    clinician.post(f"/cases/{cases[0]}/images/{newest_image(app)}/remove")
    token, here = clinician.token(), threading.current_thread()
    clinician.token = lambda: token  # type: ignore[method-assign]
    with app.app_context():
        database = db.engine

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread() is here:
            asked.append(statement)

    event.listen(database, "before_cursor_execute", note)
    (uploading, beforehand, removing), *others = (counted(case) for case in cases)
    assert others == [(uploading, beforehand, removing)]
    assert beforehand == 2  # and once more in the transaction


def newest_image(app: Flask) -> str:
    """Return the id of the image that came last."""
    with app.app_context():
        return str(db.session.scalar(select(SmearImage.id).order_by(SmearImage.added_at.desc()).limit(1)))


@pytest.mark.parametrize(
    ("error", "words"),
    [(EngineBusyError("Many images are being read just now."), "busy"), (BundleUnusableError("Damaged."), "Damaged")],
    ids=["busy", "damaged"],
)
def test_without_the_model_nothing_is_stored(
    app: Flask,
    clinician: Someone,
    field: bytes,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: str,
) -> None:
    """The upload gets a 503 with a sentence, and when to come back where that helps."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Engine, "examine", refuse)
    case = clinician.open_case()
    answer = clinician.upload(case, field)
    assert answer.status_code == 503
    assert ("Retry-After" in answer.headers) == (words == "busy")
    assert "Nothing was stored" in answer.json["error"]
    assert stored(app) == (0, 0, 0)


def test_no_more_uploads_are_let_in_than_the_queue_holds(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one too many is sent away before its file is opened, with a time to come back; then there is room again."""
    case = clinician.open_case()
    with app.app_context():
        monkeypatch.setattr(engine(), "slots", Slots(uploads=1))
        slots = engine().slots
    with slots.admitted(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.cases.upload_views.opened", pytest.fail)
        answer = clinician.upload(case, field)
        assert answer.status_code == 503
        assert "Nothing was stored" in answer.json["error"]
        assert int(answer.headers["Retry-After"]) > 0
        data = {"image": (BytesIO(field), "field.png")}
        assert clinician.post(f"/cases/{case}/images", data).status_code == 302
        assert "Many images are being read just now." in clinician.get(f"/cases/{case}").text
    assert stored(app) == (0, 0, 0)
    for _ in range(2):
        assert clinician.upload(case, b"no picture").status_code == 422  # what fails gives its place back
    assert clinician.upload(case, field).status_code == 201


def test_a_failing_network_leaves_nothing_but_what_is_swept(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pixels are on the disk while the network works; when it fails, no row points to them."""

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("app.inference.engine.Pending.reading", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert clinician.upload(clinician.open_case(), field).status_code == 500
    assert stored(app)[:2] == (0, 0)
    sweep_up(app)
    assert stored(app) == (0, 0, 0)


def test_a_failing_commit_leaves_nothing_but_what_is_swept(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the rows cannot be written, the page says so, and the pixels go a day later."""
    case = clinician.open_case()

    def fail(*_: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("app.cases.intake.count", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = clinician.upload(case, field)
    assert answer.status_code == 500
    assert "not saved" in answer.json["error"]
    assert stored(app)[:2] == (0, 0)
    sweep_up(app)
    assert stored(app) == (0, 0, 0)


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_a_drawing_says_so_everywhere(clinician: Someone, kind: str) -> None:
    """One request adds a drawn field; case, reading page and worklist mark it."""
    case = clinician.open_case()
    answer = clinician.post(f"/cases/{case}/drawings", {"kind": kind}, json=True)
    assert answer.status_code == 201
    assert answer.json["drawn"]
    for path in (f"/cases/{case}", answer.json["url"]):
        assert "chip-drawing" in clinician.get(path).text
    assert "1 drawn" in clinician.get("/").text


def test_an_unknown_drawing_is_refused(clinician: Someone) -> None:
    """Only the kinds that exist are drawn."""
    case = clinician.open_case()
    assert clinician.post(f"/cases/{case}/drawings", {"kind": "dragon"}, json=True).status_code == 400


def test_a_plain_form_opens_a_case_with_its_images(clinician: Someone, field: bytes) -> None:
    """Without script the new-case form sends everything at once and lands on the case."""
    data = {"accession": "A-9", "specimen": "BM", "stain": "Wright", "notes": "", "drawing": "blank"}
    answer = clinician.post("/cases/new", {**data, "image": [(BytesIO(field), "one.png")]})
    assert answer.status_code == 302
    page = clinician.get(answer.location).text
    assert "one.png" in page
    assert "chip-drawing" in page
    assert "Bone marrow" in page


def test_a_case_whose_drawing_finds_no_room_is_there(
    app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leads to the case and says why; that nothing was stored would be no truth."""
    busy_at_first(monkeypatch, app, "examine")
    answer = clinician.post("/cases/new", {"accession": "A-9", "specimen": "PB", "drawing": "blank"})
    assert answer.status_code == 302
    page = clinician.get(answer.location).text
    assert "Many images are being read just now." in page
    assert "This case has no images yet" in page


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"accession": ""}, "accession"),
        ({"accession": "   "}, "accession"),
        ({"accession": "x" * 65}, "accession"),
        ({"accession": "A-1", "specimen": "tea"}, "specimen"),
        ({"accession": "A-1", "notes": "x" * 2001}, "notes"),
    ],
)
def test_an_incomplete_case_says_what_is_missing(clinician: Someone, fields: dict[str, str], name: str) -> None:
    """Each mistake has a sentence at its field, for script and page."""
    data = {"specimen": "PB", "stain": "", "notes": ""} | fields
    answer = clinician.post("/cases/new", data, json=True)
    assert answer.status_code == 400
    assert list(answer.json["errors"]) == [name]
    assert clinician.post("/cases/new", data).status_code == 400


def test_an_accession_is_used_once_in_a_lab(someone: Callable[..., Someone]) -> None:
    """Capitals make no difference; another lab has its own numbers."""
    clinician = someone("clinician")
    clinician.open_case("A-2026-1")
    data = {"accession": "a-2026-1", "specimen": "PB", "stain": "", "notes": ""}
    answer = clinician.post("/cases/new", data, json=True)
    assert answer.status_code == 400
    assert "already a case a-2026-1" in answer.json["errors"]["accession"]
    assert someone("stranger").open_case("A-2026-1")
