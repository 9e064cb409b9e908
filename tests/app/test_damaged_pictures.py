"""Stored pictures that are large, or that the disk has lost: each fails by itself, and no page is closed by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask import Flask

from app.database import db, writing
from app.image_store import ImageStore, UnreadableError, image_store
from app.records import SmearImage
from smear.imaging import picture
from smear.imaging.decode import encode
from tests.app.steps import PASSWORD, Someone, change, reading_of, review_all, sign, work_done
from tests.data import pictures


def cut(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change a byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "flipped": flip,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_the_store_says_so_in_one_way(tmp_path: Path, how: str) -> None:
    """Whatever the disk did, it is one error."""
    store = ImageStore(tmp_path)
    stored = store.put_picture(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))
    DAMAGE[how](store.path(stored.pixels))
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
        path = image_store().path(db.session.get_one(SmearImage, bad["id"]).pixels_sha256)
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
    assert clinician.get(f"/images/{bad['id']}/pixels").status_code in (200, 410)

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
    """It is refused when it comes, and leaves nothing behind; `maintenance` tells of it and goes on."""
    case = clinician.open_case()
    kept = clinician.upload(case, pictures.smear("PNG", 3), "kept.png").json
    before = len([path for path in (app.config["INSTANCE_DIR"] / "images").rglob("*") if path.is_file()])
    monkeypatch.setattr("smear.segmentation.label_map.MOST", 0)
    answer = clinician.upload(case, field, "crowded.png")
    assert answer.status_code == 422
    assert "a label map can number 0" in answer.json["error"]
    assert len([path for path in (app.config["INSTANCE_DIR"] / "images").rglob("*") if path.is_file()]) == before
    with app.app_context(), writing() as session:
        session.get_one(SmearImage, kept["id"]).detections.label_map_sha256 = ""
    result = app.test_cli_runner().invoke(args=["maintenance"])
    assert "a label map can number 0" in result.output
    assert "Traceback" not in result.output
