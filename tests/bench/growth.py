"""`python -m tests.bench.growth FOLDER`: how what is done grows with what is asked for.

Writes growth.csv and draws it as growth.svg into FOLDER: a reading by the size of the picture, all cells of a field by
their number, a forward pass by the batch, an upload by the clients at once, the worklist by the cases in it, and memory
by the bundles loaded. Milliseconds are of this machine; `ratio` is to the least that was asked for, in the same run.
Wants an idle machine.
"""

from __future__ import annotations

import argparse
import csv
import gc
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import LogLocator

from app import create_app
from app.differential.classification import suggestions
from app.inference.engine import Engine
from smear.arrays import Array
from smear.imaging import synthetic
from smear.inference import bundle
from smear.inference.field_reader import Reader
from smear.segmentation.find import find
from tests.bench.__main__ import drawings, examined, file
from tests.bench.client import Client
from tests.bench.finding import BUNDLE, ROOT, milliseconds
from tests.bench.worklist import fill, measure, signed_in
from tests.browser.driving import PASSWORD, Server
from tests.memory import anonymous
from training.reports.plots import SLATE, STYLE, VIOLET, plt

CELL_BUNDLE = "leukolens-differential"
ROUNDS = 9
WIDTHS = (224, 448, 896, 1792, 3584, 7168)
TILES = 4  # of a field of 1792 px, in each direction
CROWDED = (1, 2, 4, 8, 16)  # of its tiles, with leukocytes
BATCHES = (1, 2, 4, 8, 16, 32, 64)
CLIENTS = (1, 2, 4, 8, 16, 32, 64, 100)
UPLOADS = 200  # at each number of clients
CASES = (1_000, 10_000, 100_000)
BUNDLES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Curve:
    """How something grows: what is asked for and in what, what is measured and in what, and the points."""

    name: str
    asked: str
    measured: str
    points: Sequence[tuple[float, float]]

    @property
    def ratios(self) -> list[float]:
        """What was measured over the same at the first point."""
        return [value / self.points[0][1] for _, value in self.points]


def median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median milliseconds of some calls, after one that is not counted."""
    work()
    return statistics.median(milliseconds(work) for _ in range(rounds))


def by_size(reader: Reader, drawn: Array) -> Curve:
    """Return a reading, from the file to the conclusion, by megapixels of a JPEG."""
    points = []
    for width in WIDTHS:
        data = file(drawn, size=(width, width))
        points.append((width**2 / 1e6, median(lambda data=data: reader.read(data))))  # type: ignore[misc]
    return Curve("a reading by the size of the picture", "megapixels", "ms", points)


def by_leukocytes() -> Curve:
    """Return all cells of a field found and typed, by how many there are; the field's size stays."""
    points = []
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(INSTANCE_DIR=Path(folder) / "instance")
        engine = app.extensions["engine"] = Engine(ROOT / "models", max(CLIENTS))
        engine.start([CELL_BUNDLE], others=False)
        loaded = engine.load(CELL_BUNDLE)
        with app.app_context():
            for crowded in CROWDED:
                picture = tiled(crowded)
                points.append((len(find(picture)), median(lambda picture=picture: suggestions(loaded, find(picture)))))  # type: ignore[misc]
        engine.stop()
    return Curve("all cells of a field by their number", "leukocytes", "ms", points)


def tiled(crowded: int) -> Array:
    """Return a field, uint8 RGB (1792, 1792, 3), of which so many of 16 tiles hold leukocytes."""
    kinds = ["leukemic" if number < crowded else "erythrocytes_only" for number in range(TILES**2)]
    tiles = [synthetic.field(number, kind, WIDTHS[1]) for number, kind in enumerate(kinds)]
    rows = [np.concatenate(tiles[start : start + TILES], axis=1) for start in range(0, TILES**2, TILES)]
    return np.ascontiguousarray(np.concatenate(rows))


def by_batch(reader: Reader, drawn: Array) -> Curve:
    """Return a forward pass with its maps, by the pictures in it, of which the network is sure upright."""
    pictures = np.repeat(examined(reader, file(drawn)), max(BATCHES), axis=0)
    points = [(size, median(lambda size=size: reader.bundle.network.forward(pictures[:size]))) for size in BATCHES]  # type: ignore[misc]
    return Curve("a forward pass by its batch", "pictures", "ms", points)


def by_clients() -> Curve:
    """Return the median time of an upload to a real server, by how many clients upload at once."""
    settings = {"QUEUE": 2 * max(CLIENTS), "THREADS": max(CLIENTS) + 8, "CONNECTIONS_PER_ADDRESS": 2 * max(CLIENTS)}
    drawn, points, index = [synthetic.field(seed, "leukemic", 224) for seed in range(40)], [], 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "instance", **{name: str(value) for name, value in settings.items()})
        address, one_time = server.prepare()
        with server:
            client = Client(server.url)
            client.sign_in(address, one_time, PASSWORD)
            for clients in CLIENTS:
                cases = [client.open_case(f"GROWTH-{clients}-{number}") for number in range(clients)]
                jobs = [(cases[n % clients], file(drawn[n % len(drawn)], index + n)) for n in range(UPLOADS)]
                index += UPLOADS
                with ThreadPoolExecutor(clients) as threads:
                    times = list(threads.map(lambda job: uploaded(client, *job), jobs))
                points.append((clients, statistics.median(times)))
                client.close()  # those of threads that ended would count against the next ones' address
    return Curve("an upload by the clients at once", "clients", "ms", points)


def uploaded(client: Client, case: str, data: bytes) -> float:
    """Return the milliseconds of one upload; RuntimeError where it was not taken in."""
    started = time.perf_counter()
    if (status := client.upload(case, data)) != 201:
        raise RuntimeError(f"An upload was answered {status}.")
    return 1000 * (time.perf_counter() - started)


def by_cases() -> Curve:
    """Return the server's time of the worklist's first page, by the cases of the lab."""
    points = []
    for cases in CASES:
        with tempfile.TemporaryDirectory() as folder:
            app = create_app(INSTANCE_DIR=Path(folder) / "instance")
            app.test_cli_runner().invoke(args=["init"])
            fill(app, cases)
            client = signed_in(app)
            gc.collect()
            points.append((cases, measure(client, ["/"])["p50"]))
    return Curve("the worklist by its cases", "cases", "ms", points)


def by_bundles(drawn: Array) -> Curve:
    """Return what memory an engine holds that is no file's, by the bundles that it has loaded."""
    fresh = multiprocessing.get_context("spawn")
    points = []
    for count in BUNDLES:
        with fresh.Pool(1) as process:
            points.append((count, process.apply(memory_with, (count, drawn))))
    return Curve("memory by the bundles loaded", "bundles", "MB", points)


def memory_with(count: int, drawn: Array) -> float:
    """Return the megabytes of this process with so many bundles loaded, each asked once."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, names = Path(temporary), [f"bundle-{number}" for number in range(count)]
        for name in names:
            shutil.copytree(ROOT / "models" / BUNDLE, folder / name)
        data = file(drawn)
        readers = [Reader(bundle.load(folder / name)) for name in names]
        for reader in readers:
            reader.bundle.network.forward(examined(reader, data))
        return anonymous() / 1024


def curves() -> Iterator[Curve]:
    """Yield every curve, measured."""
    reader = Reader(bundle.load(ROOT / "models" / BUNDLE))
    reader.bundle.network.warm(reader.card.batch_size)
    drawn = drawings(reader)[0][0]
    yield by_size(reader, drawn)
    yield by_leukocytes()
    yield by_batch(reader, drawn)
    yield by_clients()
    yield by_cases()
    yield by_bundles(drawn)


def draw(measured: Sequence[Curve], path: Path) -> None:
    """Draw every curve in a panel of its own, on logarithmic scales, with what growing in proportion would be."""
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(2, 3, figsize=(9.6, 5.6), layout="constrained")
        for curve, axes in zip(measured, panels.flat, strict=True):
            asked = [point[0] for point in curve.points]
            proportional = [value / asked[0] for value in asked]
            axes.loglog(asked, proportional, color=SLATE, linestyle=":", label="in proportion")
            axes.loglog(asked, curve.ratios, color=VIOLET, marker="o", markersize=4)
            axes.set_title(curve.name, fontsize=10)
            axes.set_xlabel(curve.asked)
            axes.set_ylim(0.5, None)
            axes.minorticks_off()
            axes.set_xticks(asked, [f"{value:,.2g}" if value < 100 else f"{value:,.0f}" for value in asked], fontsize=8)
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
        panels[0, 0].set_ylabel("times the first")
        panels[1, 0].set_ylabel("times the first")
        panels[0, 0].legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    measured = list(curves())
    with (folder / "growth.csv").open("w", encoding="utf-8", newline="") as table:
        table.write("# python -m tests.bench.growth docs/performance\n")
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["what", "asked", "of", "measured", "in", "ratio"])
        for curve in measured:
            for (asked, value), ratio in zip(curve.points, curve.ratios, strict=True):
                writer.writerow(
                    [curve.name, f"{asked:.4g}", curve.asked, f"{value:.4g}", curve.measured, f"{ratio:.2f}"]
                )
    draw(measured, folder / "growth.svg")


if __name__ == "__main__":
    main()
