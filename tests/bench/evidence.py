"""Evidence by leukocyte against the map and against chance: deletion and insertion curves, and the time it takes.

Run as `python -m tests.bench.evidence DATA [--fields N] [--run RUN]`; RUN is of a grouped cross-validation on DATA,
whose networks are then asked about fields that they have not seen, in place of the shipped bundle. Leukocytes are
painted out one after the other, or put back into an empty field, in three orders: by evidence, by the map's mean inside
each, at random. The area is that under the calibrated probability of the label, against the share of leukocytes gone or
put back (Petsiuk et al. 2018): an order that knows what counts has a small one of deletion, a large one of insertion.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import click
import cv2
import numpy as np

from smear.arrays import Array
from smear.inference import bundle as bundles
from smear.inference.bundle import Bundle
from smear.inference.evidence import evidence, logits, painted_out
from smear.inference.field_reader import Reader
from smear.inference.preprocess import prepare
from smear.inference.suggestion import calibrated
from smear.segmentation import mask_network
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training.data.dataset import Dataset, load
from training.evaluation.cross_fit import held_out_readers

MODELS = Path(__file__).resolve().parents[2] / "models"
SEED = 7
FEWEST = 3  # leukocytes: with fewer there is no order to speak of
MANY = 30
ROUNDS = 5


def areas(bundle: Bundle, field: Field, order: Array) -> tuple[float, float]:
    """Return the areas under the deletion and the insertion curve of leukocytes in an order, 0..1."""
    rank = np.empty(len(order) + 1, int)
    rank[0] = -1
    rank[order + 1] = np.arange(len(order))
    place = rank[field.labels]  # of the leukocyte that a pixel is in, -1 outside of all
    steps = range(len(order) + 1)
    deleted = painted_out(field, bundle.card, [(place >= step) & field.cells for step in steps])
    inserted = painted_out(field, bundle.card, [(place < step) & field.cells for step in steps])
    shown = np.concatenate([prepare(field, bundle.card)[None], deleted, inserted])
    probabilities = calibrated(logits(bundle, shown), bundle.card.temperature)
    curve = probabilities[1:, probabilities[0].argmax()]
    half = len(order) + 1
    return tuple(float(np.trapezoid(part, dx=1 / len(order))) for part in (curve[:half], curve[half:]))  # type: ignore[return-value]


def by_map(bundle: Bundle, field: Field) -> Array:
    """Return the mean of the likeliest label's map inside each leukocyte, float (N,)."""
    forward = bundle.network.forward(prepare(field, bundle.card)[None])
    grid = forward.maps[0, forward.logits[0].argmax()]
    height, width = field.labels.shape
    large = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    size = np.maximum(np.bincount(field.labels.ravel(), minlength=len(field) + 1), 1)
    sums = np.bincount(field.labels.ravel(), weights=large.ravel(), minlength=len(field) + 1)
    return np.asarray((sums / size)[1:])


def hottest_on_leukocyte(bundle: Bundle, field: Field) -> bool:
    """Return whether the map's largest value lies on a leukocyte."""
    forward = bundle.network.forward(prepare(field, bundle.card)[None])
    grid = forward.maps[0, forward.logits[0].argmax()]
    large = cv2.resize(grid, field.labels.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return bool(field.cells.ravel()[large.argmax()])


def suggested(reader: Reader, data: Dataset, among: Array, count: int) -> list[Field]:
    """Return fields with a suggestion and some leukocytes, of the pictures `among`, drawn from all labels alike."""
    rng, fields = np.random.default_rng(SEED), list[Field]()
    labels = [label.id for label in reader.card.labels]
    for place, label in enumerate(labels):
        wanted = count * (place + 1) // len(labels)
        for i in rng.permutation([i for i in among if data.labels[i] == label]):
            if len(fields) >= wanted:
                break
            field = find(data.picture(i))
            if len(field) >= FEWEST and reader.read(data.bytes_of(i)).suggestion.outcome == "suggested":
                fields.append(field)
    return fields


def crowded(fields: list[Field], count: int) -> Field:
    """Return a field with so many leukocytes, tiled from others: Taleghani fields have fewer."""
    rgb = max(fields, key=len).rgb
    while len(field := find(rgb)) < count:
        rgb = np.concatenate([rgb, rgb[:, ::-1]], axis=int(rgb.shape[0] <= rgb.shape[1]) ^ 1)
    return field


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", default="leukolens-field")
    parser.add_argument("--fields", type=int, default=200)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    mask_network.use(MODELS)
    data = load(options.data)
    readers = [(Reader(bundles.load(MODELS / options.bundle)), np.arange(len(data)))]
    if options.run:
        readers = list(held_out_readers(options.run, data))
    asked: list[tuple[Bundle, Field]] = []
    for reader, among in readers:
        reader.bundle.network.warm(reader.card.batch_size)
        fields = suggested(reader, data, among, options.fields // len(readers))
        asked += [(reader.bundle, field) for field in fields]
    rng = np.random.default_rng(SEED)
    results: dict[str, list[tuple[float, float]]] = {"evidence": [], "map": [], "random": []}
    for bundle, field in asked:
        orders = {
            "evidence": np.argsort(-evidence(bundle, field)),
            "map": np.argsort(-by_map(bundle, field)),
            "random": rng.permutation(len(field)),
        }
        for name, order in orders.items():
            results[name].append(areas(bundle, field, order))
    counts = [len(field) for _, field in asked]
    numbers = f"{min(counts)} to {max(counts)} leukocytes, {np.median(counts):.0f} in the median"
    click.echo(f"{len(asked)} fields with a suggestion, {numbers}")
    click.echo(f"{'order by':<10} {'deletion':>16} {'insertion':>16}   mean area, +- standard error")
    for name, pairs in results.items():
        mean, error = np.mean(pairs, axis=0), np.std(pairs, axis=0, ddof=1) / np.sqrt(len(pairs))
        click.echo(f"{name:<10} {mean[0]:8.3f} +- {error[0]:.3f} {mean[1]:8.3f} +- {error[1]:.3f}")
    share = np.mean([hottest_on_leukocyte(bundle, field) for bundle, field in asked])
    click.echo(f"the hottest point is on a leukocyte: by evidence 100 %, on the map {100 * share:.0f} %")
    bundle, many = asked[0][0], crowded([field for _, field in asked], MANY)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        evidence(bundle, many)
        times.append(time.perf_counter() - started)
    click.echo(f"a field of {len(many)} leukocytes: {min(times):.2f} s at best, {np.median(times):.2f} s in the median")


if __name__ == "__main__":
    main()
