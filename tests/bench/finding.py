"""`python -m tests.bench.finding`: time and peak memory of finding leukocytes, by the width of the picture.

Run by `make bench` in a process of its own, because the peak memory of a process only ever rises.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smear import bundle, drawing
from smear.leukocytes import find
from smear.preprocess import prepare

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = "leukolens-field"
WIDTHS = {224: (224, 60), 640: (480, 40), 2592: (1944, 20), 12_000: (9_000, 5)}  # height and rounds


def milliseconds(work: Callable[[], Any]) -> float:
    """Return how long one call took."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def peak() -> float:
    """Return the most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure() -> dict[str, float]:
    """Return by width: milliseconds, ratio to the bundle's forward pass beside it, and peak memory beyond the picture.

    Widest last: what a width adds to the peak is its own.
    """
    loaded = bundle.load(ROOT / "models" / BUNDLE)
    loaded.network.warm()
    field = drawing.field(4, "leukemic", 2048)
    seen = prepare(field, loaded.card)[None].astype(np.float32)
    result: dict[str, float] = {}
    for width, (height, rounds) in WIDTHS.items():
        picture = cv2.resize(field, (width, height), interpolation=cv2.INTER_AREA)
        before = peak()
        find(picture)
        times = [
            (milliseconds(lambda: loaded.network.forward(seen)), milliseconds(lambda p=picture: find(p)))
            for _ in range(rounds)
        ]
        forward, finding = (statistics.median(column) for column in zip(*times, strict=True))
        result[f"find_{width}_ms"] = round(finding, 2)
        result[f"find_{width}_over_forward"] = round(finding / forward, 2)
        result[f"find_{width}_more_memory_mb"] = round(peak() - before, 1)
    return result | {"find_peak_memory_mb": round(peak(), 1)}


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
