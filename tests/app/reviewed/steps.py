"""What the tests of labels do: cases with pictures, and people who say what they see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import Detections
from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.app.steps import Someone, sign


def picture(seed: int, kind: str = "leukemic", side: int = 320) -> bytes:
    """Return a drawn field as an upload, as PNG."""
    return encode(synthetic.field(seed, kind, side), "PNG")


def opened(someone: Someone, accession: str, pictures: list[bytes], **fields: str) -> tuple[str, list[str]]:
    """Open a case with pictures; return its id and theirs."""
    case = someone.open_case(accession, **fields)
    return case, [someone.upload(case, data).json["id"] for data in pictures]


def review(someone: Someone, case: str, image: str, choice: str) -> None:
    """Review one image, on top of what is seen."""
    page = someone.get(f"/cases/{case}/images/{image}").text
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert seen
    data = {"choice": choice, "seen": seen[1], "comment": "seen"}
    assert someone.post(f"/cases/{case}/images/{image}/reviews", data).status_code == 302


def name_cell(someone: Someone, case: str, image: str, number: int, choice: str, version: int = 0) -> None:
    """Say what one cell is, as the browser without script does."""
    data = {"cell": f"{image}.{number}.{version}", "choice": choice}
    answer = someone.post(f"/cases/{case}/cells/annotations", data)
    assert answer.status_code == 302, answer.text


def whole_cells(app: Flask, image: str) -> Iterator[int]:
    """Yield the numbers of the cells of a field that the border does not cut."""
    with app.app_context():
        found = db.session.scalars(select(Detections).where(Detections.image_id == image)).one()
    yield from (number for number, cut in enumerate(found.cut, 1) if not cut)


def signed(someone: Someone, case: str) -> None:
    """Sign a case whose images are reviewed."""
    assert sign(someone, case).status_code == 302


def export(app: Flask, folder: Path, *options: str) -> str:
    """Write an export of the clinician's lab and return what the command says."""
    lab = () if "--lab" in options else ("--lab", "Our laboratory")
    result = app.test_cli_runner().invoke(args=["export-reviewed", str(folder), *lab, *options])
    assert result.exit_code == 0, result.output
    return result.output
