"""Stored pictures that are large, or that the disk has lost: each fails by itself, and no page is closed by it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

from app.cases import intake
from app.database import db, writing
from app.image_store import ImageStore, UnreadableError, image_store
from app.records import SmearImage
from app.storage.folder import Folder
from smear.imaging import picture
from smear.imaging.decode import encode
from tests.app.steps import PASSWORD, Someone, change, reading_of, review_all, sign, work_done
from tests.data import pictures

pytestmark = pytest.mark.faults


def cut(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change a byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def exchange(path: Path) -> None:
    """Put another picture in its place, which every decoder reads."""
    path.write_bytes(encode(np.zeros((320, 320, 3), np.uint8)))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "flipped": flip,
    "exchanged": exchange,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_the_store_says_so_in_one_way(tmp_path: Path, how: str) -> None:
    """Whatever the disk did, it is one error."""
    store = ImageStore(Folder(tmp_path))
    stored = store.put_picture(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))
    DAMAGE[how](store.place.path(stored.pixels))
    with pytest.raises(UnreadableError):
        store.read(stored.pixels)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_picture_fails_alone(app: Flask, clinician: Someone, field: bytes, how: str) -> None:
    """Case, cells page, worklist, report and the other image are there; what needs its pixels says what is wrong."""
    case = clinician.open_case()
    good = clinician.upload(case, pictures.smear("PNG", 3), "good.png").json
    bad = clinician.upload(case, field, "bad.png").json
    change(app, bad["id"], "suggested", "Benign")
    reading = reading_of(app, bad["id"])
    with app.app_context():
        path = image_store().place.path(db.session.get_one(SmearImage, bad["id"]).pixels_sha256)
    DAMAGE[how](path)

    for page in ("/", f"/cases/{case}", f"/cases/{case}/cells", good["url"], bad["url"]):
        assert clinician.get(page).status_code == 200, page
    assert clinician.get(f"/cases/{case}/cells/{good['id']}/sheet").status_code == 200
    for address in (
        f"/cases/{case}/cells/{bad['id']}/sheet",
        f"/cases/{case}/cells/{bad['id']}/1",
        f"/readings/{reading.id}/views/median",
        f"/readings/{reading.id}/overlay/Benign",
    ):
        answer = clinician.get(address)
        assert answer.status_code == 410, address
        assert "cannot be read from the disk" in answer.text
    assert clinician.get(f"/images/{bad['id']}/pixels").status_code == 410

    review_all(clinician, case)
    assert sign(clinician, case, password=PASSWORD).status_code == 302
    document = clinician.get(f"/cases/{case}/versions/1/report.pdf")
    assert document.status_code == 200
    assert document.data.startswith(b"%PDF")
    work_done(app)


def test_what_was_taken_in_is_shown_however_large_its_file_became(
    app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JPEG of 40 MB is a PNG of 200: the limit of what is sent is none of what is kept."""
    data = pictures.smear("JPEG", 3)
    monkeypatch.setattr("smear.imaging.decode.MAX_BYTES", len(data))
    answer = clinician.upload(case := clinician.open_case(), data, "wide.jpg").json
    pixels = clinician.get(f"/images/{answer['id']}/pixels").data
    assert len(pixels) > len(data)
    reading = reading_of(app, answer["id"])
    assert clinician.get(f"/cases/{case}/cells").status_code == 200
    assert clinician.get(f"/readings/{reading.id}/views/median").status_code == 200


def test_the_largest_picture_fits_the_limit_of_the_store() -> None:
    """Noise packs to nothing less than itself, and a PNG adds a thousandth at most."""
    from app.image_store import STORED_BYTES

    noise = np.random.default_rng(0).integers(0, 256, (500, 600, 3), dtype=np.uint8)
    assert len(encode(noise)) / noise.nbytes < STORED_BYTES / (3 * picture.MAX_PIXELS)


def test_more_leukocytes_than_can_be_numbered_are_a_sentence(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused when it comes, and leaves no row behind; `maintenance` tells of it and goes on."""
    case = clinician.open_case()
    kept = clinician.upload(case, pictures.smear("PNG", 3), "kept.png").json
    monkeypatch.setattr("smear.segmentation.label_map.MOST", 0)
    answer = clinician.upload(case, field, "crowded.png")
    assert answer.status_code == 422
    assert "a label map can number 0" in answer.json["error"]
    with app.app_context(), writing() as session:
        assert session.scalars(select(SmearImage.id)).all() == [kept["id"]]
        session.get_one(SmearImage, kept["id"]).detections.label_map_sha256 = ""
    result = app.test_cli_runner().invoke(args=["maintenance"])
    assert "a label map can number 0" in result.output
    assert "Traceback" not in result.output


def files_of(app: Flask, image_id: str) -> dict[str, Path]:
    """Return the files of an image in the store."""
    with app.app_context():
        image = db.session.get_one(SmearImage, image_id)
        digests = image.pixels_sha256, image.thumbnail_sha256, image.detections.label_map_sha256
        return {
            what: image_store().place.path(d)
            for what, d in zip(("pixels", "thumbnail", "outlines"), digests, strict=True)
        }


@pytest.mark.parametrize("signed", [False, True])
def test_the_same_file_once_more_repairs_it(app: Flask, clinician: Someone, field: bytes, signed: bool) -> None:
    """Whichever of its files was damaged, of a signed case too; a whole one is only said to be there."""
    case = clinician.open_case()
    image = clinician.upload(case, field).json["id"]
    if signed:
        review_all(clinician, case)
        assert sign(clinician, case).status_code == 302
    for path in files_of(app, image).values():
        before = path.read_bytes()
        exchange(path)
        answer = clinician.upload(case, field)
        assert answer.status_code == 409
        assert "was damaged, and is whole again" in answer.json["error"]
        assert path.read_bytes() == before
    assert clinician.get(f"/images/{image}/pixels").status_code == 200
    again = clinician.upload(case, field)
    assert again.status_code == 409
    assert "whole again" not in again.json["error"]
    work_done(app)


def test_a_picture_of_two_cases_outlives_its_removal_from_one(
    app: Flask, clinician: Someone, field: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed from the first while the second takes it in, after its file was found and before its row is there."""
    first, second = clinician.open_case("A-1"), clinician.open_case("A-2")
    image = clinician.upload(first, field).json["id"]
    colleague = Someone(app, "second")
    keep = intake.keep_outlines

    def meanwhile(*arguments: Any) -> Any:
        kept = keep(*arguments)
        assert colleague.post(f"/cases/{first}/images/{image}/remove").status_code == 302
        return kept

    monkeypatch.setattr(intake, "keep_outlines", meanwhile)
    answer = clinician.upload(second, field)
    assert answer.status_code == 201
    assert all(path.is_file() for path in files_of(app, answer.json["id"]).values())
    work_done(app)


def test_maintenance_sweeps_what_was_removed(app: Flask, clinician: Someone, field: bytes, blank: bytes) -> None:
    """A day later, and nothing that an image needs."""
    case = clinician.open_case()
    image, kept = (clinician.upload(case, data).json["id"] for data in (field, blank))
    gone, needed = files_of(app, image), files_of(app, kept)
    clinician.post(f"/cases/{case}/images/{image}/remove")
    work_done(app)
    sweep = app.test_cli_runner().invoke
    assert "Files removed that no image needs: 0." in sweep(args=["maintenance"]).output
    for path in {*gone.values(), *needed.values()}:
        os.utime(path, (0, 0))
    assert "Files removed that no image needs: 3." in sweep(args=["maintenance"]).output
    assert not any(path.exists() for path in gone.values())
    assert all(path.exists() for path in needed.values())
