"""`classify`: read files on the command line with the same reader as the pages, and print what came of them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.files import Named, pictures_of, printable, walk
from app.inference.engine import Engine
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from smear import workers
from smear.imaging.containers import Enclosed
from smear.imaging.decode import ImageError
from smear.inference.suggestion import as_printed
from smear.segmentation import mask_network
from smear.workers import WorkersError

CHUNK = 8  # pictures that a worker is given at a time
READERS = 8  # files decoded ahead of the model; the model batches what waits


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bundle", default=None, help="The bundle that reads; DEFAULT_BUNDLE otherwise.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--ray", "address", help="Share the work: the address of a Ray cluster, or `local` for this machine.")
@with_appcontext
def classify(paths: tuple[Path, ...], bundle: str | None, form: str, address: str | None) -> None:
    """Read image files, folders and ZIP archives of them, and every page of a TIFF, without storing anything.

    Prints a row a picture, in the order of the files. The exit status is 1 when one could not be read.
    """
    name, folder = bundle or current_app.config["DEFAULT_BUNDLE"], current_app.config["MODELS_DIR"]
    pictures = pictures_of(walk(paths))
    try:
        running = begin(folder, name)
        labels = [label.id for label in running.load(name).card.labels]
        if address is None:
            failed = WRITERS[form](read_all(running, name, pictures), labels)
        else:
            failed = WRITERS[form](read_apart(folder, name, pictures, address), labels)
    except (BundleUnusableError, WorkersError) as unusable:
        raise click.ClickException(unusable.text) from None
    running.stop()
    if failed:
        sys.exit(1)


def begin(folder: Path, name: str) -> Engine:
    """Return an engine that loads one bundle."""
    running = Engine(folder, READERS)
    running.start([name], others=False)
    return running


def read_apart(folder: Path, name: str, pictures: Iterator[Named], address: str) -> Iterator[dict[str, Any]]:
    """Read pictures in order, each by one of many workers, which are sent the bytes: they need not see the files."""
    chunks = iter(lambda: [sent(picture) for picture in islice(pictures, CHUNK)], [])
    for rows in workers.shared(partial(Apart, folder, name), chunks, address):
        yield from rows


def sent(picture: Named) -> Named:
    """Return a picture with its bytes in it, or with why there are none."""
    if picture.enclosed is not None:
        return picture
    try:
        return Named(picture.path, picture.read())
    except ImageError as error:
        return Named(picture.path, Enclosed(picture.path.name, error=error))


class Apart:
    """What reads in a worker: an engine as on the command line."""

    def __init__(self, folder: Path, name: str) -> None:
        mask_network.use(folder)
        self.name, self.engine = name, begin(folder, name)
        self.engine.load(name)

    def __call__(self, chunk: list[Named]) -> list[dict[str, Any]]:
        """Return the rows of some pictures."""
        return list(read_all(self.engine, self.name, iter(chunk)))


def read_all(running: Engine, name: str, pictures: Iterator[Named]) -> Iterator[dict[str, Any]]:
    """Read pictures in order, a few at a time, so that the model gets batches and memory stays bounded."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting = [pool.submit(read_one, running, name, picture) for picture in islice(pictures, 2 * READERS)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(read_one, running, name, picture) for picture in islice(pictures, 1)]


def read_one(running: Engine, name: str, picture: Named) -> dict[str, Any]:
    """Read one picture; what cannot be read is a row too."""
    place = {"path": printable(picture.path)} | picture.place
    try:
        pending = running.begin(name, picture.read())
        reading = pending.reading()
    except (ImageError, EngineBusyError, BundleUnusableError) as error:
        return place | {"error": error.text}
    suggestion = reading.suggestion.shown
    notes = pending.picture.notes
    return (
        place
        | {
            "bundle": reading.bundle,
            "version": reading.version,
            "outcome": as_printed(suggestion.outcome),
            "label": suggestion.label,
            "reasons": [reason.text for reason in suggestion.reasons],
            "probabilities": suggestion.probabilities,
            "leukocytes": reading.leukocytes,
            "milliseconds": round(reading.milliseconds, 2),
        }
        | ({"notes": list(notes)} if notes else {})
    )


def write_json(rows: Iterator[dict[str, Any]], _labels: list[str]) -> int:
    """Print one list, an object a line, as the readings come."""
    out, failed, before = sys.stdout, 0, "[\n"
    for row in rows:
        failed += "error" in row
        click.echo(before + json.dumps(row, ensure_ascii=False), out, nl=False)
        before = ",\n"
    click.echo("[]" if before == "[\n" else "\n]", out)
    return failed


def write_csv(rows: Iterator[dict[str, Any]], labels: list[str]) -> int:
    """Print a row a picture, with a column for each label's probability."""
    columns = ["path", "member", "page", "bundle", "version", "outcome", "label", "reasons", *labels]
    columns += ["leukocytes", "milliseconds", "notes", "error"]
    writer = csv.DictWriter(sys.stdout, columns)
    writer.writeheader()
    failed = 0
    for row in rows:
        failed += "error" in row
        flat = {key: value for key, value in row.items() if key != "probabilities"}
        flat |= {name: " ".join(row.get(name, [])) for name in ("reasons", "notes")}
        writer.writerow(flat | {key: round(value, 4) for key, value in row.get("probabilities", {}).items()})
    return failed


def write_table(rows: Iterator[dict[str, Any]], _labels: list[str]) -> int:
    """Print for people: what was suggested, or why nothing was."""
    out, counts = sys.stdout, {"suggested": 0, "uncertain": 0, "not_gradable": 0, "error": 0}
    for row in rows:
        outcome = "error" if "error" in row else row["outcome"]
        counts[outcome] += 1
        if outcome == "suggested":
            words = f"{row['label']} {row['probabilities'][row['label']]:.2f}"
        else:
            words = row.get("error") or " ".join(row["reasons"])
        words = " ".join([words, *row.get("notes", [])])
        place = ", ".join([row["path"], *([row["member"]] if "member" in row else []), *page_words(row)])
        click.echo(f"{outcome.replace('_', ' '):<13} {place}  {words}", out)
    click.echo(", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts.items() if number), out)
    return counts["error"]


def page_words(row: dict[str, Any]) -> list[str]:
    """Say which page of a file a row is of, where it has several."""
    return [f"page {row['page']}"] if "page" in row else []


WRITERS = {"json": write_json, "csv": write_csv, "table": write_table}
