"""Temperature and thresholds for one fold from the answers to the other folds' test pictures.

That is how a published bundle gets its own (`training.publish`): from pictures that no network asked about them had
seen. A fold's validation part is a few groups, and what one slide of them needs is not what the next one needs; the
other folds together are most of the data. What is answered to a fold has no say in how it is judged (cross-fitting:
Chernozhukov et al. 2018); the other folds' networks were trained on its pictures, but asked about others.
"""

from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.inference.suggestion import calibrated, doubts
from training.data.ablations import ABLATIONS
from training.fit.calibration import Calibration, calibrate
from training.recipes.recipe import Refusal

Fold = dict[str, Array]  # what was judged of one fold's test pictures, by name

PREDICTIONS = "predictions.npz"  # in a fold's folder
OWN = "each fold's validation part"
OTHERS = "the answers to the other folds' test pictures"


def read(file: Path) -> Fold:
    """Return what was judged of one fold."""
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def cross_fitted(folds: list[Fold], refusal: Refusal) -> tuple[list[Fold], str]:
    """Return the folds, each calibrated anew by the others, and by what they are calibrated, in words.

    Where there is one fold, or no other whose pictures could be graded, they stay as they are.
    """
    calibrations = [calibration_of(folds[:k] + folds[k + 1 :], refusal) for k in range(len(folds))]
    if not all(calibrations):
        return folds, OWN
    return [_anew(fold, found) for fold, found in zip(folds, calibrations, strict=True) if found], OTHERS


def calibration_of(folds: list[Fold], refusal: Refusal) -> Calibration | None:
    """Return what the answers to these folds' test pictures say together; None where none of them could be graded."""
    if not folds:
        return None
    logits, targets, novelty = (
        np.concatenate([fold[name] for fold in folds]) for name in ("main.logits", "targets", "main.novelty")
    )
    return calibrate(logits, targets, novelty, refusal) if np.isfinite(novelty).any() else None


def _anew(fold: Fold, by: Calibration) -> Fold:
    """Return the fold as it had been judged by these thresholds. What was not gradable stays so: no model had a say."""
    changed: Fold = {
        "temperature": np.array(by.temperature),
        "thresholds": np.array([by.abstention.value, by.novelty.value]),
    }
    for name in ("main", *ABLATIONS):
        if f"{name}.logits" not in fold:
            continue
        confidence = calibrated(fold[f"{name}.logits"], by.temperature).max(axis=1)
        novelty, outcomes, reasons = (fold[f"{name}.{part}"] for part in ("novelty", "outcomes", "reasons"))
        told = [
            reason
            if outcome == "not_gradable"
            else ",".join(doubts(float(sure), float(new), by.abstention.value, by.novelty.value))
            for outcome, reason, sure, new in zip(outcomes, reasons, confidence, novelty, strict=True)
        ]
        changed[f"{name}.reasons"] = np.array(told)
        changed[f"{name}.outcomes"] = np.array(
            [
                "not_gradable" if was == "not_gradable" else "uncertain" if reason else "suggested"
                for was, reason in zip(outcomes, told, strict=True)
            ]
        )
    return fold | changed
