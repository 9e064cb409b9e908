"""`python -m tests.bench.finding`: time and peak memory of finding leukocytes, by the width of the picture.

Run by `make bench` in a process of its own, so that no other part's memory is counted.
"""

import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from smear.imaging import synthetic
from smear.inference import bundle
from smear.inference.preprocess import prepare
from smear.segmentation.find import find

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = "leukolens-field"
WIDTHS = {224: (224, 60), 640: (480, 40), 2592: (1944, 20), 12_000: (9_000, 5)}  # height and rounds


def milliseconds(work: Callable[[], Any]) -> float:
    """Return how long one call took."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def peak() -> float:
    """Return the most memory that this process had since `forget_peak`, in MB (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if found is None:
        raise RuntimeError("This system does not say how much memory a process had at most.")
    return int(found[1]) / 1024


def forget_peak() -> None:
    """Let the peak start anew from what is in memory now (Linux 4.0: proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def measure() -> dict[str, float]:
    """Return by width: milliseconds, ratio to the forward pass beside it, and memory used beyond the picture."""
    loaded = bundle.load(ROOT / "models" / BUNDLE)
    loaded.network.warm()
    field = synthetic.field(1, "leukemic", 2048)  # the network is sure of it, so it looks once
    seen = prepare(find(field), loaded.card)[None]
    result: dict[str, float] = {}
    most = 0.0
    for width, (height, rounds) in WIDTHS.items():
        picture = cv2.resize(field, (width, height), interpolation=cv2.INTER_AREA)
        most = max(most, peak())
        forget_peak()
        before = peak()
        find(picture)
        more = peak() - before
        times = [
            (milliseconds(lambda: loaded.network.forward(seen)), milliseconds(lambda p=picture: find(p)))
            for _ in range(rounds)
        ]
        forward, finding = (statistics.median(column) for column in zip(*times, strict=True))
        result[f"find_{width}_ms"] = round(finding, 2)
        result[f"find_{width}_over_forward"] = round(finding / forward, 2)
        result[f"find_{width}_more_memory_mb"] = round(more, 1)
    return result | {"find_peak_memory_mb": round(max(most, peak()), 1)}


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
