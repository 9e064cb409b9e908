"""A field that is wider than the model's: read in parts, which the page draws, with one answer for all of it."""

from __future__ import annotations

import html
import json
import re

import numpy as np
from flask import Flask

from app.inference import evidence
from app.reading.more_maps import SLOW
from smear.imaging.decode import decode, encode
from tests.app.steps import Someone, reading_of, work_done
from tests.data.pictures import suggested


def test_parts_are_drawn_and_what_is_of_one_picture_only_is_not_offered(app: Flask, clinician: Someone) -> None:
    """The map covers the whole picture; what needs one input (further maps) is not there."""
    field = decode(suggested()).rgb
    wide = encode(np.tile(field, (2, 3, 1)), "PNG")
    case = clinician.open_case()
    answer = clinician.upload(case, wide).json
    assert answer["outcome"] == "suggested"
    work_done(app)
    reading = reading_of(app, answer["id"])
    assert len(reading.detail.parts) == 6
    assert reading.detail.maps.shape[2] == reading.detail.maps.shape[1] * 3 // 2
    page = clinician.get(f"{answer['url']}?view=map").text
    stage = re.search(r'data-stage="([^"]*)"', page)
    assert stage
    data = json.loads(html.unescape(stage[1]))
    assert data["parts"] == reading.detail.parts
    assert "model" not in data["views"]
    assert "6 parts with whole leukocytes were read" in page
    assert "Which leukocytes count?" not in page
    with app.app_context():
        counting = evidence.counting(reading)
    assert len(counting) == reading.detail.leukocytes
    assert max(leukocyte.change for leukocyte in counting) > 0
    assert f'data-cell="{counting[0].number}"' in page
    picture = clinician.get(f"/readings/{reading.id}/overlay/{reading.label}")
    assert decode(picture.data).rgb.shape == (448, 672, 3)
    asked = clinician.post(f"{answer['url']}/maps", {"reading": reading.id, "label": reading.label})
    assert "read in parts" in clinician.get(asked.location).text
    assert not [method for method in SLOW if f'data-method="{method}"' in page]
    again = reading_of(app, clinician.upload(clinician.open_case("A-2"), wide).json["id"]).result
    assert {**again, "milliseconds": 0} == {**reading.result, "milliseconds": 0}
