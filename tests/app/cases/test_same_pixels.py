"""Pixels that a lab had before are not segmented and not read again, and the answer is the very same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from app.database import db, writing
from app.differential import at_upload
from app.inference import result_cache
from app.inference.engine import Engine
from app.inference.result_cache import ResultCache
from app.records import CachedResult, Detections, Job, LeukocyteEvidence, SmearImage, now
from smear.imaging.decode import decode
from smear.inference.network import Network
from smear.segmentation import find, mask_network
from tests.app.cells.test_redrawing import redraw
from tests.app.conftest import BUNDLE
from tests.app.steps import Someone, events, work_done
from tests.conftest import CELL_BUNDLE, copy_bundle
from tests.data.pictures import file, suggested

SECOND = "second-model"


@pytest.fixture(scope="module")
def engine_of_three(cell_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine with the shipped bundle, one for cells, and a second one for fields."""
    folder = tmp_path_factory.mktemp("three")
    for name in (BUNDLE, CELL_BUNDLE):
        shutil.copytree(cell_models / name, folder / name)
    copy_bundle(cell_models / BUNDLE, folder, SECOND)
    engine = Engine(folder, 64)
    engine.start([BUNDLE, CELL_BUNDLE, SECOND])
    engine.load(SECOND)
    yield engine
    engine.stop()


@pytest.fixture
def app(make_app: Callable[..., Flask], engine_of_three: Engine) -> Flask:
    """Return an application on which cells are typed at upload."""
    made = make_app(MODELS_DIR=engine_of_three.folder, DEFAULT_CELL_BUNDLE=CELL_BUNDLE)
    made.extensions["engine"] = engine_of_three
    return made


class Work:
    """What was computed since it was last asked: pictures that were segmented, pictures that networks were shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.segmented = self.shown = 0
        unsegmented, ask = find.unsegmented, Network._ask

        def segment(rgb: np.ndarray) -> Any:
            self.segmented += 1
            return unsegmented(rgb)

        def show(network: Network, batch: np.ndarray, *rest: Any, **named: Any) -> Any:
            self.shown += len(batch)
            return ask(network, batch, *rest, **named)

        monkeypatch.setattr(find, "unsegmented", segment)
        monkeypatch.setattr(Network, "_ask", show)

    def since(self, app: Flask) -> tuple[int, bool]:
        """Return how many pictures were segmented, and whether a network was shown any, jobs included."""
        work_done(app)
        done, self.segmented, self.shown = (self.segmented, self.shown > 0), 0, 0
        return done


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Return what counts."""
    return Work(monkeypatch)


def taken_in(someone: Someone, accession: str, data: bytes, name: str = "field.jpg") -> tuple[str, str]:
    """Upload a file into a case of its own; return the case and the image."""
    case = someone.open_case(accession)
    answer = someone.upload(case, data, name)
    assert answer.status_code == 201, answer.text
    return case, answer.json["id"]


def answer_of(app: Flask, image_id: str) -> dict[str, Any]:
    """Return all that was computed of an image, but for the time that it took."""
    with app.app_context():
        image = db.session.get_one(SmearImage, image_id)
        (reading,) = image.readings
        db.session.refresh(reading, ["result"])
        evidence = db.session.get(LeukocyteEvidence, reading.id)
        assert image.detections is not None
        return {
            "files": (image.pixels_sha256, image.thumbnail_sha256, image.width, image.height),
            "outlines": [getattr(image.detections, name) for name in ("segmenter", "boxes", "cut", "label_map_sha256")],
            "reading": {key: value for key, value in reading.result.items() if key != "milliseconds"},
            "shown": (reading.outcome, reading.label, reading.confidence, reading.probabilities, reading.labels),
            "cells": [(one.bundle, one.version, one.first, one.suggestions) for one in image.cell_readings],
            "evidence": (evidence.changes, evidence.outlines) if evidence else None,
        }


def test_in_another_case_it_is_computed_once_and_the_answer_is_the_same(
    app: Flask, clinician: Someone, work: Work
) -> None:
    """Outlines, the field's reading, its cells and the evidence; the ledger says that the picture was recognized."""
    _case, first = taken_in(clinician, "A-1", suggested())
    assert work.since(app) == (1, True)
    _case, again = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (0, False)
    expected = answer_of(app, first)
    assert expected["shown"][0] == "suggested"
    assert expected["evidence"]
    assert expected["cells"][0][3]
    assert answer_of(app, again) == expected
    added = [event.details for event in events(app) if event.action == "image.added"]
    assert [details.get("recognized") for details in added] == [None, True]


def test_another_file_of_the_same_pixels_has_notes_of_its_own(app: Flask, clinician: Someone, work: Work) -> None:
    """What was changed in opening a file is told of that file alone."""
    rgb = decode(suggested()).rgb
    clear = BytesIO()
    Image.fromarray(np.dstack([rgb, np.zeros(rgb.shape[:2], np.uint8)])).save(clear, "PNG")
    (note,) = decode(clear.getvalue()).notes
    notes = []
    for place, data in enumerate((clear.getvalue(), file(rgb, "BMP"), clear.getvalue() + b"\0")):
        _case, image = taken_in(clinician, f"A-{place}", data, f"field-{place}")
        assert work.since(app) == ((1, True) if place == 0 else (0, False))
        notes.append(answer_of(app, image)["reading"]["notes"])
    assert note in notes[0]
    assert notes[1] == [one for one in notes[0] if one != note]
    assert notes[2] == notes[0]


def test_after_its_removal_it_is_recognized(app: Flask, clinician: Someone, work: Work) -> None:
    """As when it was sent to the wrong case: nothing of its rows is left, and nothing is computed anew."""
    case, image = taken_in(clinician, "A-1", suggested())
    work.since(app)
    expected = answer_of(app, image)
    assert clinician.post(f"/cases/{case}/images/{image}/remove", {"reason": "wrong_case"}).status_code == 302
    with app.app_context():
        assert db.session.scalar(select(SmearImage.id)) is None
    _case, again = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (0, False)
    assert answer_of(app, again) == expected


@pytest.mark.parametrize("what", ["label map", "picture"])
def test_what_the_store_has_lost_is_computed_and_stored_again(
    app: Flask, clinician: Someone, work: Work, what: str
) -> None:
    """As after the sweep: a row of the cache holds no file back."""
    _case, first = taken_in(clinician, "A-1", suggested())
    work.since(app)
    expected = answer_of(app, first)
    digest = expected["outlines"][3] if what == "label map" else expected["files"][0]
    store = app.extensions["image_store"]
    store.place.path(digest).unlink()
    _case, again = taken_in(clinician, "A-2", suggested())
    assert work.since(app)[0] == 1
    assert answer_of(app, again) == expected
    assert store.read_bytes(digest)


def test_another_laboratory_computes(
    app: Flask, clinician: Someone, someone: Callable[..., Someone], work: Work
) -> None:
    """The answer is the same, and how soon it comes tells nothing of what others have."""
    _case, first = taken_in(clinician, "A-1", suggested())
    assert work.since(app) == (1, True)
    _case, theirs = taken_in(someone("stranger"), "A-1", suggested())
    assert work.since(app) == (1, True)
    assert answer_of(app, theirs) == answer_of(app, first)


@pytest.mark.parametrize("changed", ["version", "graph"])
def test_another_segmenter_computes(
    app: Flask, clinician: Someone, work: Work, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Another version on its card, or another network under the same one."""
    taken_in(clinician, "A-1", suggested())
    assert work.since(app) == (1, True)
    if changed == "version":
        card = replace(mask_network.read_card(), version="99.0")
        monkeypatch.setattr(mask_network, "read_card", lambda _folder=None: card)
    else:
        monkeypatch.setattr(mask_network.segmenter(), "graph_sha256", "0" * 64)
    _case, image = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (1, True)
    assert answer_of(app, image)["outlines"][0].endswith(" 99.0") == (changed == "version")


@pytest.mark.parametrize("name", [BUNDLE, CELL_BUNDLE])
def test_another_version_of_a_bundle_reads_and_nothing_is_segmented(
    app: Flask, clinician: Someone, work: Work, engine_of_three: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The outlines are the segmenter's, whatever reads them; what the other bundle said stays known."""
    taken_in(clinician, "A-1", suggested())
    assert work.since(app) == (1, True)
    loaded = engine_of_three.loaded(name)
    assert loaded.bundle is not None
    other = replace(
        loaded.bundle, card=msgspec.structs.replace(loaded.bundle.card, version="99.0"), card_sha256="0" * 64
    )
    monkeypatch.setattr(loaded, "bundle", other)
    monkeypatch.setattr("app.inference.evidence.bundle_of", lambda _reading: other)  # else it is loaded from the disk
    _case, image = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (0, True)
    answer = answer_of(app, image)
    versions = {BUNDLE: answer["reading"]["version"]} | {cells[0]: cells[1] for cells in answer["cells"]}
    assert {one: version == "99.0" for one, version in versions.items()} == {
        one: one == name for one in (BUNDLE, CELL_BUNDLE)
    }
    taken_in(clinician, "A-3", suggested())
    assert work.since(app) == (0, False)


def test_the_same_version_with_another_card_is_another_bundle(app: Flask, engine_of_three: Engine) -> None:
    """A result is a bundle's by the hash of its card, in which every other hash stands."""
    bundle = engine_of_three.loaded(BUNDLE).bundle
    assert bundle is not None
    rgb = decode(suggested()).rgb
    with app.app_context():
        with writing() as session:
            cache = ResultCache(1, rgb, "f" * 64)
            cache.add(result_cache.CELLS, bundle, ["said"])
            cache.keep(session)
        again = ResultCache(1, rgb, "f" * 64)
        assert again.get(result_cache.CELLS, bundle) == ["said"]
        assert again.get(result_cache.CELLS, replace(bundle, card_sha256="0" * 64)) is None
        assert again.get(result_cache.FIELD, bundle) is None
        assert ResultCache(1, rgb, "0" * 64).get(result_cache.CELLS, bundle) is None
        assert ResultCache(1, rgb).get(result_cache.CELLS, bundle) is None
        assert ResultCache(2, rgb, "f" * 64).get(result_cache.CELLS, bundle) is None
        assert ResultCache(1, rgb.reshape(1, -1, 3), "f" * 64).get(result_cache.CELLS, bundle) is None


def test_second_opinions_segment_nothing_and_are_known_too(app: Flask, clinician: Someone, work: Work) -> None:
    """One over a case reads; the same over the same picture in another case reads nothing."""
    answers = []
    for accession in ("A-1", "A-2"):
        case, image = taken_in(clinician, accession, suggested())
        uploaded = work.since(app)
        assert clinician.post(f"/cases/{case}/readings", {"bundle": SECOND}).status_code == 302
        assert (uploaded, work.since(app)) == (
            ((1, True), (0, True)) if accession == "A-1" else ((0, False), (0, False))
        )
        with app.app_context():
            readings = db.session.get_one(SmearImage, image).readings
            assert [one.bundle for one in readings] == [BUNDLE, SECOND]
            db.session.refresh(readings[1], ["result"])
            answers.append({key: value for key, value in readings[1].result.items() if key != "milliseconds"})
    assert answers[0] == answers[1]


def test_many_cells_are_a_job_once(app: Flask, clinician: Someone, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job has typed is known at the next upload, in which it needs none."""
    monkeypatch.setattr(at_upload, "AT_ONCE", 1)
    _case, first = taken_in(clinician, "A-1", suggested())
    work.since(app)
    monkeypatch.setattr(at_upload, "AT_ONCE", 0)
    _case, again = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (0, False)
    assert answer_of(app, again)["cells"] == answer_of(app, first)["cells"]
    with app.app_context():
        assert len(db.session.scalars(select(Job).where(Job.kind == "cells")).all()) == 1


def test_outlines_that_somebody_redrew_are_not_taken_over(app: Flask, clinician: Someone, work: Work) -> None:
    """The picture comes with what the segmenter found; nor does what is read of redrawn outlines come with it."""
    case, image = taken_in(clinician, "A-1", suggested())
    work.since(app)
    expected = answer_of(app, image)
    corner = {"image": image, "x": "30", "y": "30", "diameter": "40"}
    assert redraw(clinician, case, "add", **corner).status_code == 200
    clinician.post(f"/cases/{case}/readings", {"bundle": SECOND})  # reads what was redrawn
    work.since(app)
    with app.app_context():
        redrawn = db.session.scalars(select(Detections)).one()
        assert len(redrawn.boxes) == len(expected["outlines"][1]) + 1
    other, again = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (0, False)
    assert answer_of(app, again) == expected
    clinician.post(f"/cases/{other}/readings", {"bundle": SECOND})
    assert work.since(app) == (0, True)


def test_a_row_that_was_changed_past_the_application_is_not_believed(
    app: Flask, clinician: Someone, work: Work
) -> None:
    """Else a reading of whoever can write into the database would be recorded as the model's."""
    _case, first = taken_in(clinician, "A-1", suggested())
    work.since(app)
    expected = answer_of(app, first)
    with app.app_context(), writing() as session:
        for row in session.scalars(select(CachedResult)):
            row.content = row.content.replace('"suggested"', '"unsure"').replace(
                '"boxes": [[', '"boxes": [[1, 1, 9, 9], ['
            )
    _case, again = taken_in(clinician, "A-2", suggested())
    assert work.since(app) == (1, True)
    assert answer_of(app, again) == expected
    taken_in(clinician, "A-3", suggested())
    assert work.since(app) == (0, False)


def test_what_was_long_of_no_use_is_forgotten(app: Flask, clinician: Someone, field: bytes) -> None:
    """Each upload removes what is too old; what was of use again is young."""

    def grown_older(by: timedelta) -> list[timedelta]:
        with app.app_context(), writing() as session:
            rows = session.scalars(select(CachedResult)).all()
            before = [now() - row.used_at for row in rows]
            for row in rows:
                row.used_at -= by
            return before

    taken_in(clinician, "A-1", field)
    grown_older(result_cache.KEPT - timedelta(hours=1))
    taken_in(clinician, "A-2", field)
    ages = grown_older(result_cache.KEPT)
    assert len(ages) == 3  # outlines, field, cells
    assert max(ages) < timedelta(hours=1)
    taken_in(clinician, "A-3", suggested())
    work_done(app)
    ages = grown_older(timedelta())
    assert ages
    assert max(ages) < timedelta(hours=1)
