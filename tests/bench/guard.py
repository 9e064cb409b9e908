"""`make bench-guard`: fails when reading became much dearer beside the forward pass than it was.

What is compared is processor time of this process in one run, as a ratio: neither a slow machine nor a busy one changes
it by much: three runs on two cores at a load of 12 differed by at most 9 %. The bounds are about 1.5 times what was
measured when they were set, so that a fault fails and chance does not.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import cv2

from smear.imaging import synthetic
from smear.imaging.decode import decode, encode
from smear.inference import bundle
from smear.inference.field_reader import Reader
from smear.segmentation import label_map
from smear.segmentation.find import find
from tests.bench.finding import BUNDLE, ROOT

ROUNDS = 40
# Processor time over that of the forward pass with all maps, at most.
BOUNDS = {
    "decode a JPEG of 224 px": 0.3,
    "segment a field of 224 px": 3.2,
    "read a field of 224 px": 7.2,
    "read it again from its outlines": 4.2,
    "encode its outlines": 0.5,
    "read a field of 2592 x 1944 px": 30.0,
}


def processor_ms(work: Callable[[], Any]) -> float:
    """Return the processor time of one call, of all threads of this process, in milliseconds."""
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def ratios(works: dict[str, Callable[[], Any]], forward: Callable[[], Any], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the processor time of each work over that of `forward`: medians of the rounds after the first."""
    times: dict[str, list[float]] = {name: [] for name in ("forward", *works)}
    for number in range(rounds + 1):
        for name, work in {"forward": forward, **works}.items():
            taken = processor_ms(work)
            if number:
                times[name].append(taken)
    median = {name: statistics.median(values) for name, values in times.items()}
    return {name: median[name] / median["forward"] for name in works}


def over(measured: dict[str, float], bounds: dict[str, float]) -> list[str]:
    """Return a sentence for each ratio above its bound."""
    return [
        f"To {name} costs {measured[name]:.1f} times the forward pass; at most {bound:g} is allowed."
        for name, bound in bounds.items()
        if measured[name] > bound
    ]


def reading(reader: Reader) -> tuple[dict[str, Callable[[], Any]], Callable[[], Any]]:
    """Return what is measured, by name, and the forward pass that it is measured by: all of one drawn field."""
    drawn = synthetic.field(1, "leukemic", 2048)  # the network is sure of it, so it looks once
    small, large = (
        encode(cv2.resize(drawn, size, interpolation=cv2.INTER_CUBIC if size[0] > 2048 else cv2.INTER_AREA), "JPEG", 92)
        for size in ((224, 224), (2592, 1944))
    )
    picture = decode(small)
    field = find(picture.rgb)
    outlines = label_map.encode(field, "guard")
    examination = reader.examine(picture, None, field)
    network = reader.bundle.network

    def again() -> None:
        examined = reader.examine(picture, None, label_map.decode(outlines, picture.rgb))
        reader.conclude(examined, reader.answer([examined])[0])

    works: dict[str, Callable[[], Any]] = {
        "decode a JPEG of 224 px": lambda: decode(small),
        "segment a field of 224 px": lambda: find(picture.rgb),
        "read a field of 224 px": lambda: reader.read(small),
        "read it again from its outlines": again,
        "encode its outlines": lambda: label_map.encode(field, "guard"),
        "read a field of 2592 x 1944 px": lambda: reader.read(large),
    }
    return works, lambda: network.forward(examination.inputs)


def main() -> None:
    """Print every ratio with its bound; exit status 1 where one is above it."""
    loaded = bundle.load(ROOT / "models" / BUNDLE)
    loaded.network.warm(loaded.card.batch_size)
    works, forward = reading(Reader(loaded))
    measured = ratios(works, forward)
    for name, ratio in measured.items():
        sys.stdout.write(f"{name:<40} {ratio:6.2f}  (at most {BOUNDS[name]:g})\n")
    if wrong := over(measured, BOUNDS):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
