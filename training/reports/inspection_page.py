"""An inspection as one HTML file with its plots inside. It holds photographs: treat it like the data."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from matplotlib import pyplot as plt

from smear.arrays import Array
from training.data.inspection import Inspection, Look
from training.reports.pages import figure_url, photograph_url, render

THUMB, EACH = 112, 8  # px, and pictures of a class in the montage
DYES = ("red", "green", "blue")
SHOWN_PAIRS = 20


def page(inspection: Inspection) -> str:
    """Return the page: warnings, counts, plots, duplicates, montage."""
    dataset = inspection.dataset
    return render(
        "inspection.html",
        pictures=len(dataset),
        labels=_montage(inspection),
        sources=len(set(dataset.sources)),
        groups=len(set(inspection.groups.tolist())),
        patients_known=dataset.patients_known,
        groups_from=dataset.groups_from,
        remarks=dataset.remarks,
        warnings=inspection.warnings,
        plots=[(title, figure_url(draw(inspection))) for title, draw in PLOTS.items()],
        exact=len(inspection.duplicates.exact),
        near=len(inspection.duplicates.near),
        pairs=_pairs(inspection),
    )


def _counts(inspection: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    dataset, left = inspection.dataset, np.zeros(len(inspection.dataset.classes))
    pairs = Counter(zip(dataset.labels, dataset.sources, strict=True))
    for source in sorted(set(dataset.sources)):
        values = np.array([pairs[label, source] for label in dataset.classes], float)
        axes.barh(dataset.classes, values, left=left, label=source or "no source given")
        left += values
    axes.set_xlabel("pictures")
    axes.legend(frameon=False, title="source")
    return figure


def _sizes(inspection: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for label in inspection.dataset.classes:
        counts = Counter(look.size for look, own in _labelled(inspection) if own == label)
        width, height = np.array(list(counts)).T
        area = 20 + 300 * np.array(list(counts.values())) / len(inspection.looks)
        axes.scatter(width, height, area, alpha=0.5, label=label)
    axes.set(xlabel="width, px", ylabel="height, px")
    axes.legend(frameon=False)
    return figure


def _colour(inspection: Inspection) -> Any:
    """Mean colour of whole pictures in CIE a* and b*, once by class and once by source."""
    mean = np.array([look.mean for look in inspection.looks], np.float32)[None] / 255
    lab = cv2.cvtColor(mean, cv2.COLOR_RGB2LAB)[0]
    figure, both = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharex=True, sharey=True)
    for axes, names, title in zip(
        both, (inspection.dataset.labels, inspection.dataset.sources), ("by class", "by source"), strict=True
    ):
        for name in sorted(set(names)):
            own = np.array(names) == name
            axes.plot(lab[own, 1], lab[own, 2], ".", alpha=0.5, label=name or "no source given")
        axes.set(title=title, xlabel="a* (green to red)", ylabel="b* (blue to yellow)")
        axes.legend(frameon=False, fontsize=8)
    return figure


def _stain(inspection: Inspection) -> Any:
    """Optical density of the nuclei in each channel, by class and by source."""
    table = np.array([look.stain for look in inspection.looks])
    figure, all_axes = plt.subplots(2, 3, figsize=(10, 6), layout="constrained", sharey=True)
    for row, names in zip(all_axes, (inspection.dataset.labels, inspection.dataset.sources), strict=True):
        for axes, dye, values in zip(row, DYES, table.T, strict=True):
            _boxes(axes, names, values)
            axes.set_title(f"density of nuclei, {dye}", fontsize=9)
    return figure


def _leukocytes(inspection: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    _boxes(axes, inspection.dataset.labels, np.array([look.leukocytes for look in inspection.looks], float))
    axes.set_ylabel("leukocytes in a picture")
    return figure


def _groups(inspection: Inspection) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for label in inspection.dataset.classes:
        own = inspection.groups[np.array(inspection.dataset.labels) == label]
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


def _labelled(inspection: Inspection) -> Iterable[tuple[Look, str]]:
    return zip(inspection.looks, inspection.dataset.labels, strict=True)


def _boxes(axes: Any, names: tuple[str, ...], values: Array) -> None:
    kinds = sorted(set(names))
    rows = [values[(np.array(names) == kind) & np.isfinite(values)] for kind in kinds]
    axes.boxplot(rows, tick_labels=[kind or "none" for kind in kinds], flierprops={"markersize": 2})
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)


def _pairs(inspection: Inspection) -> list[tuple[str, str, str]]:
    """Return what duplicates are and both paths: all under two labels, then the first of the others."""
    paths, labels, duplicates = inspection.dataset.paths, inspection.dataset.labels, inspection.duplicates
    kinds = (("same picture", duplicates.exact), ("near-duplicate", duplicates.near))
    torn, others = list[tuple[str, str, str]](), list[tuple[str, str, str]]()
    for kind, pairs in kinds:
        for i, j in pairs:
            if labels[i] != labels[j]:
                torn.append((f"{kind}, '{labels[i]}' and '{labels[j]}'", paths[i], paths[j]))
            else:
                others.append((kind, paths[i], paths[j]))
    return torn + others[:SHOWN_PAIRS]


def _montage(inspection: Inspection) -> dict[str, list[str]]:
    """Return the URLs of some pictures of every class, by label."""
    dataset = inspection.dataset
    own = {label: [i for i, name in enumerate(dataset.labels) if name == label] for label in dataset.classes}
    return {
        label: [_thumbnail(inspection, index) for index in indices[:: max(1, len(indices) // EACH)][:EACH]]
        for label, indices in own.items()
    }


def _thumbnail(inspection: Inspection, index: int) -> str:
    rgb = inspection.dataset.picture(index)
    return photograph_url(cv2.resize(rgb, (THUMB, THUMB), interpolation=cv2.INTER_AREA))
