"""Accuracy and loss by epoch, on what a network learnt from and on what it did not: folds thin, their mean thick."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from smear.arrays import Array
from training.fit.callbacks import Epoch

VIOLET, AMBER = "#5b3fa6", "#b26a00"
Value = Callable[[Epoch], float | None]
PANELS: tuple[tuple[str, tuple[tuple[str, str, Value], ...]], ...] = (
    (
        "accuracy",
        (
            ("training, augmented", VIOLET, lambda epoch: epoch.accuracy),
            ("held out", AMBER, lambda epoch: epoch.held_out),
        ),
    ),
    (
        "loss",
        (
            ("training, augmented", VIOLET, lambda epoch: epoch.loss),
            ("held out", AMBER, lambda epoch: epoch.held_out_loss),
        ),
    ),
)


def write(path: Path, curves: Sequence[Sequence[Epoch]], title: str) -> None:
    """Draw the learning curves of folds to `path`; nothing where a network had no epochs."""
    if not any(curves):
        return
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), layout="constrained")
    for panel, (name, lines) in zip(axes, PANELS, strict=True):
        draw(panel, curves, lines)
        panel.set(xlabel="epoch", ylabel=name)
    axes[0].legend(frameon=False)
    figure.suptitle(title, fontsize=8)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def draw(axes: Any, curves: Sequence[Sequence[Epoch]], lines: Sequence[tuple[str, str, Value]]) -> None:
    """Draw lines of folds and of their mean onto `axes`; what was not measured is left out."""
    for name, colour, value in lines:
        for curve in curves:
            points = [(epoch.epoch, height) for epoch in curve if (height := value(epoch)) is not None]
            axes.plot(*np.array(points).reshape(-1, 2).T, color=colour, lw=0.7, alpha=0.4)
        axes.plot(*mean(curves, value).T, color=colour, lw=1.8, label=name)


def mean(curves: Sequence[Sequence[Epoch]], value: Value) -> Array:
    """Return epochs and mean values over the folds that have one then, float64 (E, 2)."""
    heights: dict[int, list[float]] = {}
    for curve in curves:
        for epoch in curve:
            if (height := value(epoch)) is not None:
                heights.setdefault(epoch.epoch, []).append(height)
    return np.array([(epoch, float(np.mean(them))) for epoch, them in sorted(heights.items())]).reshape(-1, 2)
