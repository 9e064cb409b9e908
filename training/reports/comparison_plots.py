"""The plots of a comparison: scores and what chance does to them, who is taken for whom, and how networks learnt."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from training.evaluation.comparison import Plan, Row, strictest
from training.evaluation.splits import Protocol
from training.reports import learning_curves
from training.reports.pages import figure_url
from training.reports.run_report import confusion

VIOLET, TEAL, AMBER, ROSE = "#5b3fa6", "#1b7f6b", "#b26a00", "#a63f6b"
COLOURS: dict[Protocol, str] = {"grouped": VIOLET, "random": AMBER, "source": TEAL, "as-published": ROSE}
ACROSS = 3  # small plots beside each other


def plots(rows: list[Row], plan: Plan) -> list[tuple[str, str]]:
    """Return title and data URL of every plot; those that there is nothing to draw for are left out."""
    protocol = strictest(rows, plan)
    measured = [row for row in rows if protocol in row.results]
    learnt = [row for row in measured if any(row.results[protocol].learning_curves)]
    drawn: list[tuple[str, Any]] = [
        ("macro F1 by recipe and protocol; bars: 95 % interval by whole groups", _scores(rows, plan)),
        (f"macro F1 by speed, {protocol}", _speed(measured, protocol)),
        (f"who is taken for whom, {protocol}", _each(measured, lambda axes, row: _confusion(axes, row, protocol))),
    ]
    if learnt:
        title = f"accuracy by epoch, {protocol}: training (violet) and held out (amber)"
        drawn.append((title, _each(learnt, lambda axes, row: _learning(axes, row, protocol))))
    return [(title, figure_url(figure)) for title, figure in drawn]


def _scores(rows: list[Row], plan: Plan) -> Any:
    figure, axes = plt.subplots(figsize=(8, 0.5 + 0.45 * len(rows)), layout="constrained")
    place = np.arange(len(rows))[::-1]
    measured = [protocol for protocol in plan.protocols if any(protocol in row.results for row in rows)]
    height = 0.8 / len(measured)
    for number, protocol in enumerate(measured):
        scores = np.array([max(row.score(protocol), 0) for row in rows])
        ends = np.array([row.interval(protocol) or (score, score) for row, score in zip(rows, scores, strict=True)])
        reach = np.abs(ends.T - scores)
        below, colour = place - number * height, COLOURS[protocol]
        axes.barh(below, scores, height, color=colour, label=protocol)
        axes.errorbar(scores, below, xerr=reach, fmt="none", ecolor="black", elinewidth=1, capsize=2)
    axes.set_yticks(place - height * (len(measured) - 1) / 2, [row.recipe.name for row in rows])
    axes.set(xlim=(0, 1), xlabel="macro F1")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(measured))
    return figure


def _speed(rows: Sequence[Row], protocol: Protocol) -> Any:
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for row in rows:
        if row.cost is not None:
            axes.plot(row.cost.milliseconds, row.score(protocol), "o", color=VIOLET)
            axes.annotate(row.recipe.name, (row.cost.milliseconds, row.score(protocol)), fontsize=7)
    axes.set(xlabel="milliseconds for a picture, from bytes to reading", ylabel=f"macro F1, {protocol}")
    return figure


def _each(rows: Sequence[Row], draw: Callable[[Any, Row], None]) -> Any:
    """Draw a small plot for every row, the best first."""
    down = -(-len(rows) // ACROSS)
    figure, grid = plt.subplots(down, ACROSS, figsize=(9, 2.9 * down), layout="constrained", squeeze=False)
    for axes in grid.flat[len(rows) :]:
        axes.set_axis_off()
    for axes, row in zip(grid.flat, rows, strict=False):
        draw(axes, row)
        axes.set_title(row.recipe.name, fontsize=8)
    return figure


def _confusion(axes: Any, row: Row, protocol: Protocol) -> None:
    result = row.results[protocol]
    confusion(axes, result, {label: label for label in result.sensitivity})
    axes.tick_params(labelsize=6)
    axes.set_xlabel("")
    axes.set_ylabel("")


def _learning(axes: Any, row: Row, protocol: Protocol) -> None:
    (_name, lines), _loss = learning_curves.PANELS
    learning_curves.draw(axes, row.results[protocol].learning_curves, lines)
    axes.set_ylim(0, 1.02)
    axes.tick_params(labelsize=6)
