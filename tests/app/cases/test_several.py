"""Files of several pictures: each picture is an image of its own, with its own outcome or its own sentence."""

from __future__ import annotations

import io
import zipfile
from io import BytesIO

import numpy as np
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from app.database import db
from app.inference.engine import Engine
from app.inference.waiting import EngineBusyError, Pending
from app.records import Case, SmearImage
from smear.imaging import synthetic
from smear.imaging.decode import Picture, decode
from smear.imaging.file_signatures import SUFFIXES
from smear.inference.bundle import Bundle
from tests.app.cases.test_upload import stored
from tests.app.steps import Someone, events
from tests.data import pictures

LEUKEMIC = [synthetic.field(seed, "leukemic", 160) for seed in range(3)]  # small enough to be sent from memory


def stack(*fields: np.ndarray) -> bytes:
    """Return pages as TIFF."""
    first, *others = [Image.fromarray(one) for one in fields]
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=others)
    return buffer.getvalue()


def packed(**files: bytes) -> bytes:
    """Return files as ZIP archive; two underlines stand for the dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", ".").replace("_in_", "/"), data)
    return buffer.getvalue()


def test_every_page_becomes_an_image(app: Flask, clinician: Someone) -> None:
    """The script gets a row for each, as it gets for a file of one picture."""
    case = clinician.open_case()
    answer = clinician.upload(case, stack(*LEUKEMIC), "stack.tif")
    assert answer.status_code == 201
    rows = answer.json["images"]
    assert [row["name"] for row in rows] == [f"stack.tif, page {number}" for number in (1, 2, 3)]
    single = clinician.upload(case, pictures.smear("PNG", 9), "one.png").json
    assert all(set(row) == set(single) for row in rows)
    for row, right in zip(rows, LEUKEMIC, strict=True):
        assert np.array_equal(decode(clinician.get(f"/images/{row['id']}/pixels").data).rgb, right)
        assert clinician.get(row["url"]).status_code == 200
    with app.app_context():
        assert db.session.scalars(select(Case.image_count)).one() == 4
    assert [event.action for event in events(app)].count("image.added") == 4


def test_an_archive_stores_what_it_can_and_names_the_rest(app: Flask, clinician: Someone) -> None:
    """Good ones stay, each bad one has its sentence; folders are dropped from the names."""
    data = packed(
        slide_in_1__png=pictures.smear("PNG", 1),
        slide_in_2__jpg=pictures.smear("JPEG", 2),
        letter__png=pictures.text(),
        nested__zip=packed(x__png=pictures.smear("PNG", 3)),
        notes__txt=b"for nobody",
    )
    answer = clinician.upload(clinician.open_case(), data, "fields.zip")
    assert answer.status_code == 201
    rows = {row["name"]: row for row in answer.json["images"]}
    assert set(rows) == {"1.png", "2.jpg", "letter.png", "nested.zip"}
    assert "outcome" in rows["1.png"]
    assert rows["letter.png"]["error"].startswith("This file is not an image.")
    assert rows["nested.zip"]["error"].startswith("This is a ZIP archive in a ZIP archive")
    assert stored(app)[:2] == (2, 2)


def test_names_in_an_archive_are_warned_about_before_anything_is_stored(app: Flask, clinician: Someone) -> None:
    """As the archive's own is; it is taken in once they are meant so."""
    case = clinician.open_case()
    data = packed(a__png=pictures.smear("PNG", 3), Anna_Schmidt__png=pictures.smear("PNG"))
    answer = clinician.upload(case, data, "fields.zip")
    assert (answer.status_code, answer.json["confirm"]) == (400, "keep_names")
    assert answer.json["error"].startswith("Anna_Schmidt.png: This file name looks like a person")
    clinician.post(f"/cases/{case}/images", {"image": (BytesIO(data), "fields.zip")})
    page = clinician.get(f"/cases/{case}").text
    assert "Anna_Schmidt.png: This file name looks like a person" in page
    assert "tile-link" not in page
    form = {"image": (BytesIO(data), "fields.zip"), "keep_names": "yes"}
    assert clinician.post(f"/cases/{case}/images", form, json=True).status_code == 201


def test_an_archive_of_which_nothing_is_read_is_refused(app: Flask, clinician: Someone) -> None:
    """Nothing is stored; each has its sentence all the same."""
    data = packed(letter__png=pictures.text(), half__jpg=pictures.truncated())
    answer = clinician.upload(clinician.open_case(), data, "fields.zip")
    assert answer.status_code == 422
    assert answer.json["error"] == "No picture of this file could be read."
    assert [bool(row["error"]) for row in answer.json["images"]] == [True, True]
    assert stored(app) == (0, 0, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed(notes__txt=b"x"), "There is no picture in this ZIP archive."),
        (packed(**{f"{n}__bmp": b"" for n in range(101)}), "more than 100 pictures"),
        (packed(a__png=pictures.smear("PNG"))[:-40], "damaged or incomplete"),
    ],
)
def test_an_archive_that_is_not_opened_is_one_sentence(app: Flask, clinician: Someone, data: bytes, words: str) -> None:
    """As for any file that is not read."""
    answer = clinician.upload(clinician.open_case(), data, "fields.zip")
    assert answer.status_code == 422
    assert words in answer.json["error"]
    assert "images" not in answer.json
    assert stored(app) == (0, 0, 0)


def test_sent_twice_every_picture_is_kept_once(app: Flask, clinician: Someone) -> None:
    """Pages and members are known again, also where one came by itself before."""
    case = clinician.open_case()
    one = pictures.smear("PNG", 1)
    clinician.upload(case, one, "first.png")
    data = packed(a__png=one, b__tif=stack(*LEUKEMIC))
    answer = clinician.upload(case, data, "fields.zip")
    assert [bool(row.get("error")) for row in answer.json["images"]] == [True, False, False, False]
    assert "already in the case, as first.png" in answer.json["images"][0]["error"]
    again = clinician.upload(case, data, "fields.zip")
    assert again.status_code == 422
    assert stored(app)[0] == 4


def test_without_script_the_same(clinician: Someone) -> None:
    """Each page and member is on the page of the case; what failed is named above them."""
    case = clinician.open_case()
    files = [
        (BytesIO(stack(*LEUKEMIC[:2])), "stack.tif"),
        (BytesIO(packed(good__png=pictures.smear("PNG", 5), bad__png=pictures.text())), "fields.zip"),
        (BytesIO(packed(notes__txt=b"x")), "empty.zip"),
    ]
    assert clinician.post(f"/cases/{case}/images", {"image": files}).status_code == 302
    page = clinician.get(f"/cases/{case}").text
    for name in ("stack.tif, page 1", "stack.tif, page 2", "good.png"):
        assert name in page
    assert "bad.png: This file is not an image." in page
    assert "empty.zip: There is no picture in this ZIP archive." in page


def test_a_long_name_keeps_its_page(clinician: Someone) -> None:
    """The name is cut and not the page."""
    answer = clinician.upload(clinician.open_case(), stack(*LEUKEMIC), "x" * 300 + ".tif")
    names = [row["name"] for row in answer.json["images"]]
    assert [len(name) for name in names] == [120] * 3
    assert [name[-8:] for name in names] == [", page 1", ", page 2", ", page 3"]


@pytest.mark.parametrize("first", [True, False])
def test_a_busy_engine(app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    """Before anything is stored the whole file waits; after that only what was not read is told."""
    examine, seen = Engine.examine, []

    def busy(self: Engine, bundle: Bundle, picture: Picture, started: float) -> Pending:
        seen.append(picture)
        if first or len(seen) == 2:
            raise EngineBusyError("Many images are being read just now.")
        return examine(self, bundle, picture, started)

    monkeypatch.setattr(Engine, "examine", busy)
    answer = clinician.upload(clinician.open_case(), stack(*LEUKEMIC), "stack.tif")
    if first:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert stored(app)[0] == 0
    else:
        assert answer.status_code == 201
        assert [("error" in row) for row in answer.json["images"]] == [False, True, False]
        assert "kept once" in answer.json["images"][1]["error"]


def test_a_signed_case_is_not_touched(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """One sentence, and not one for each picture."""
    from tests.app.steps import sign

    assert sign(clinician, reviewed_case).status_code == 302
    answer = clinician.upload(reviewed_case, stack(*LEUKEMIC), "stack.tif")
    assert answer.status_code == 409
    assert "signed" in answer.json["error"]
    assert "images" not in answer.json


def test_pictures_of_a_file_keep_their_order_and_its_place(app: Flask, clinician: Someone) -> None:
    """They stand where the file was chosen, whatever arrives first."""
    case = clinician.open_case()
    for name, position, data in (("late.png", 2, pictures.smear("PNG", 7)), ("stack.tif", 1, stack(*LEUKEMIC))):
        form = {"image": (BytesIO(data), name), "position": str(position)}
        assert clinician.post(f"/cases/{case}/images", form, json=True).status_code == 201
    page = clinician.get(f"/cases/{case}").text
    places = [page.index(name) for name in ("stack.tif, page 1", "stack.tif, page 2", "stack.tif, page 3", "late.png")]
    assert places == sorted(places)


def test_the_file_dialogue_offers_what_is_read(clinician: Someone) -> None:
    """Both pages on which files are chosen."""
    case = clinician.open_case()
    for address in ("/cases/new", f"/cases/{case}"):
        page = clinician.get(address).text
        accepted = page.split('accept="')[1].split('"')[0].split(",")
        assert {*SUFFIXES, ".zip"} < set(accepted)
        assert "HEIC" in page


def test_nothing_of_a_person_in_a_dicom_is_stored(app: Flask, clinician: Someone) -> None:
    """Only its pixels are."""
    from tests.smear.imaging.test_dicom import PERSON, SIDE, dicom

    data = dicom(synthetic.field(3, "leukemic", SIDE).tobytes())
    answer = clinician.upload(clinician.open_case(), data, "IM0001.dcm")
    assert answer.status_code == 201
    instance = app.config["INSTANCE_DIR"]
    for path in instance.rglob("*"):
        if path.is_file():
            assert PERSON.encode() not in path.read_bytes()
    with app.app_context():
        assert db.session.scalars(select(SmearImage.display_name)).one() == "IM0001.dcm"
