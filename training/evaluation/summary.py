"""What the folds of a cross-validation say together: one result, of pictures that no network had seen."""

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.suggestion import calibrated
from training.data.ablations import ABLATIONS
from training.data.dataset import Dataset
from training.evaluation.cross_fit import Fold, calibration_of, cross_fitted
from training.evaluation.metrics import by_patient, classification, rate
from training.evaluation.predictions import Predictions, ablation_result
from training.evaluation.splits import PROTOCOLS, Protocol
from training.fit.experiment import commit
from training.recipes.recipe import Recipe


def flat(name: str, predictions: Predictions) -> Fold:
    """Return a predictions as entries of a fold, each under `name` and its own."""
    return {f"{name}.{one.name}": getattr(predictions, one.name) for one in fields(Predictions)}


def _predictions(fold: Fold, name: str) -> Predictions:
    return Predictions(**{one.name: fold[f"{name}.{one.name}"] for one in fields(Predictions)})


def summarise(recipe: Recipe, dataset: Dataset, protocol: Protocol, count: int, results: list[Fold]) -> dict[str, Any]:
    """Return the pooled metrics of the folds' test pictures, with every fold's accuracy beside them."""
    labels = recipe.described(dataset)
    results, calibrated_by = cross_fitted(results, recipe.refusal)
    calibration = calibration_of(results, recipe.refusal)
    pooled = {name: np.concatenate([fold[name] for fold in results]) for name in results[0] if results[0][name].ndim}
    targets = pooled["targets"]
    probabilities = np.concatenate([calibrated(f["main.logits"], float(f["temperature"])) for f in results])
    suggested = pooled["main.outcomes"] == "suggested"
    metrics = classification(probabilities, calibrated(pooled["main.logits"], 1.0), targets, suggested, labels)
    refused = pooled["main.reasons"][~suggested]
    reasons, counts = np.unique(refused, return_counts=True)
    right = pooled["main.logits"].argmax(axis=1) == targets
    patients = []
    if dataset.patients_known:
        patients = by_patient(pooled["groups"], targets, right, suggested, labels)
    return {
        "protocol": protocol,
        "meaning": _meaning(recipe, protocol),
        "folds": count,
        "folds_run": len(results),
        "seed": recipe.schedule.seed,
        "commit": commit(),
        "calibrated_by": calibrated_by,
        **metrics,
        # For the network that is fitted on everything: here every group was answered by one that had not seen it.
        "calibration": asdict(calibration) if calibration else None,
        "refused_for": {str(r): int(c) for r, c in zip(reasons, counts, strict=True)},
        "per_fold": [_fold_row(fold) for fold in results],
        "per_patient": patients,
        "controls": {
            name: ablation_result(_predictions(pooled, name), targets)
            for name in ABLATIONS
            if f"{name}.logits" in pooled
        },
        "colour_statistics_forest": rate(int((pooled["baseline"] == targets).sum()), len(targets)),
        "roc": _roc(probabilities, targets, [label.id for label in labels]),
    }


def _meaning(recipe: Recipe, protocol: Protocol) -> str:
    if protocol != "as-published" or not recipe.published.flaw:
        return PROTOCOLS[protocol]
    return f"{PROTOCOLS[protocol]}. {recipe.published.flaw} They reported: {recipe.published.reported}."


def _fold_row(fold: Fold) -> dict[str, Any]:
    right = fold["main.logits"].argmax(axis=1) == fold["targets"]
    suggested = fold["main.outcomes"] == "suggested"
    return {
        "n": len(right),
        "accuracy_all": round(float(right.mean()), 5),
        "coverage": round(float(suggested.mean()), 5),
        "accuracy_suggested": round(float(right[suggested].mean()), 5) if suggested.any() else None,
        "temperature": round(float(fold["temperature"]), 5),
    }


def _roc(probabilities: Array, targets: Array, names: list[str]) -> dict[str, list[list[float]]]:
    from sklearn.metrics import roc_curve

    curves = {}
    for i, name in enumerate(names):
        if 0 < (targets == i).sum() < len(targets):
            false, true, _ = roc_curve(targets == i, probabilities[:, i])
            at = np.linspace(0, 1, 101)
            curves[name] = [
                [round(float(x), 4), round(float(y), 4)] for x, y in zip(at, np.interp(at, false, true), strict=True)
            ]
    return curves
