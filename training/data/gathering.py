"""Single cells of many laboratories in one folder, as `training/data/gathering.toml` says where they lie.

Public data sets name the same cell in several ways, give patients numbers that mean another one elsewhere, and some are
fields. What is made of them is a folder with `manifest.csv` like any other: one label for one kind of cell, the
laboratory in the column `source`, patients that cannot be mistaken for another laboratory's, and cells cut from fields
in pictures of their own. A cell that stands under two labels is left out: nobody knows what it is.
"""

import csv
import itertools
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from training.data.patients import folded
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

    def laboratory(self, row: Row) -> str:
        """Return which laboratory a row of its manifest is of."""
        return self.source or row.source or self.folder


Patients = Mapping[tuple[str, str], str]  # by laboratory and id as it is written, "" for nobody


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

    What cannot be read as a picture is left out, and so are fields without a whole leukocyte, and pictures that stand
    under two labels; all of that is reported. DataError where a data set is not there, `out` holds something already,
    or a laboratory or label cannot be the name of a folder.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out} is not empty. Choose another --out, or remove it.")
    missing = [part.folder for part in plan.parts if not (root / part.folder / MANIFEST).is_file()]
    if missing:
        raise DataError(f"There is no {missing[0]}/{MANIFEST} in {root}.")
    parts = [(part, _wanted(part, root / part.folder)) for part in plan.parts]
    patients = _patients(parts, report)
    out.mkdir(parents=True, exist_ok=True)
    rows = [row for part, own in parts for row in _of_part(part, own, root / part.folder, out, patients, report)]
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


def _wanted(part: Part, folder: Path) -> list[Row]:
    """Return the rows of a data set that are to be gathered; DataError where they would lie outside the new folder."""
    rows = [row for row in manifest.read(folder, many_labels=True) if row.label not in part.leave_out]
    names = {name for row in rows for name in (part.laboratory(row), part.labels.get(row.label, row.label))}
    wrong = sorted(name for name in names if name in {".", ".."} or set(name) & set("/\\\0"))
    if wrong:
        raise DataError(
            f"{part.folder}: '{wrong[0]}' cannot be the name of a folder, and each laboratory and label gets one. Give"
            " it another name in the plan."
        )
    return rows


def _patients(parts: Sequence[tuple[Part, list[Row]]], report: Callable[[str], None]) -> Patients:
    """Return what each patient of each laboratory is called from now on: with the laboratory's name before it.

    Ids are compared within a laboratory as `training.data.patients` does, here, because its name hides afterwards that
    one names nobody, or is a number.
    """
    written: dict[str, list[str]] = defaultdict(list)
    for part, rows in parts:
        for row in rows:
            written[part.laboratory(row)].append(row.group)
    named: dict[tuple[str, str], str] = {}
    for source, spellings in written.items():
        patients, remarks = folded(spellings)
        for remark in remarks:
            report(f"{source}: {remark}")
        for spelling, patient in zip(spellings, patients, strict=True):
            named[source, spelling] = f"{source}:{patient}" if patient else ""
    return named


def _of_part(
    part: Part, rows: list[Row], folder: Path, out: Path, patients: Patients, report: Callable[[str], None]
) -> Iterator[Row]:
    """Write the cells of one data set into `out`, and yield their rows; what gives none is reported."""
    unreadable, empty = list[str](), list[str]()
    for row in track(_drawn(rows, part.most), part.folder):
        label, source = part.labels.get(row.label, row.label), part.laboratory(row)
        group = patients[source, row.group]
        place = Path(source) / label
        (out / place).mkdir(parents=True, exist_ok=True)
        data = manifest.located(folder, row.path).read_bytes()
        try:
            picture = framed(decode(data)).rgb
        except ImageError as error:
            unreadable.append(f"{row.path} ({error.text})")
            continue
        if not part.cut:
            path = _free(out, place / Path(row.path).name)
            (out / path).write_bytes(data)
            yield Row(path.as_posix(), label, group, source)
            continue
        cells = list(_cells(picture, part.cut))
        if not cells:
            empty.append(row.path)
        for number, cell in enumerate(cells):
            path = _free(out, place / f"{Path(row.path).stem}-{number}.png")
            # Packed first: what OpenCV writes by itself is lost without a word where the disk is full.
            (out / path).write_bytes(cv2.imencode(".png", cell[..., ::-1])[1].tobytes())
            yield Row(path.as_posix(), label, group, source)
    for paths, why in ((unreadable, "cannot be read"), (empty, "show no whole leukocyte")):
        if paths:
            report(f"Left out of {part.folder}, for they {why}: {len(paths)} of its pictures, such as {paths[0]}.")


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
