"""A published bundle on any data set: its metrics on the labels that it knows, what it refuses of the others, and what
it said of every picture."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.inference.field_reader import Reader
from smear.inference.suggestion import calibrated
from smear.measured import Difference, Rate
from training.data.ablations import ABLATIONS
from training.data.dataset import Dataset
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.metrics import Metrics, public, rate_among
from training.evaluation.predictions import Load, Predictions, ablation_of, metrics_of, predict_all
from training.fit.checkpoints import whole

PREDICTIONS = "predictions.csv"


@dataclass(frozen=True)
class Assessment:
    """What a bundle said of the N pictures of a data set.

    predictions: of all; known: bool (N,), whether the bundle has a picture's label; targets: int64, of the known ones;
    metrics: of these, None where there are none; refused: how many of the others got no suggestion, None where there
    are none; draws: of the known pictures' patients, None where these are not known.
    """

    predictions: Predictions
    known: Array
    targets: Array
    metrics: Metrics | None
    refused: Rate | None
    draws: GroupDraws | None

    def gain_over(self, other: "Assessment") -> Difference:
        """Return by how much the accuracy exceeds that of another bundle with the same labels on the same pictures."""
        draws = self.draws or GroupDraws(np.arange(len(self.targets)))
        return draws.gain(
            *(assessment.predictions.only(assessment.known).right(assessment.targets) for assessment in (self, other))
        )

    def to_json(self) -> dict[str, Any]:
        """Return metrics and controls under their public names, and the pictures whose label the bundle has not."""
        data: dict[str, Any] = public(self.metrics) if self.metrics else {"n": 0}
        if self.refused:
            data["foreign"] = {"n": self.refused.total, "refused": self.refused.value}
        return data


def assess(
    reader: Reader,
    data: Dataset,
    controls: Sequence[str] = tuple(ABLATIONS),
    load: Load | None = None,
    address: str | None = None,
) -> Assessment:
    """Return what `reader` says of `data`, with the controls named. A label that it has not is no error.

    load, address: what loads the reader in the workers there, where they do the work (`smear.workers`).
    """
    labels = [label.id for label in reader.card.labels]
    known = np.isin(data.labels, labels)
    targets = np.array([labels.index(label) for label in data.labels if label in labels], np.int64)
    predictions, ablated = predict_all(load or (lambda: [reader]), data, tuple(controls), address)
    metrics, draws, patients = None, None, np.array(data.groups)
    if known.any():
        draws = GroupDraws(patients[known]) if data.patients_known else None
        metrics = metrics_of(predictions.only(known), targets, reader.card, draws)
        ablations = {name: ablation_of(changed.only(known), targets, draws) for name, changed in ablated.items()}
        metrics = structs.replace(metrics, ablations=ablations)
    refused = None
    if not known.all():
        foreign = GroupDraws(patients) if data.patients_known else None
        refused = rate_among(~predictions.suggested, ~known, foreign)
    return Assessment(predictions, known, targets, metrics, refused, draws)


def write_predictions(folder: Path, data: Dataset, predictions: Predictions, reader: Reader) -> Path:
    """Write a row for every picture to `predictions.csv` in `folder`, and return the file.

    Of what can be graded it has the most likely label and all probabilities, as if nothing had been refused; they are
    for the people who judge a model, not for those who read with it.
    """
    with whole(folder / PREDICTIONS) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        rows = _rows(data, predictions, reader)
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return folder / PREDICTIONS


def _rows(data: Dataset, predictions: Predictions, reader: Reader) -> list[dict[str, str]]:
    labels = [label.id for label in reader.card.labels]
    probabilities = calibrated(predictions.logits, reader.card.temperature)
    rows = []
    for index, path in enumerate(data.paths):
        graded = predictions.outcomes[index] != "not_gradable"
        row = {"path": path, "label": data.labels[index], "group": data.groups[index], "source": data.sources[index]}
        row |= {"outcome": str(predictions.outcomes[index])}
        row["predicted"] = labels[int(probabilities[index].argmax())] if graded else ""
        row["ood"] = f"{predictions.ood_scores[index]:.4f}" if graded else ""
        row |= {
            f"p_{label}": f"{probabilities[index, place]:.5f}" if graded else "" for place, label in enumerate(labels)
        }
        rows.append(row)
    return rows
