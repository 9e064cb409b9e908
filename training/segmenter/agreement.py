"""How well leukocytes are found where people have drawn them, beside two ways that take a few lines each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.segmentation.find import find
from smear.segmentation.mask_network import Segmenter
from training.data.annotated_masks import Annotation, MaskedSet, load
from training.data.dataset import DataError
from training.progress import track
from training.segmenter import baselines
from training.segmenter.metrics import NUMBERS, Agreement, agreement, dice, summary

OURS = "ours"
BASELINES: Mapping[str, Callable[[Array], tuple[Array, Array]]] = {
    "multi_otsu": baselines.multi_otsu,
    "median_hsv": baselines.fixed_range,
}
NAMES = {OURS: "LeukoLens", "multi_otsu": "multi-Otsu, saturation - green", "median_hsv": "median, fixed HSV range"}
ONE_EACH = "One cell is drawn in every picture. Neighbours that are found count as false: precision is a lower bound."


def measure(
    root: Path, seed: int = 0, network: Segmenter | None = None
) -> tuple[dict[str, Any], list[tuple[MaskedSet, list[Agreement]]]]:
    """Return the results by set, as JSON data, and every picture's agreement behind them; `network` as in `find`."""
    results: dict[str, Any] = {}
    pictures = []
    for one in load(root):
        by_method = _agreements(one, network)
        result = {name: _numbers(by_method[name], one, seed) for name in by_method}
        notes = list(one.notes)
        if all(len(picture.drawn) == 1 for picture in by_method[OURS]):
            notes.append(ONE_EACH)
        results[one.name] = {**result.pop(OURS), "notes": notes, "rivals": result}
        pictures.append((one, by_method[OURS]))
    return results, pictures


def _numbers(agreements: list[Agreement], one: MaskedSet, seed: int) -> dict[str, Any]:
    result: dict[str, Any] = summary(agreements, seed)
    if not one.has_nuclei:
        result["nucleus_dice"] = result["intervals"]["nucleus_dice"] = None
    return result


def _agreements(one: MaskedSet, network: Segmenter | None) -> dict[str, list[Agreement]]:
    """Return every method's agreement with every picture of a set."""
    by_method: dict[str, list[Agreement]] = {OURS: [], **{name: [] for name in BASELINES}}
    for rgb, annotation in track(one.pairs(), one.name, len(one)):
        by_method[OURS].append(agreement(annotation.labels, annotation.nuclei, *found(rgb, network)))
        for name, method in BASELINES.items():
            by_method[name].append(_baseline(method, rgb, annotation))
    return by_method


def found(rgb: Array, network: Segmenter | None = None) -> tuple[Array, Array]:
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
    return mask[rows[:, None], columns[None, :]]


def table(results: dict[str, Any]) -> str:
    """Return the results as text: a line for every set and method, an interval beside every number."""
    lines = [f"{'set':12} {'n':>4} {'method':32}" + "".join(f"{name.replace('_', ' '):22}" for name in NUMBERS)]
    for name, result in results.items():
        for method, numbers in {OURS: result, **result["rivals"]}.items():
            cells = (_cell(numbers[key], numbers["intervals"][key]) for key in NUMBERS)
            lines.append(f"{name:12} {result['n']:>4} {NAMES[method]:32}" + "".join(f"{cell:22}" for cell in cells))
    lines = [line.rstrip() for line in lines]
    lines += [f"{name}: {note}" for name, result in results.items() for note in result["notes"]]
    return "\n".join([*lines, "In brackets: 95 % bootstrap intervals over pictures."])


def _cell(value: float | None, interval: list[float] | None) -> str:
    return "-" if value is None or interval is None else f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def make(folder: Path) -> None:
    """Make the folder for the results, before minutes are spent on them; DataError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"Nothing can be written to {folder}: {error.strerror}. Name another folder.") from error


def write(results: dict[str, Any], folder: Path) -> Path:
    """Write `results.json` into `folder` and return its path."""
    path = folder / "results.json"
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return path
