"""The numbers of a card, each with its definition. Rates are 0..1; intervals are 95 %."""

from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score, recall_score, roc_auc_score

from smear.arrays import Array
from smear.inference.card import Label
from smear.statistics import wilson

BINS = 15


def rate(right: int, total: int) -> dict[str, Any]:
    """Return a proportion with its counts and interval, as JSON data; its value is None of nothing."""
    low, high = wilson(right, total)
    value = round(right / total, 5) if total else None
    return {"value": value, "low": round(low, 5), "high": round(high, 5), "right": int(right), "of": int(total)}


def _bins(probabilities: Array, targets: Array) -> list[tuple[float, float, float]]:
    """Return mean confidence, accuracy and share of pictures of every filled one of 15 equal bins of confidence."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    inside = [place == one for one in range(BINS)]
    return [(float(confidence[i].mean()), float(right[i].mean()), float(i.mean())) for i in inside if i.any()]


def expected_calibration_error(probabilities: Array, targets: Array) -> float:
    """Return the ECE with 15 equal bins of confidence (Naeini et al. 2015; Guo et al. 2017)."""
    return sum(share * abs(accuracy - confidence) for confidence, accuracy, share in _bins(probabilities, targets))


def reliability(probabilities: Array, targets: Array) -> list[dict[str, float]]:
    """Return the filled confidence bins: mean confidence, accuracy, share of pictures."""
    names = ("confidence", "accuracy", "share")
    rounded = (tuple(round(value, 5) for value in row) for row in _bins(probabilities, targets))
    return [dict(zip(names, row, strict=True)) for row in rounded]


def risk_coverage(confidence: Array, right: Array) -> list[dict[str, float]]:
    """Return accuracy on the most confident share, for shares of 0.5 to 1 (El-Yaniv and Wiener 2010)."""
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    shares = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)
    return [
        {"coverage": share, "accuracy": round(float(accuracy[max(1, round(share * len(order))) - 1]), 5)}
        for share in shares
    ]


def classification(
    probabilities: Array, uncalibrated: Array, targets: Array, suggested: Array, labels: tuple[Label, ...]
) -> dict[str, Any]:
    """Return every metric of a set of pictures.

    probabilities, uncalibrated: (N, C) after and before temperature, for every picture, also for refused ones;
    suggested: bool (N,), whether the reader made a suggestion. `accuracy_all` and the per-class numbers count every
    picture as if nothing had been refused; `..._suggested` count suggestions only.
    """
    best = probabilities.argmax(axis=1)
    right = best == targets
    names = [label.id for label in labels]
    indices = list(range(len(labels)))
    present = np.unique(targets)
    return {
        "n": len(targets),
        "coverage": round(float(suggested.mean()), 5),
        "accuracy_suggested": rate(int(right[suggested].sum()), int(suggested.sum())),
        "accuracy_all": rate(int(right.sum()), len(targets)),
        "balanced_accuracy": round(float(recall_score(targets, best, labels=present, average="macro")), 5),
        "macro_f1": round(float(f1_score(targets, best, labels=present, average="macro", zero_division=0)), 5),
        "weighted_f1": round(float(f1_score(targets, best, labels=present, average="weighted", zero_division=0)), 5),
        "auroc": _auroc(targets, probabilities),
        "ece": round(expected_calibration_error(probabilities, targets), 5),
        "ece_before": round(expected_calibration_error(uncalibrated, targets), 5),
        "sensitivity": {
            name: rate(int(right[targets == i].sum()), int((targets == i).sum())) for i, name in enumerate(names)
        },
        "specificity": {
            name: rate(int((best[targets != i] != i).sum()), int((targets != i).sum())) for i, name in enumerate(names)
        },
        "sensitivity_suggested": {
            name: rate(int(right[suggested & (targets == i)].sum()), int((suggested & (targets == i)).sum()))
            for i, name in enumerate(names)
        },
        "risk_coverage": risk_coverage(probabilities.max(axis=1), right),
        "reliability": reliability(probabilities, targets),
        "confusion": confusion_matrix(targets, best, labels=indices).tolist(),
    }


def by_patient(
    patients: Array, targets: Array, right: Array, suggested: Array, labels: tuple[Label, ...]
) -> list[dict[str, Any]]:
    """Return one row a patient, by label and then the worst first: pictures, right ones, and the same of suggestions.

    patients, targets: int64 (N,); right, suggested: bool (N,). The rows say nothing of who the patients are: a result
    is published.
    """
    rows = []
    for patient in np.unique(patients):
        own = patients == patient
        rows.append(
            {
                "label": labels[int(targets[own][0])].id,
                "n": int(own.sum()),
                "right": int(right[own].sum()),
                "suggested": int(suggested[own].sum()),
                "suggested_right": int((suggested & right)[own].sum()),
            }
        )
    order = [label.id for label in labels]
    return sorted(rows, key=lambda row: (order.index(row["label"]), row["right"] / row["n"], row["n"]))


def _auroc(targets: Array, probabilities: Array) -> float | None:
    """Return the area under the ROC curve, one class against the rest, averaged over the classes that occur."""
    areas = [
        roc_auc_score(targets == i, probabilities[:, i])
        for i in range(probabilities.shape[1])
        if 0 < (targets == i).sum() < len(targets)
    ]
    return round(float(np.mean(areas)), 5) if areas else None


def plain(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics and controls under their public names with plain numbers, as `--format json` prints them."""
    keys = (
        *("n", "coverage", "accuracy_suggested", "accuracy_all", "balanced_accuracy", "macro_f1", "weighted_f1"),
        *("auroc", "ece", "sensitivity"),
    )
    shown = {key: metrics[key] for key in keys}
    shown["accuracy_suggested"] = metrics["accuracy_suggested"]["value"]
    shown["accuracy_all"] = metrics["accuracy_all"]["value"]
    shown["sensitivity"] = {name: one["value"] for name, one in metrics["sensitivity"].items()}
    shown["controls"] = {
        name: {key: one[key] for key in ("accuracy_all", "coverage")} for name, one in metrics["controls"].items()
    }
    return shown
