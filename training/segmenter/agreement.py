"""How well leukocytes are found where people have drawn them, beside two ways that take a few lines each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import field, structs

from smear.arrays import Array
from smear.segmentation.find import find
from smear.segmentation.mask_network import Segmenter
from training.data.annotated_masks import Annotation, MaskedSet, load
from training.data.manifest import DataError
from training.progress import track
from training.segmenter import baselines
from training.segmenter.metrics import NUMBERS, Agreement, Summary, agreement, dice, summary

OURS = "ours"
BASELINES: Mapping[str, Callable[[Array], tuple[Array, Array]]] = {
    "multi_otsu": baselines.multi_otsu,
    "median_hsv": baselines.fixed_range,
}
NAMES = {OURS: "LeukoLens", "multi_otsu": "multi-Otsu, saturation - green", "median_hsv": "median, fixed HSV range"}
ONE_EACH = "One cell is drawn in every picture. Neighbours that are found count as false: precision is a lower bound."


class Measured(Summary, frozen=True):
    """What the segmenter reaches on a set; what is to be known of the set, as sentences; and the baselines' numbers."""

    notes: list[str]
    baselines: dict[str, Summary] = field(name="rivals")


def measure(
    root: Path, seed: int = 0, network: Segmenter | None = None
) -> tuple[dict[str, Measured], list[tuple[MaskedSet, list[Agreement]]]]:
    """Return the results by set, and every picture's agreement behind them; `network` as in `find`."""
    results: dict[str, Measured] = {}
    pictures = []
    for masked in load(root):
        by_method = _agreements(masked, network)
        numbers = {name: _numbers(agreements, masked, seed) for name, agreements in by_method.items()}
        notes = list(masked.notes)
        if all(len(picture.drawn) == 1 for picture in by_method[OURS]):
            notes.append(ONE_EACH)
        results[masked.name] = Measured(**structs.asdict(numbers.pop(OURS)), notes=notes, baselines=numbers)
        pictures.append((masked, by_method[OURS]))
    return results, pictures


def _numbers(agreements: list[Agreement], masked: MaskedSet, seed: int) -> Summary:
    numbers = summary(agreements, seed)
    if masked.has_nuclei:
        return numbers
    return structs.replace(numbers, nucleus_dice=None, intervals={**numbers.intervals, "nucleus_dice": None})


def _agreements(masked: MaskedSet, network: Segmenter | None) -> dict[str, list[Agreement]]:
    """Return every method's agreement with every picture of a set."""
    by_method: dict[str, list[Agreement]] = {OURS: [], **{name: [] for name in BASELINES}}
    for rgb, annotation in track(masked.pairs(), masked.name, len(masked)):
        by_method[OURS].append(agreement(annotation.labels, annotation.nuclei, *segmented(rgb, network)))
        for name, method in BASELINES.items():
            by_method[name].append(_baseline(method, rgb, annotation))
    return by_method


def segmented(rgb: Array, network: Segmenter | None = None) -> tuple[Array, Array]:
    """Return the labels, int32, and the nuclei, bool, that LeukoLens finds, at the picture's own size."""
    leukocytes = find(rgb, network)
    size = rgb.shape[:2]
    return at_size(leukocytes.labels, size), at_size(leukocytes.nuclei, size)


def _baseline(method: Callable[[Array], tuple[Array, Array]], rgb: Array, annotation: Annotation) -> Agreement:
    nuclei, cells = method(rgb)
    counted = agreement(annotation.labels, annotation.nuclei, baselines.instances(cells), nuclei)
    return replace(counted, cell_dice=dice(annotation.labels > 0, cells))


def at_size(mask: Array, size: tuple[int, ...]) -> Array:
    """Return `mask` (h, w) of any kind at `size` by the nearest neighbour of every pixel's centre."""
    if mask.shape == tuple(size):
        return mask
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for new, old in zip(size, mask.shape, strict=True)
    )
    return np.asarray(mask[rows[:, None], columns[None, :]])


def table(results: Mapping[str, Measured]) -> str:
    """Return the results as text: a line for every set and method, an interval beside every number."""
    lines = [f"{'set':12} {'n':>4} {'method':32}" + "".join(f"{name.replace('_', ' '):22}" for name in NUMBERS)]
    for name, measured in results.items():
        for method, numbers in {OURS: measured, **measured.baselines}.items():
            cells = (_cell(getattr(numbers, key), numbers.intervals[key]) for key in NUMBERS)
            lines.append(f"{name:12} {measured.n:>4} {NAMES[method]:32}" + "".join(f"{cell:22}" for cell in cells))
    lines = [line.rstrip() for line in lines]
    lines += [f"{name}: {note}" for name, measured in results.items() for note in measured.notes]
    return "\n".join([*lines, "In brackets: 95 % bootstrap intervals over pictures."])


def _cell(value: float | None, interval: tuple[float, float] | None) -> str:
    return "-" if value is None or interval is None else f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def to_json(results: Mapping[str, Measured]) -> dict[str, Any]:
    """Return the results as JSON data under their public names."""
    return {name: msgspec.to_builtins(measured) for name, measured in results.items()}


def make(folder: Path) -> None:
    """Make the folder for the results, before minutes are spent on them; DataError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"Nothing can be written to {folder}: {error.strerror}. Name another folder.") from error


def write(results: Mapping[str, Measured], folder: Path) -> Path:
    """Write `results.json` into `folder` and return its path."""
    path = folder / "results.json"
    path.write_text(json.dumps(to_json(results), indent=1), encoding="utf-8")
    return path
