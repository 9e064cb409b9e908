"""What a data set gives away: a linear probe on ImageNet features, of whole pictures and of what is left of them.

A logistic regression on the features of a network that never saw a smear (MobileNetV2 on ImageNet, Alain and Bengio
2016 for the idea) learns little and hides nothing. Where it names the class of pictures whose leukocytes are painted
out, so can any network, and its accuracy on whole pictures is no proof that it looked at a cell.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import keras
import numpy as np
from msgspec import Struct
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from smear.arrays import Array
from smear.measured import Rate
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training import csv_table
from training.architectures.blueprint import Order
from training.architectures.imagenet import mobilenet
from training.data.ablations import ABLATIONS
from training.data.dataset import Dataset
from training.data.groups import find_groups
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.metrics import rate_among
from training.evaluation.splits import Protocol, folds
from training.progress import track

SIDE = 224
BATCH = 32
FOLDS = 5
PROTOCOLS: tuple[Protocol, ...] = ("random", "grouped")
STRENGTH = 0.01  # C of the regression: the inverse of its penalty
PARTS: Mapping[str, Callable[[Field], Array]] = {
    "whole field": lambda field: field.rgb,
    "all leukocytes painted out": ABLATIONS["cells_removed"],
    "only the corner with the scale bar": ABLATIONS["corner_only"],
    "leukocytes only, background white": ABLATIONS["background_removed"],
}


class Probed(Struct, frozen=True):
    """The accuracy of a probe with its interval by groups, and its share of right answers by label."""

    accuracy: Rate
    by_label: dict[str, float]

    @property
    def worst(self) -> str:
        """The label that is named worst."""
        return min(self.by_label, key=lambda label: self.by_label[label])


Probes = dict[str, dict[Protocol, Probed]]  # by what is left of the picture and by protocol


def probe(dataset: Dataset, weights: Path) -> Probes:
    """Return the probe's accuracy, with 95 % intervals, for every part of the picture and both protocols."""
    targets = dataset.targets(dataset.classes)
    groups = find_groups(dataset)
    probes: Probes = {}
    for part, table in features(dataset, weights).items():
        probes[part] = {}
        for protocol in PROTOCOLS:
            answers = np.zeros_like(targets)
            for train, test in folds(targets, groups, protocol, FOLDS):
                line = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300))
                answers[test] = line.fit(table[train], targets[train]).predict(table[test])
            right = answers == targets
            accuracy = rate_among(right, np.ones(len(right), bool), GroupDraws(groups))
            by_label = {label: round(float(right[targets == i].mean()), 4) for i, label in enumerate(dataset.classes)}
            probes[part][protocol] = Probed(accuracy, by_label)
    return probes


def features(dataset: Dataset, weights: Path) -> dict[str, Array]:
    """Return the pooled features of every picture, float32 (N, 1280), for every part of the picture."""
    blueprint = mobilenet.v2(Order(SIDE, SIDE, 2, weights=weights))
    layer = blueprint.model.get_layer(blueprint.explanation_layer)
    network = keras.Model(blueprint.model.input, keras.layers.GlobalAveragePooling2D()(layer.output))
    parts: dict[str, list[Array]] = {name: [] for name in PARTS}
    for first in track(range(0, len(dataset), BATCH), "batches"):
        fields = [find(dataset.picture(i)) for i in range(first, min(first + BATCH, len(dataset)))]
        for name, change in PARTS.items():
            shown = [cv2.resize(change(field), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for field in fields]
            parts[name].append(network.predict_on_batch(np.stack(shown).astype(np.float32)))
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def as_csv(probes: Probes) -> str:
    """Return the probes as CSV, a row for every part of the picture and protocol, with the command in a comment."""
    rows = []
    for part, protocols in probes.items():
        for protocol, probed in protocols.items():
            accuracy = probed.accuracy
            row = {"seen": part, "protocol": protocol, "n": accuracy.total, "accuracy": accuracy.value}
            row |= {
                "low": accuracy.low,
                "high": accuracy.high,
                "worst label": probed.worst,
                "its sensitivity": probed.by_label[probed.worst],
            }
            rows.append({key: str(value) for key, value in row.items()})
    return csv_table.as_csv(rows, "python -m training probe --data DATA --weights WEIGHTS --format csv")


def text(probes: Probes) -> str:
    """Return the probes as a table: a line for every part of the picture, a column for every protocol."""
    lines = [f"{'linear probe':36}" + "".join(f"{name:28}" for name in PROTOCOLS)]
    for part, protocols in probes.items():
        cells = [
            f"{probed.accuracy.value:.1%} ({probed.worst} {probed.by_label[probed.worst]:.1%})"
            for probed in protocols.values()
        ]
        lines.append(f"{part:36}" + "".join(f"{cell:28}" for cell in cells).rstrip())
    return "\n".join([*lines, "In brackets: the label that it names worst.", ""])
