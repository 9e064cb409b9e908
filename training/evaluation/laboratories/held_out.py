"""How a model does in each laboratory that it has never seen, and what another one may expect.

The mean over laboratories hides the one that a reader works in. Cells of one patient or slide are no independent
witnesses, so intervals draw whole groups (`training.evaluation.bootstrap`).
"""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from smear.arrays import Array
from smear.inference.card import Label
from smear.inference.suggestion import calibrated
from smear.measured import Expected, Laboratories, Laboratory, Malignant
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.cross_fit import Fold
from training.evaluation.laboratories.probe import LaboratoryProbe
from training.evaluation.metrics import expected_calibration_error, rate_among
from training.recipes.recipe import Source

FIVE = ("neutrophil", "eosinophil", "basophil", "lymphocyte", "monocyte")  # what a differential has counted for ever
FEWEST = 10  # cells of a label that say something of how well it is recognised
SPECIFICITIES = (0.90, 0.95)


class Probed(Laboratories, frozen=True):
    """The laboratories that were held out, and how much of the laboratory the network sees.

    probe: how much of the laboratory is left in the features of the last fold's network, of what it learnt from.
    """

    probe: LaboratoryProbe | None = None


def by_laboratory(
    folds: Sequence[Fold], sources: Sequence[str], known: dict[str, Source], labels: tuple[Label, ...]
) -> Probed:
    """Return what the folds of the protocol `source` say of each laboratory.

    sources: of every picture of the data set; known: what the recipe says of them.
    """
    rows = [
        _laboratory(fold, np.array(sources)[fold.test] == name, name, known[name].ships, labels)
        for fold in folds
        for name in sorted({sources[i] for i in fold.test})
    ]
    rows.sort(key=lambda row: (not row.ships, row.source))
    return Probed(rows, expected(rows))


def _laboratory(fold: Fold, own: Array, name: str, ships: bool, labels: tuple[Label, ...]) -> Laboratory:
    targets, suggested, draws = fold.targets[own], fold.main.suggested[own], GroupDraws(fold.groups[own])
    probabilities = calibrated(fold.main.logits[own], fold.temperature)
    right, everything = probabilities.argmax(axis=1) == targets, np.ones(len(targets), bool)
    sensitivity = {
        label.id: rate_among(right, targets == i, draws) for i, label in enumerate(labels) if (targets == i).any()
    }
    five = [
        rate.value
        for label, rate in sensitivity.items()
        if label in FIVE and rate.total >= FEWEST and rate.value is not None
    ]
    return Laboratory(
        source=name,
        ships=ships,
        n=len(targets),
        groups=draws.count(everything),
        accuracy_all=rate_among(right, everything, draws),
        five_types=round(float(np.mean(five)), 5) if len(five) > 1 else None,
        coverage=round(float(suggested.mean()), 5),
        accuracy_suggested=rate_among(right, suggested, draws),
        ece=round(expected_calibration_error(probabilities, targets), 5),
        sensitivity=sensitivity,
        malignant=_malignant(probabilities, targets, labels),
    )


def _malignant(probabilities: Array, targets: Array, labels: tuple[Label, ...]) -> Malignant | None:
    """Return how malignant cells stand apart; None where there are too few of them, or of others."""
    which = np.array([label.malignant for label in labels])
    malignant, scores = which[targets], probabilities[:, which].sum(axis=1)
    if min(malignant.sum(), (~malignant).sum()) < FEWEST:
        return None
    limits = np.quantile(scores[~malignant], SPECIFICITIES)
    sensitivity = {
        f"{100 * share:.0f}": round(float((scores[malignant] > limit).mean()), 5)
        for share, limit in zip(SPECIFICITIES, limits, strict=True)
    }
    area = round(float(roc_auc_score(malignant, scores)), 5)
    return Malignant(int(malignant.sum()), int((~malignant).sum()), area, sensitivity)


def expected(rows: Sequence[Laboratory]) -> Expected:
    """Return what the laboratories, each of which counts once, say of the next.

    An examination has no part in it, unless there is nothing else.
    """
    rows = [row for row in rows if row.ships] or rows
    all_, coverage = [row.accuracy_all.value or 0.0 for row in rows], [row.coverage for row in rows]
    suggested = [row.accuracy_suggested.value for row in rows if row.accuracy_suggested.value is not None]
    return Expected(
        laboratories=len(rows),
        accuracy_all=round(float(np.mean(all_)), 5),
        accuracy_all_worst=min(all_),
        coverage=round(float(np.mean(coverage)), 5),
        coverage_worst=min(coverage),
        accuracy_suggested=round(float(np.mean(suggested)), 5) if suggested else None,
        accuracy_suggested_worst=min(suggested, default=None),
    )
