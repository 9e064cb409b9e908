"""The numbers of a card, each with its definition. Rates are 0..1; intervals are 95 %.

The structures are those of the JSON that runs, cards and `evaluate --format json` hold: where a field goes by another
name there, its definition says so. `public` and `msgspec.to_builtins` are the only ways to JSON.
"""

from typing import Any

import numpy as np
from msgspec import Struct, field, structs
from sklearn.metrics import confusion_matrix, f1_score, recall_score, roc_auc_score

from smear.arrays import Array
from smear.inference.card import Label
from smear.measured import Rate
from smear.statistics import wilson
from training.evaluation.bootstrap import GroupDraws

BINS = 15


class Bin(Struct, frozen=True):
    """A bin of confidence: its mean confidence, how often it is right, and the share of pictures that are in it."""

    confidence: float
    accuracy: float
    share: float


class Selection(Struct, frozen=True):
    """The most confident pictures, a share `coverage` of all, and how often these are right."""

    coverage: float
    accuracy: float


class Ablation(Struct, frozen=True):
    """How an ablation did: accuracy as if nothing were refused, and the share that got a suggestion."""

    accuracy_all: float
    coverage: float
    suggested: Rate


class Metrics(Struct, frozen=True, kw_only=True):
    """What a set of `n` pictures says of a model.

    `accuracy_all` and the numbers by class count every picture as if nothing had been refused; `..._suggested`
    count suggestions only. auroc: of each class against the rest, and their mean; None where it is not defined.
    confusion: a row for each true class.
    """

    n: int
    coverage: float
    accuracy_suggested: Rate
    accuracy_all: Rate
    balanced_accuracy: float
    macro_f1: float
    weighted_f1: float
    auroc: float | None
    auroc_by_class: dict[str, float | None]
    ece: float
    ece_before: float
    sensitivity: dict[str, Rate]
    specificity: dict[str, Rate]
    sensitivity_suggested: dict[str, Rate]
    risk_coverage: list[Selection]
    reliability: list[Bin]
    confusion: list[list[int]]
    ablations: dict[str, Ablation] = field(name="controls", default_factory=dict)


class Patient(Struct, frozen=True):
    """How often one patient's `n` pictures were right, and the same of suggestions; not who the patient is.

    label: "" where patients have cells of several, and so no label of their own.
    """

    label: str
    n: int
    right: int
    suggested: int
    suggested_right: int


def rate(count: int, total: int) -> Rate:
    """Return a proportion with its counts and the interval by picture."""
    low, high = wilson(count, total)
    value = round(count / total, 5) if total else None
    return Rate(value, round(low, 5), round(high, 5), int(count), int(total))


def rate_among(hits: Array, among: Array, draws: GroupDraws | None) -> Rate:
    """Return the share of `hits` in `among`, both bool (N,), with its interval by whole groups where they are known."""
    by_picture = rate(int((hits & among).sum()), int(among.sum()))
    if draws is None or not by_picture.total:
        return by_picture
    low, high = draws.interval(hits, among)
    beside = (by_picture.low, by_picture.high)
    return structs.replace(by_picture, low=round(low, 5), high=round(high, 5), groups=draws.count(among), wilson=beside)


def _bins(probabilities: Array, targets: Array) -> list[Bin]:
    """Return every filled one of 15 equal bins of confidence."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    masks = [place == number for number in range(BINS)]
    return [Bin(float(confidence[i].mean()), float(right[i].mean()), float(i.mean())) for i in masks if i.any()]


def expected_calibration_error(probabilities: Array, targets: Array) -> float:
    """Return the ECE with 15 equal bins of confidence (Naeini et al. 2015; Guo et al. 2017)."""
    return sum(part.share * abs(part.accuracy - part.confidence) for part in _bins(probabilities, targets))


def reliability(probabilities: Array, targets: Array) -> list[Bin]:
    """Return the filled confidence bins, rounded."""
    return [
        Bin(round(part.confidence, 5), round(part.accuracy, 5), round(part.share, 5))
        for part in _bins(probabilities, targets)
    ]


def risk_coverage(confidence: Array, right: Array) -> list[Selection]:
    """Return accuracy on the most confident share, for shares of 0.5 to 1 (El-Yaniv and Wiener 2010)."""
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    shares = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)
    return [Selection(share, round(float(accuracy[max(1, round(share * len(order))) - 1]), 5)) for share in shares]


def classification(
    probabilities: Array,
    uncalibrated: Array,
    targets: Array,
    suggested: Array,
    labels: tuple[Label, ...],
    draws: GroupDraws | None = None,
) -> Metrics:
    """Return every metric of a set of pictures.

    probabilities, uncalibrated: (N, C) after and before temperature, for every picture, also for refused ones;
    suggested: bool (N,), whether the reader made a suggestion; draws: of the pictures' groups, None where these are not
    known: intervals are by picture then.
    """
    best = probabilities.argmax(axis=1)
    right = best == targets
    names = [label.id for label in labels]
    indices = list(range(len(labels)))
    present = np.unique(targets)
    everything = np.ones(len(targets), bool)
    by_class = [_auroc(targets == i, probabilities[:, i]) for i in indices]
    areas = [area for area in by_class if area is not None]
    return Metrics(
        n=len(targets),
        coverage=round(float(suggested.mean()), 5),
        accuracy_suggested=rate_among(right, suggested, draws),
        accuracy_all=rate_among(right, everything, draws),
        balanced_accuracy=round(float(recall_score(targets, best, labels=present, average="macro")), 5),
        macro_f1=round(float(f1_score(targets, best, labels=present, average="macro", zero_division=0)), 5),
        weighted_f1=round(float(f1_score(targets, best, labels=present, average="weighted", zero_division=0)), 5),
        auroc=round(float(np.mean(areas)), 5) if areas else None,
        auroc_by_class=dict(zip(names, by_class, strict=True)),
        ece=round(expected_calibration_error(probabilities, targets), 5),
        ece_before=round(expected_calibration_error(uncalibrated, targets), 5),
        sensitivity={name: rate_among(right, targets == i, draws) for i, name in enumerate(names)},
        specificity={name: rate_among(best != i, targets != i, draws) for i, name in enumerate(names)},
        sensitivity_suggested={
            name: rate_among(right, suggested & (targets == i), draws) for i, name in enumerate(names)
        },
        risk_coverage=risk_coverage(probabilities.max(axis=1), right),
        reliability=reliability(probabilities, targets),
        confusion=confusion_matrix(targets, best, labels=indices).tolist(),
    )


def by_patient(
    patients: Array, targets: Array, right: Array, suggested: Array, labels: tuple[Label, ...]
) -> list[Patient]:
    """Return one row a patient, by label and then the worst first: pictures, right ones, and the same of suggestions.

    Where a patient has pictures of several labels, as with single cells, the rows name none.

    patients, targets: int64 (N,); right, suggested: bool (N,). The rows say nothing of who the patients are: a result
    is published.
    """
    several = len(np.unique(np.stack([patients, targets]), axis=1).T) > len(np.unique(patients))
    rows = []
    for patient in np.unique(patients):
        own = patients == patient
        rows.append(
            Patient(
                label="" if several else labels[int(targets[own][0])].id,
                n=int(own.sum()),
                right=int(right[own].sum()),
                suggested=int(suggested[own].sum()),
                suggested_right=int((suggested & right)[own].sum()),
            )
        )
    order = ["", *(label.id for label in labels)]
    return sorted(rows, key=lambda row: (order.index(row.label), row.right / row.n, row.n))


def _auroc(own: Array, probability: Array) -> float | None:
    """Return the area under the ROC curve of one class, bool (N,), by its probability; None where all or none are."""
    return round(float(roc_auc_score(own, probability)), 5) if 0 < own.sum() < len(own) else None


def public(metrics: Metrics) -> dict[str, Any]:
    """Return the metrics and controls under their public names with plain numbers, as `--format json` prints them."""
    return {
        "n": metrics.n,
        "coverage": metrics.coverage,
        "accuracy_suggested": metrics.accuracy_suggested.value,
        "accuracy_all": metrics.accuracy_all.value,
        "balanced_accuracy": metrics.balanced_accuracy,
        "macro_f1": metrics.macro_f1,
        "weighted_f1": metrics.weighted_f1,
        "auroc": metrics.auroc,
        "ece": metrics.ece,
        "sensitivity": {label: sensitivity.value for label, sensitivity in metrics.sensitivity.items()},
        "controls": {
            name: {"accuracy_all": ablation.accuracy_all, "coverage": ablation.coverage}
            for name, ablation in metrics.ablations.items()
        },
    }
