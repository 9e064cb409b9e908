"""`cells`: find the leukocytes of files, print their measurements as CSV, and cut them out.

No model is asked, unless one that reads single cells is named.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.files import Named, pictures_of, printable, walk
from app.inference.loaded_bundles import published
from smear.arrays import Array
from smear.artifacts import BundleError
from smear.imaging.decode import ImageError, encode
from smear.inference import bundle as bundles
from smear.inference import cell_reader
from smear.inference.bundle import Bundle
from smear.inference.suggestion import as_printed
from smear.segmentation.field import Field
from smear.segmentation.find import find
from smear.segmentation.morphometry import Measurements, measure

DIGITS = 4  # after the point
PARTS: dict[str, tuple[str, ...]] = {"box": ("x0", "y0", "x1", "y1")}  # what a column of several values is split into
PARTS |= {
    f"{part}_{what}": tuple(f"{part}_{what}_{channel}" for channel in ("red", "green", "blue"))
    for part in ("nucleus", "cytoplasm")
    for what in ("colour", "density")
}
MEASURED = [column for field in fields(Measurements) for column in PARTS.get(field.name, (field.name,))]
SUGGESTED = ["bundle", "version", "outcome", "label", "confidence"]  # where a model was named
COLUMNS = ["path", "member", "page", "leukocytes", "leukocyte", *MEASURED, "crop", "error"]


def positive(_context: click.Context, _option: click.Parameter, number: float | None) -> float | None:
    """Return the number of an option; a sentence where it is none that can be a scale."""
    if number is not None and not (math.isfinite(number) and number > 0):
        raise click.BadParameter("It has to be a positive number.")
    return number


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--crops",
    default=None,
    type=click.Path(path_type=Path),
    help="A folder, made if new, for a PNG of every leukocyte.",
)
@click.option(
    "--micrometres-per-pixel",
    default=None,
    type=float,
    callback=positive,
    help="The scale of the pictures; without it lengths are in pixels.",
)
@click.option("--bundle", "name", default=None, help="A bundle that reads single cells, to suggest what each is.")
@with_appcontext
def cells(paths: tuple[Path, ...], crops: Path | None, micrometres_per_pixel: float | None, name: str | None) -> None:
    """Cut out and measure every leukocyte of image files, and of folders of them.

    Prints CSV, a row a leukocyte; a picture without any, and a file that could not be read, is a row too.
    The exit status is 1 when a file could not be read.
    """
    model = loaded(name) if name else None
    files = list(walk(paths))  # before there are crops: their folder may lie in one that is walked
    cutter = Cutter(crops) if crops else None
    writer = csv.DictWriter(sys.stdout, [*COLUMNS[:-2], *(SUGGESTED if model else []), *COLUMNS[-2:]])
    writer.writeheader()
    pictures = leukocytes = empty = failed = 0
    for picture in pictures_of(files):
        pictures += 1
        for row in rows_of(picture, cutter, micrometres_per_pixel, model):
            leukocytes += "leukocyte" in row
            empty += row.get("leukocytes") == 0
            failed += "error" in row
            writer.writerow(row)
    counts = f"Pictures: {pictures}. Leukocytes: {leukocytes}. Without any: {empty}. Not read: {failed}."
    click.echo(counts, err=True)
    if failed:
        sys.exit(1)


def loaded(name: str) -> Bundle:
    """Return a bundle that reads single cells; a sentence where there is none of that name."""
    folder = current_app.config["MODELS_DIR"]
    known = [bundle for bundle, card, _text in published(folder) if card and card.scope == "cell"]
    if name not in known:
        raise click.BadParameter(
            f"There is no model '{printable(Path(name))}' for single cells. Known: {', '.join(known) or 'none'}."
        )
    try:
        return bundles.load(folder / name)
    except BundleError as error:
        raise click.ClickException(error.text) from None


def rows_of(
    picture: Named, cutter: Cutter | None, micrometres_per_pixel: float | None, model: Bundle | None
) -> Iterator[dict[str, Any]]:
    """Yield a row for each leukocyte of a picture, or the one that says why there is none."""
    place = {"path": printable(picture.path)} | picture.place
    try:
        rgb = picture.read().decode().rgb
    except ImageError as error:
        yield place | {"error": error.text}
        return
    field = find(rgb)
    measured = measure(field, micrometres_per_pixel)
    suggestions = suggested(model, field) if model else [{}] * len(measured)
    if not measured:
        yield place | {"leukocytes": 0}
    stem = cutter.stem(picture.stem) if cutter and measured else ""
    for number, leukocyte in enumerate(measured, 1):
        row = place | {
            "leukocytes": len(measured),
            "leukocyte": number,
            **flat(leukocyte),
            **suggestions[number - 1],
        }
        if cutter:
            x0, y0, x1, y1 = leukocyte.box
            row["crop"] = printable(cutter.write(f"{stem}-{number}.png", rgb[y0:y1, x0:x1]))
        yield row


def suggested(model: Bundle, field: Field) -> list[dict[str, Any]]:
    """Return what a model suggests for each leukocyte, as columns."""
    return [
        {
            "bundle": model.card.name,
            "version": model.card.version,
            "outcome": as_printed(shown.outcome),
            "label": shown.label,
            "confidence": shown.confidence if shown.confidence is None else round(shown.confidence, DIGITS),
        }
        for shown in (suggestion.shown for suggestion in cell_reader.read(model, field))
    ]


def flat(leukocyte: Measurements) -> dict[str, Any]:
    """Return measurements as columns of one value each; what has no value is None, which CSV leaves empty."""
    row: dict[str, Any] = {}
    for field in fields(leukocyte):
        value = getattr(leukocyte, field.name)
        columns = PARTS.get(field.name)
        if columns:
            row |= dict(zip(columns, value or [None] * len(columns), strict=True))
        else:
            row[field.name] = str(value).lower() if isinstance(value, bool) else value
    return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in row.items()}


class Cutter:
    """Writes crops into one folder under names that no other picture of the same run has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stems: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(f"The folder {printable(folder)} cannot be made: {error.strerror}.") from None

    def stem(self, name: str) -> str:
        """Return the name of a picture, of which the second becomes `name~2`, and so on."""
        stem, count = name, 1
        while stem.casefold() in self.stems:  # the file systems of Windows and macOS mind no capitals
            count += 1
            stem = f"{name}~{count}"
        self.stems.add(stem.casefold())
        return stem

    def write(self, name: str, rgb: Array) -> Path:
        """Write one crop as PNG and return its name; never over a file that is there."""
        path = self.folder / name
        try:
            with path.open("xb") as file:
                file.write(encode(rgb))
        except FileExistsError:
            raise click.ClickException(
                f"{printable(path)} is there already, and nothing is overwritten. Name another folder for the crops."
            ) from None
        except OSError as error:
            raise click.ClickException(f"{printable(path)} cannot be written: {error.strerror}.") from None
        return Path(name)
