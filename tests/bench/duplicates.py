"""How many changed copies of real pictures are found, and how many pairs are found that are none.

Run as `python -m tests.bench.duplicates DATA... [--pictures N]`; each DATA is a labelled set, of which N are drawn. The
first row of a set says how many pairs were found among its pictures, how many of them under two labels or of two
patients, and in how many seconds; then a row for each change says how many of 60 copies were found.
"""

import argparse
import time
from pathlib import Path

import click
import numpy as np

from tests.training.data.test_duplicates import CHANGES
from training.data.dataset import Dataset, load
from training.data.duplicates import find_duplicates, sketches, under_two_labels
from training.data.sketches import sketch

COPIES = 60


def measure(dataset: Dataset) -> None:
    """Print the rows of a set."""
    started = time.monotonic()
    drawn = sketches(dataset)
    found = find_duplicates(drawn)
    seconds = time.monotonic() - started
    patients = sum(dataset.groups[i] != dataset.groups[j] for i, j in found.pairs)
    torn = len(under_two_labels(dataset, found))
    counts = f"{len(found.pairs)} pairs, {torn} under two labels, {patients} of two patients"
    click.echo(f"{dataset.root.name}: {len(dataset)} pictures, {counts}, {seconds:.0f} s")
    chosen = np.random.default_rng(0).choice(len(dataset), min(COPIES, len(dataset)), replace=False).tolist()
    pictures = {index: dataset.picture(index) for index in chosen}
    for name, change in CHANGES.items():
        copies = [sketch(np.ascontiguousarray(change(pictures[index]))) for index in chosen]
        pairs = set(find_duplicates([*drawn, *copies]).pairs)
        again = sum((index, len(drawn) + place) in pairs for place, index in enumerate(chosen))
        click.echo(f"  {name:22} {again} of {len(chosen)}")


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--pictures", type=int, default=300)
    options = parser.parse_args()
    for folder in options.data:
        measure(load(folder, many_labels=True).drawn(options.pictures))


if __name__ == "__main__":
    main()
