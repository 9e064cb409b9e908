"""`python -m tests.bench.cells`: all cells of a 2592 x 1944 field with 30 leukocytes found, measured and read.

The bundle is the shipped field network told that it reads cells: larger than a network for cells has to be. Read by way
of the engine, as the page does. Prints milliseconds: median and least of the rounds, by step and in all; `forward` is
one bare pass over as many pictures, which tells how busy the machine was. `processor` is what all threads worked.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from app import create_app
from app.differential.classification import suggestions
from app.inference.engine import Engine
from smear.arrays import Array
from smear.imaging import synthetic
from smear.inference.cell_reader import batches
from smear.segmentation.find import find
from smear.segmentation.morphometry import measure
from tests.bench.finding import BUNDLE, ROOT, milliseconds

NAME = "bench-cells"
WANTED = 30
WIDTH, HEIGHT = 2592, 1944
ROUNDS = 15


def crowded() -> Array:
    """Return a drawn field with 30 leukocytes, uint8 RGB (1944, 2592, 3)."""
    for seed in range(100):
        kinds = ("leukemic", "leukemic", "sparse", "leukemic")
        parts = [synthetic.field(4 * seed + n, kind, WIDTH // 2)[: HEIGHT // 2] for n, kind in enumerate(kinds)]
        picture = np.concatenate([np.concatenate(parts[:2], axis=1), np.concatenate(parts[2:], axis=1)])
        found = find(picture)
        if len(found) == WANTED:
            return np.ascontiguousarray(picture)
    raise RuntimeError("No seed draws a field with 30 leukocytes.")


def bundle_for_cells(folder: Path) -> None:
    """Write the shipped bundle as one that reads cells."""
    shutil.copytree(ROOT / "models" / BUNDLE, folder / NAME)
    path = folder / NAME / "card.json"
    steps = [{"name": "one_leukocyte", "parameters": {}}]
    card = json.loads(path.read_text()) | {"name": NAME, "scope": "cell", "preprocess": steps, "batch_size": 8}
    path.write_text(json.dumps(card | {"golden": []}))


def main() -> None:
    """Measure, and print one object."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "models"
        bundle_for_cells(folder)
        app = create_app(INSTANCE_DIR=Path(temporary) / "instance", MODELS_DIR=folder)
        engine = app.extensions["engine"] = Engine(folder, 64)
        engine.start([NAME])
        bundle = engine.load(NAME)
        picture = crowded()
        times: dict[str, list[float]] = {
            name: [] for name in ("find", "measure", "read", "all", "processor", "forward")
        }
        with app.app_context():
            for round_ in range(ROUNDS + 1):
                worked, started = time.process_time(), time.perf_counter()
                found = find(picture)
                after_find = time.perf_counter()
                measure(found)
                after_measure = time.perf_counter()
                said = suggestions(bundle, found)
                ended, worked = time.perf_counter(), time.process_time() - worked
                seen = np.concatenate([batch for _part, batch in batches(bundle.card, found)])
                parts = [after_find - started, after_measure - after_find, ended - after_measure, ended - started]
                row = [*(1000 * part for part in parts), 1000 * worked]
                row.append(milliseconds(lambda seen=seen: bundle.network.forward(seen)))
                if round_:
                    for name, value in zip(times, row, strict=True):
                        times[name].append(value)
        engine.stop()
    result: dict[str, float] = {"leukocytes": len(said), "read": sum(one.outcome != "not_gradable" for one in said)}
    for name, values in times.items():
        result |= {f"{name}_ms": round(statistics.median(values), 1), f"{name}_least_ms": round(min(values), 1)}
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
