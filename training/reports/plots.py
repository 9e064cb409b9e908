"""The plots of docs/what-the-numbers-mean.md, each drawn from a table in docs/results or from a card's results."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from matplotlib import pyplot as plt

from smear.measured import Rate
from smear.statistics import wilson
from training.data.manifest import DataError
from training.evaluation.conclusion import percent
from training.evaluation.metrics import Selection

VIOLET, AMBER, TEAL, SLATE = "#5b3fa6", "#b26a00", "#1b7f6b", "#5c6773"
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "leukolens",  # the same tables give the same files
}
SIZES = (30, 100, 300, 1000, 3000)
GOOD = 0.99
PROBE, OOD, GROUPED = "taleghani-probe.csv", "taleghani-ood.csv", "grouped.json"
COMPARED, ADAPTED = "taleghani-compare.csv", "cells-adapt.csv"
STARTS = "leukolens-differential-2", "leukolens-differential"  # what labels of a laboratory were put on top of


def draw(results: Path, report: Path, out: Path) -> list[Path]:
    """Write every plot as SVG into `out` and return the files.

    results: folder of the tables; report: of the published bundle. DataError where a table is missing or not the one.
    """
    out.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Callable[[Any], None]] = {
        "without-cells": lambda axes: _without_cells(axes, rows_of(results / PROBE)),
        "published-systems": lambda axes: _published(axes, rows_of(results / COMPARED)),
        "how-sure": _how_sure,
        "how-rare": _how_rare,
        "when-to-refuse": lambda axes: _when_to_refuse(axes, _served(report / GROUPED)),
        "outliers": lambda axes: _outliers(axes, rows_of(results / OOD)),
        "own-labels": lambda axes: _own_labels(axes, rows_of(results / ADAPTED)),
    }
    files = []
    with plt.rc_context(STYLE):
        for name, plot in plots.items():
            figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
            try:
                plot(axes)
            except KeyError as error:
                again = "Make it again by the command on its top."
                raise DataError(f"The table for {name} has no column {error}. {again}") from error
            files.append(out / f"{name}.svg")
            figure.savefig(files[-1], metadata={"Date": None})
            plt.close(figure)
    return files


def rows_of(table: Path) -> list[dict[str, str]]:
    """Return the rows of a table whose first line is a comment with its command; DataError where there is none."""
    if not table.is_file():
        raise DataError(f"There is no table {table}.")
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    if not rows:
        raise DataError(f"The table {table} is empty.")
    return rows


class Served(msgspec.Struct, frozen=True):
    """What the plot takes from a bundle's result: how often it is right, by how many pictures it answers."""

    coverage: float
    accuracy_suggested: Rate
    risk_coverage: list[Selection]


def _served(path: Path) -> Served:
    if not path.is_file():
        raise DataError(f"There is no result {path}.")
    return msgspec.json.decode(path.read_bytes(), type=Served)


def _without_cells(axes: Any, rows: list[dict[str, str]]) -> None:
    """How often a line through ImageNet features names the class, by what is left of the picture."""
    parts = list(dict.fromkeys(row["seen"] for row in rows))
    for shift, colour, protocol in ((-0.2, AMBER, "random"), (0.2, VIOLET, "grouped")):
        chosen = [next(row for row in rows if row["seen"] == part and row["protocol"] == protocol) for part in parts]
        values, low, high = (np.array([float(row[key]) for row in chosen]) for key in ("accuracy", "low", "high"))
        places = np.arange(len(parts)) + shift
        axes.barh(places, values, 0.38, xerr=(values - low, high - values), color=colour, label=f"split {protocol}")
        for place, value in zip(places, values, strict=True):
            axes.text(0.02, place, percent(float(value)), color="white", va="center")
    axes.set_yticks(range(len(parts)), parts)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="names the right one of four classes")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


def _published(axes: Any, rows: list[dict[str, str]]) -> None:
    """How often whole systems name the class, as the pictures are and with every leukocyte painted out."""
    rows = sorted(rows, key=lambda row: -float(row["random accuracy_all"]))
    axes.figure.set_figheight(0.9 + 0.36 * len(rows))
    whole, painted = (
        [float(row[f"random {key}"]) for row in rows] for key in ("accuracy_all", "cells_removed accuracy")
    )
    names = [row["recipe"] for row in rows]
    _pairs(axes, names, (("as it is", VIOLET, whole), ("leukocytes painted out", AMBER, painted)), size=8)
    axes.set(xlim=(0, 1.08), xlabel="names the right one of four classes, split by chance")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


def _how_sure(axes: Any) -> None:
    """What 99 % right can mean, by how many pictures were tested: the 95 % interval."""
    for place, count in enumerate(SIZES):
        right = round(GOOD * count)
        low, high = wilson(right, count)
        axes.plot([place, place], [low, high], color=VIOLET, lw=6, solid_capstyle="butt")
        axes.plot(place, right / count, "o", color="white", ms=4)
        axes.text(place, low - 0.006, percent(low), ha="center", va="top")
    axes.set_xticks(range(len(SIZES)), [f"{round(GOOD * count)} of {count}" for count in SIZES])
    axes.set(xlim=(-0.5, len(SIZES) - 0.5), ylim=(0.8, 1.002))
    axes.set(ylabel="true share, 95 % interval", xlabel="right, of those tested")


def _how_rare(axes: Any) -> None:
    """How many positive answers are right, by how many of the patients have the disease."""
    share = np.logspace(-3, np.log10(0.5), 200)
    for colour, rate in ((VIOLET, 0.99), (TEAL, 0.95), (AMBER, 0.90)):
        right, wrong = rate * share, (1 - rate) * (1 - share)
        axes.plot(share, right / (right + wrong), color=colour, label=f"sensitivity and specificity {100 * rate:.0f} %")
    axes.set(xscale="log", ylim=(0, 1), xlabel="share of patients with the disease", ylabel='"disease" is right')
    axes.set_xticks([0.001, 0.01, 0.1, 0.5], ["1 in 1000", "1 in 100", "1 in 10", "1 in 2"])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left")


def _when_to_refuse(axes: Any, served: Served) -> None:
    """How often the default model is right, by how many of the pictures it answers at all."""
    curve = np.array([(point.coverage, point.accuracy) for point in served.risk_coverage])
    axes.plot(*curve.T, color=VIOLET, marker="o", ms=4, label="only the surest are answered")
    right = served.accuracy_suggested.value
    label = f"as served: {percent(served.coverage)} answered, {percent(right)} right"
    axes.plot(served.coverage, right, "D", color=AMBER, label=label)
    axes.set(xlabel="share of pictures that get an answer", ylabel="right among those", ylim=(0.95, 1.001))
    axes.legend(frameon=False, loc="lower left")


def _outliers(axes: Any, rows: list[dict[str, str]]) -> None:
    """How many pictures that are not the model's business still get an answer, by how they are looked for."""
    kinds = [row for row in rows if row["pictures"].startswith(("leukemia_types", "generated"))]
    names = [row["pictures"].replace("leukemia_types, ", "other laboratory: ") for row in kinds]
    confidence, looks = ([1 - float(row[key]) for row in kinds] for key in ("largest probability", "score that serves"))
    scores = ("refused by its own confidence", AMBER, confidence), ("refused by how the cells look", VIOLET, looks)
    _pairs(axes, names, scores, size=10)
    axes.set(xlim=(0, 1), xlabel="still get an answer")
    axes.legend(frameon=False, loc="lower right")


def _own_labels(axes: Any, rows: list[dict[str, str]]) -> None:
    """How often the type of a cell is right in a laboratory that a network has not seen, by how many labels it gets."""
    laboratories = sorted({row["laboratory"] for row in rows})
    for number, laboratory in enumerate(laboratories):
        colour = plt.get_cmap("Dark2")(number)
        for parent, style in ((STARTS[0], "-"), (STARTS[1], ":")):
            own = [row for row in rows if (row["laboratory"], row["parent"]) == (laboratory, parent)]
            if not own:
                continue
            drawn = {0: [float(row["accuracy_before"]) for row in own]}
            for row in own:
                drawn.setdefault(int(row["labels"]), []).append(float(row["accuracy_all"]))
            means = [float(np.mean(values)) for values in drawn.values()]
            label = laboratory if parent == STARTS[0] else None
            axes.plot(list(drawn), means, color=colour, linestyle=style, marker="o", ms=3, label=label)
    axes.set(xlabel="labels of the laboratory's own", ylabel="right of five types", xlim=(-3, 103), ylim=(0, 1))
    axes.set_xticks([0, 25, 50, 100])
    axes.legend(frameon=False, loc="lower right", ncols=2)


def _pairs(axes: Any, names: list[str], series: tuple[tuple[str, str, list[float]], ...], size: int) -> None:
    """Draw two bars for every name, each with its percentage at its end: label, colour and shares of either."""
    for shift, (label, colour, shares) in zip((-0.2, 0.2), series, strict=True):
        axes.barh(np.arange(len(names)) + shift, shares, 0.38, color=colour, label=label)
        for place, share in enumerate(shares):
            axes.text(share + 0.01, place + shift, f"{100 * share:.0f} %", va="center", fontsize=size)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
