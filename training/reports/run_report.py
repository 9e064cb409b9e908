"""The pictures and tables behind a card: PNG and JSON in a bundle's `report/`."""

import json
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from matplotlib import pyplot as plt

from smear.inference.card import Card
from training import csv_table
from training.evaluation.splits import Protocol
from training.evaluation.stress import Stress
from training.evaluation.summary import CrossValidated
from training.reports import class_report, learning_curves

VIOLET, AMBER, SLATE = "#5b3fa6", "#b26a00", "#5c6773"
Draw = Callable[[Any, CrossValidated, dict[str, str]], None]  # onto axes; names of labels by their ids
CLASS_COLOURS = (
    *("#5b3fa6", "#1b7f6b", "#b26a00", "#a63f6b", "#3f6ba6", "#6b6b6b", "#8a7f1b", "#1b5e7f"),
    *("#7f1b1b", "#1b1b5e", "#b28fd6", "#4f8a1b"),
)


def write(folder: Path, card: Card, results: Mapping[Protocol, CrossValidated], rendered: Stress | None = None) -> None:
    """Write every plot and table of every protocol's result, the results themselves, and a plot of renderings."""
    folder.mkdir()
    names = {label.id: label.name for label in card.labels}
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110}):
        for protocol, result in results.items():
            (folder / f"{protocol}.json").write_text(
                json.dumps(msgspec.to_builtins(result), indent=1), encoding="utf-8"
            )
            title = f"{card.name} {card.version}, {result.meaning.split(':')[0]}, n = {result.n}"
            for name, draw in (("confusion", confusion), ("roc", _roc), ("reliability", _reliability)):
                _save(folder / f"{protocol}-{name}.png", draw, result, names, title)
            _save(folder / f"{protocol}-risk-coverage.png", _risk_coverage, result, names, title)
            _save(folder / f"{protocol}-controls.png", _controls, result, names, title)
            if result.per_patient:
                _save(folder / f"{protocol}-patients.png", _patients, result, names, title)
            learning_curves.write(folder / f"{protocol}-learning.png", result.learning_curves, title)
            table = csv_table.as_csv(class_report.rows(result, names), f"python -m training publish RUN: {protocol}")
            (folder / f"{protocol}-classes.csv").write_text(table, encoding="utf-8")
        if rendered:
            _stress(folder / "stress.png", rendered, f"{card.name} {card.version}, under renderings")


def _save(path: Path, draw: Draw, result: CrossValidated, names: dict[str, str], title: str) -> None:
    figure, axes = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
    draw(axes, result, names)
    axes.set_title(title, fontsize=8)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _stress(path: Path, rendered: Stress, title: str) -> None:
    """Draw for every rendering what share of its own kind gets a suggestion, and how much of that is wrong."""
    rows = rendered.renderings
    figure, axes = plt.subplots(figsize=(5.4, 1.2 + 0.17 * len(rows)), layout="constrained")
    places = np.arange(len(rows))[::-1]
    right = np.array([row.right / max(1, row.own) for row in rows])
    wrong = np.array([(row.suggested - row.right) / max(1, row.own) for row in rows])
    axes.barh(places, right, 0.7, color=VIOLET, label="suggested, right")
    axes.barh(places, wrong, 0.7, left=right, color=AMBER, label="suggested, wrong")
    axes.set_yticks(places, [row.rendering for row in rows], fontsize=7)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4), xlabel="share of its own kind of pictures")
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    axes.set_title(title, fontsize=8)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def confusion(axes: Any, result: CrossValidated, names: dict[str, str]) -> None:
    """Draw how many of each class are taken for which onto `axes`, true classes from above; names: by labels' ids."""
    table = np.array(result.confusion)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Purples", vmin=0, vmax=1)
    for row, column in np.ndindex(*table.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{table[row, column]}", ha="center", va="center", color=colour)
    labels = list(names.values())
    axes.set_xticks(range(len(labels)), labels, rotation=20, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("most likely (nothing refused)")
    axes.set_ylabel("true")


def _roc(axes: Any, result: CrossValidated, names: dict[str, str]) -> None:
    for colour, (identifier, curve) in zip(cycle(CLASS_COLOURS), result.roc.items(), strict=False):
        axes.plot(*np.array(curve).T, color=colour, label=names[identifier])
    axes.plot([0, 1], [0, 1], ":", color=SLATE)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.005))
    axes.legend(frameon=False, title=f"area, mean {result.auroc}")


def _reliability(axes: Any, result: CrossValidated, names: dict[str, str]) -> None:  # noqa: ARG001
    bins = result.reliability
    axes.plot([0, 1], [0, 1], ":", color=SLATE)
    axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], "o-", color=VIOLET)
    axes.bar([b.confidence for b in bins], [b.share for b in bins], width=0.03, color=SLATE, alpha=0.35)
    axes.set(xlabel="calibrated confidence", ylabel="accuracy; bars: share of pictures", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.text(0.05, 0.9, f"ECE {result.ece_before} before, {result.ece} after temperature")


def _risk_coverage(axes: Any, result: CrossValidated, names: dict[str, str]) -> None:  # noqa: ARG001
    curve = result.risk_coverage
    axes.plot(
        [point.coverage for point in curve],
        [point.accuracy for point in curve],
        "o-",
        color=VIOLET,
        label="by confidence",
    )
    value = result.accuracy_suggested.value
    if value is not None:
        axes.plot(result.coverage, value, "D", color=AMBER, label="as served: confidence, familiarity, quality")
    axes.set(xlabel="share of pictures answered", ylabel="accuracy on those", xlim=(0.48, 1.02))
    axes.legend(frameon=False, loc="lower left")


def _controls(axes: Any, result: CrossValidated, names: dict[str, str]) -> None:  # noqa: ARG001
    rows = [
        ("the picture as it is", result.accuracy_all.value, result.coverage),
        *((name.replace("_", " "), done.accuracy_all, done.coverage) for name, done in result.ablations.items()),
        ("colour statistics forest", result.colour_statistics_forest.value, 0),
    ]
    place = np.arange(len(rows))[::-1]
    names_of_rows, accuracies, shares = zip(*rows, strict=True)
    axes.barh(place + 0.2, accuracies, 0.36, color=SLATE, label="right if it always answered")
    axes.barh(place - 0.2, shares, 0.36, color=VIOLET, label="share suggested at all")
    axes.set_yticks(place, names_of_rows)
    axes.set_xlim(0, 1)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=2, fontsize=8)


def _patients(axes: Any, result: CrossValidated, names: dict[str, str]) -> None:
    rows = result.per_patient
    most = max(row.n for row in rows)
    alike = {"": "all labels"} if any(not row.label for row in rows) else {}
    colours, shown = ([SLATE], alike) if alike else (cycle(CLASS_COLOURS), names)
    for colour, (identifier, name) in zip(colours, shown.items(), strict=False):
        places = [place for place, row in enumerate(rows) if row.label == identifier]
        shares = [rows[place].right / rows[place].n for place in places]
        areas = [12 + 240 * rows[place].n / most for place in places]
        axes.scatter(places, shares, areas, color=colour, alpha=0.6, linewidths=0, label=name)
    order = "the least recognised first" if alike else "the least recognised of each class first"
    axes.set(xlabel=f"patients, {order}", ylabel="share of pictures right")
    axes.set(xticks=[], ylim=(-0.04, 1.06))
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.08), "ncols": min(4, len(shown))}
    axes.legend(frameon=False, title="area: how many pictures", fontsize=8, **below)
