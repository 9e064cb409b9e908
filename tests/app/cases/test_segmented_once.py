"""A picture is segmented when it is uploaded, and never again, whatever is looked at."""

from __future__ import annotations

import re
from itertools import count

import pytest
from flask import Flask

from smear.segmentation import find
from tests.app.steps import Someone, review_all, sign, work_done
from tests.data.pictures import suggested


def test_from_the_upload_to_the_report(app: Flask, clinician: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading with its views and maps, evidence, cells, a cell's page, its export, and the signed report as PDF."""
    begun, seen = find.unsegmented, count()
    monkeypatch.setattr(find, "unsegmented", lambda rgb: (next(seen), begun(rgb))[1])
    case = clinician.open_case()
    page = clinician.upload(case, suggested()).json["url"]
    image = page.rsplit("/", 1)[-1]
    work_done(app)
    shown = clinician.get(page).text
    pictures = set(re.findall(r"/readings/\w+/(?:views/\w+|overlay/[\w.]+)", shown))
    assert len(pictures) >= 4
    cells = f"/cases/{case}/cells"
    paths = [*sorted(pictures), cells, f"{cells}.csv", f"{cells}.json", f"{cells}/{image}/sheet", f"{cells}/{image}/1"]
    for path in paths:
        assert clinician.get(path).status_code == 200, path
    review_all(clinician, case)
    assert sign(clinician, case).status_code == 302
    assert clinician.get(f"/cases/{case}/versions/1").status_code == 200
    assert clinician.get(f"/cases/{case}/versions/1/report.pdf").status_code == 200
    assert next(seen) == 1
