"""An inspection as one HTML file with its plots inside. It holds photographs: treat it like the data."""

import base64
import html
import io
from collections import Counter
from typing import Any

import cv2
import matplotlib
import numpy as np

from smear.imaging.decode import encode
from training.data.inspection import Inspection
from training.reports.comparison_page import STYLE

matplotlib.use("Agg")
from matplotlib import pyplot as plt

THUMB, EACH = 112, 8  # px, and pictures of a class in the montage
DYES = ("red", "green", "blue")
SHOWN_PAIRS = 20


def page(found: Inspection) -> str:
    """Return the page: warnings, counts, plots, duplicates, montage."""
    dataset = found.dataset
    warnings = "".join(f"<li>{html.escape(one)}</li>" for one in found.warnings) or "<li>Nothing to warn of.</li>"
    plots = "".join(
        f'<h2>{title}</h2><p><img alt="{title}" src="{_inline(draw(found))}"></p>' for title, draw in PLOTS.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Inspection</title><style>{STYLE}</style>'
        f"<h1>What is in the data set</h1><p>{len(dataset)} pictures, {len(dataset.classes)} classes,"
        f" {len(set(dataset.sources))} sources, {len(set(found.groups.tolist()))} groups"
        f" ({'patients as given' if all(dataset.groups) else 'made from near-duplicates and the look of the slides'})."
        f" This page holds photographs: treat it like the data.</p><h2>Warnings</h2><ul>{warnings}</ul>{plots}"
        f"{_pairs(found)}{_montage(found)}</html>\n"
    )


def _counts(found: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    dataset, left = found.dataset, np.zeros(len(found.dataset.classes))
    pairs = Counter(zip(dataset.labels, dataset.sources, strict=True))
    for source in sorted(set(dataset.sources)):
        values = np.array([pairs[label, source] for label in dataset.classes], float)
        axes.barh(dataset.classes, values, left=left, label=source or "no source given")
        left += values
    axes.set_xlabel("pictures")
    axes.legend(frameon=False, title="source")
    return figure


def _sizes(found: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for label in found.dataset.classes:
        counts = Counter(look.size for look, own in _labelled(found) if own == label)
        width, height = np.array(list(counts)).T
        area = 20 + 300 * np.array(list(counts.values())) / len(found.looks)
        axes.scatter(width, height, area, alpha=0.5, label=label)
    axes.set(xlabel="width, px", ylabel="height, px")
    axes.legend(frameon=False)
    return figure


def _colour(found: Inspection) -> Any:
    """Mean colour of whole pictures in CIE a* and b*, once by class and once by source."""
    mean = np.array([look.mean for look in found.looks], np.float32)[None] / 255
    lab = cv2.cvtColor(mean, cv2.COLOR_RGB2LAB)[0]
    figure, both = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharex=True, sharey=True)
    for axes, names, title in zip(
        both, (found.dataset.labels, found.dataset.sources), ("by class", "by source"), strict=True
    ):
        for name in sorted(set(names)):
            own = np.array(names) == name
            axes.plot(lab[own, 1], lab[own, 2], ".", alpha=0.5, label=name or "no source given")
        axes.set(title=title, xlabel="a* (green to red)", ylabel="b* (blue to yellow)")
        axes.legend(frameon=False, fontsize=8)
    return figure


def _stain(found: Inspection) -> Any:
    """Optical density of the nuclei in each channel, by class and by source."""
    table = np.array([look.stain for look in found.looks])
    figure, all_axes = plt.subplots(2, 3, figsize=(10, 6), layout="constrained", sharey=True)
    for row, names in zip(all_axes, (found.dataset.labels, found.dataset.sources), strict=True):
        for axes, dye, values in zip(row, DYES, table.T, strict=True):
            _boxes(axes, names, values)
            axes.set_title(f"density of nuclei, {dye}", fontsize=9)
    return figure


def _leukocytes(found: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    _boxes(axes, found.dataset.labels, np.array([look.leukocytes for look in found.looks], float))
    axes.set_ylabel("leukocytes in a picture")
    return figure


def _groups(found: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for label in found.dataset.classes:
        own = found.groups[np.array(found.dataset.labels) == label]
        sizes = np.sort(np.unique(own, return_counts=True)[1])[::-1]
        axes.plot(np.arange(1, len(sizes) + 1), sizes, "o-", label=f"{label}: {len(sizes)} groups")
    axes.set(xlabel="groups, largest first", ylabel="pictures in it")
    axes.legend(frameon=False)
    return figure


PLOTS = {
    "Pictures by class and source": _counts,
    "Sizes": _sizes,
    "Colour": _colour,
    "Stain": _stain,
    "Leukocytes": _leukocytes,
    "Groups": _groups,
}


def _labelled(found: Inspection) -> zip:
    return zip(found.looks, found.dataset.labels, strict=True)


def _boxes(axes: Any, names: tuple[str, ...], values: Any) -> None:
    kinds = sorted(set(names))
    rows = [values[(np.array(names) == kind) & np.isfinite(values)] for kind in kinds]
    axes.boxplot(rows, tick_labels=[kind or "none" for kind in kinds], flierprops={"markersize": 2})
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)


def _pairs(found: Inspection) -> str:
    lines = [("same file", pair) for pair in found.exact] + [("near-duplicate", pair) for pair in found.near]
    paths = found.dataset.paths
    rows = "".join(
        f"<tr><td>{kind}</td><td>{html.escape(paths[i])}</td><td>{html.escape(paths[j])}</td></tr>"
        for kind, (i, j) in lines[:SHOWN_PAIRS]
    )
    title = f"<h2>Duplicates</h2><p>{len(found.exact)} the same file, {len(found.near)} near-duplicates.</p>"
    return f"{title}<table>{rows}</table>" if rows else title


def _montage(found: Inspection) -> str:
    rows = []
    for label in found.dataset.classes:
        own = [index for index, name in enumerate(found.dataset.labels) if name == label]
        chosen = own[:: max(1, len(own) // EACH)][:EACH]
        pictures = "".join(f'<img alt="" src="{_thumb(found, index)}">' for index in chosen)
        rows.append(f"<h3>{html.escape(label)}</h3><p>{pictures}</p>")
    return f"<h2>Some pictures</h2>{''.join(rows)}"


def _thumb(found: Inspection, index: int) -> str:
    small = cv2.resize(found.dataset.picture(index), (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    return "data:image/jpeg;base64," + base64.b64encode(encode(small, "JPEG")).decode()


def _inline(figure: Any) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
