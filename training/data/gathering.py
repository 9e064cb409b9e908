"""Single cells of many laboratories in one folder, as `training/data/gathering.toml` says where they lie.

Public data sets name the same cell in several ways, give patients numbers that mean another one elsewhere, and some are
fields. What is made of them is a folder with `manifest.csv` like any other: one label for one kind of cell, the
laboratory in the column `source`, patients that cannot be mistaken for another laboratory's, and cells cut from fields
in pictures of their own. A cell that stands under two labels is left out: nobody knows what it is.
"""

import csv
import itertools
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from pathlib import Path

import cv2
import msgspec
import numpy as np
from msgspec import Struct

from smear.arrays import Array
from smear.imaging.decode import ImageError, decode
from smear.imaging.field_of_view import framed
from smear.segmentation.find import find
from training.data import manifest
from training.data.dataset import load
from training.data.duplicates import agreed
from training.data.manifest import MANIFEST, DataError, Row
from training.progress import track

PLAN = Path(__file__).with_name("gathering.toml")
SURROUNDINGS = 2.6  # longer sides of a cell that a picture of it is wide: the slide's own colour is still in it


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A data set to take cells from.

    folder: its name; source: the laboratory, "" for what its manifest says; labels: what a label of its own is called
    here, where that differs; leave_out: labels that nobody wants; most: pictures of a label that are drawn, 0 for all;
    cut: whether its pictures are fields, out of which whole leukocytes are cut, at most so many of each.
    """

    folder: str
    source: str = ""
    labels: dict[str, str] = {}
    leave_out: tuple[str, ...] = ()
    most: int = 0
    cut: int = 0


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What to gather, in order."""

    parts: tuple[Part, ...]


def read_plan(file: Path = PLAN) -> Plan:
    """Return the plan in a TOML file; DataError where it is none."""
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Plan)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{file.name} is no plan of what to gather: {error}.") from error


def gather(plan: Plan, root: Path, out: Path, report: Callable[[str], None]) -> list[Row]:
    """Write the cells of the plan's data sets, folders of `root`, with their manifest into `out`; return its rows.

    What cannot be read as a picture, because it is too small, is left out, and so are pictures that stand under two
    labels, which are reported. DataError where a data set is not there, or `out` holds something already.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out} is not empty. Choose another --out, or remove it.")
    missing = [part.folder for part in plan.parts if not (root / part.folder / MANIFEST).is_file()]
    if missing:
        raise DataError(f"There is no {missing[0]}/{MANIFEST} in {root}.")
    out.mkdir(parents=True, exist_ok=True)
    rows = [row for part in plan.parts for row in _of_part(part, root / part.folder, out)]
    _write(rows, out)
    certain = set(agreed(load(out, many_labels=True), report).paths)
    for row in rows:
        if row.path not in certain:
            (out / row.path).unlink()
    rows = [row for row in rows if row.path in certain]
    _write(rows, out)
    return rows


def _write(rows: list[Row], out: Path) -> None:
    """Write the manifest."""
    with (out / MANIFEST).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(Row))
        writer.writerows(map(astuple, rows))


def _of_part(part: Part, folder: Path, out: Path) -> Iterator[Row]:
    """Write the cells of one data set into `out`, and yield their rows."""
    rows = [row for row in manifest.read(folder, many_labels=True) if row.label not in part.leave_out]
    for row in track(_drawn(rows, part.most), part.folder):
        label, source = part.labels.get(row.label, row.label), part.source or row.source or part.folder
        group = f"{source}:{row.group}" if row.group else ""
        place = Path(source) / label
        (out / place).mkdir(parents=True, exist_ok=True)
        data = (folder / row.path).read_bytes()
        try:
            picture = framed(decode(data)).rgb
        except ImageError:
            continue
        if not part.cut:
            path = _free(out, place / Path(row.path).name)
            (out / path).write_bytes(data)
            yield Row(path.as_posix(), label, group, source)
            continue
        for number, cell in enumerate(_cells(picture, part.cut)):
            path = _free(out, place / f"{Path(row.path).stem}-{number}.png")
            # Packed first: what OpenCV writes by itself is lost without a word where the disk is full.
            (out / path).write_bytes(cv2.imencode(".png", cell[..., ::-1])[1].tobytes())
            yield Row(path.as_posix(), label, group, source)


def _free(out: Path, path: Path) -> Path:
    """Return a path below `out` that no picture has: each patient's folder may have its own 0.png."""
    names = itertools.chain([path.name], (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2)))
    return next(path.with_name(name) for name in names if not (out / path.with_name(name)).exists())


def _drawn(rows: list[Row], most: int) -> list[Row]:
    """Return at most so many rows of each label, drawn by chance, the same every time; all where `most` is 0."""
    if not most:
        return rows
    random, labels = np.random.default_rng(0), np.array([row.label for row in rows])
    chosen = [
        random.choice(own, min(most, len(own)), replace=False)
        for own in (np.flatnonzero(labels == label) for label in np.unique(labels))
    ]
    return [rows[i] for i in np.sort(np.concatenate(chosen))]


def _cells(rgb: Array, most: int) -> Iterator[Array]:
    """Yield squares around whole leukocytes of a field, uint8 (h, w, 3), the largest first, at most so many."""
    field = find(rgb)
    whole = [int(i) for i in np.argsort(-field.areas) if not field.cut[i]]
    for i in whole[:most]:
        x0, y0, x1, y1 = field.boxes[i].tolist()
        half = round(SURROUNDINGS * max(x1 - x0, y1 - y0) / 2)
        x, y = (x0 + x1) // 2, (y0 + y1) // 2
        # As far as the field goes to both sides, so that the cell stays in the middle.
        half_x, half_y = (min(half, at, end - at) for at, end in ((x, rgb.shape[1]), (y, rgb.shape[0])))
        yield rgb[y - half_y : y + half_y, x - half_x : x + half_x]
