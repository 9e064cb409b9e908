"""What the folds of a cross-validation say together: one result, of pictures that no network had seen."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, structs
from sklearn.metrics import roc_curve

from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.suggestion import calibrated
from smear.measured import Difference, Rate
from training.data.dataset import Dataset
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.conclusion import Colours
from training.evaluation.cross_fit import Fold, calibration_of, cross_fitted, recalibrated
from training.evaluation.laboratories.held_out import Probed, by_laboratory
from training.evaluation.metrics import Metrics, Patient, by_patient, classification, rate_among
from training.evaluation.predictions import ablation_of, joined
from training.evaluation.splits import PROTOCOLS, Protocol
from training.fit.calibration import Calibration
from training.fit.callbacks import Epoch
from training.fit.draft_card import commit
from training.fit.run import Run
from training.recipes.recipe import Recipe

EARLIER_CODE = "of an earlier version"  # of a fold whose draft does not say


class FoldRow(Struct, frozen=True):
    """How one fold's network did; accuracy_suggested: None without a suggestion."""

    n: int
    accuracy_all: float
    coverage: float
    accuracy_suggested: float | None
    temperature: float


class CrossValidated(Metrics, frozen=True, kw_only=True):
    """The pooled metrics of all folds' test pictures, and what they are of.

    calibration: by the answers to all of them, for the network that is fitted on everything; None where nothing could
    be graded. refused_for: how many for which reasons. per_patient: empty where the patients are not known.
    groups_from: by what pictures are kept together, in words. gain_over_colours: of the accuracy over that of the
    forest on colours. roc: by label, points (1 - specificity, sensitivity).

    recipe, fingerprint, code: what the folds' networks were made of: the recipe, the data set, and the versions of the
    code that made them (`training.fit.identity`). learning_curves: of each, by epoch; where a network has no
    validation part its fold's test pictures are what is held out, and nothing is chosen by them. laboratories: where
    the recipe names them, what each says by itself, and the examination, whose pictures are in no other number.
    """

    protocol: str
    meaning: str
    folds: int
    folds_run: int
    seed: int
    commit: str
    calibrated_by: str
    calibration: Calibration | None
    refused_for: dict[str, int]
    per_fold: list[FoldRow]
    per_patient: list[Patient]
    colour_statistics_forest: Rate
    roc: dict[str, list[tuple[float, float]]]
    groups_from: str
    gain_over_colours: Difference
    recipe: dict[str, Any]
    fingerprint: str
    code: list[str]
    learning_curves: list[list[Epoch]]
    laboratories: Probed | None = None

    @property
    def colours(self) -> Colours:
        """How the forest on colours did beside it."""
        return Colours(self.colour_statistics_forest, self.gain_over_colours)


def summarise(
    run: Run, protocol: Protocol, count: int, folds: Sequence[Fold], drafts: Sequence[Card]
) -> CrossValidated:
    """Return the pooled metrics of the folds' test pictures, with every fold's accuracy beside them.

    count: how many folds the scheme has, of which `folds` were run; drafts: the cards of their networks.
    """
    recipe, dataset = run.recipe, run.dataset
    labels = recipe.described(dataset)
    folds, examined = _apart(folds, recipe, dataset)
    results, calibrated_by = cross_fitted(folds, recipe.refusal)
    # For the network that is fitted on everything: here every group was answered by one that had not seen it.
    calibration = calibration_of(results, recipe.refusal)
    examined = [recalibrated(fold, calibration) if calibration else fold for fold in examined]
    main = joined([fold.main for fold in results])
    targets, groups, baseline = (
        np.concatenate([getattr(fold, name) for fold in results]) for name in ("targets", "groups", "baseline")
    )
    probabilities = np.concatenate([calibrated(fold.main.logits, fold.temperature) for fold in results])
    right, suggested, draws = main.right(targets), main.suggested, GroupDraws(groups)
    metrics = classification(probabilities, calibrated(main.logits, 1.0), targets, suggested, labels, draws)
    reasons, counts = np.unique(main.reasons[~suggested], return_counts=True)
    ablated = {name: joined([fold.ablations[name] for fold in results]) for name in results[0].ablations}
    ablations = {name: ablation_of(predictions, targets, draws) for name, predictions in ablated.items()}
    return CrossValidated(
        **structs.asdict(structs.replace(metrics, ablations=ablations)),
        protocol=protocol,
        meaning=_meaning(recipe, protocol),
        folds=count,
        folds_run=len(results) + len(examined),
        seed=recipe.schedule.seed,
        commit=commit(),
        calibrated_by=calibrated_by,
        calibration=calibration,
        refused_for={str(reason): int(number) for reason, number in zip(reasons, counts, strict=True)},
        per_fold=[_fold_row(fold) for fold in results],
        per_patient=by_patient(groups, targets, right, suggested, labels) if dataset.patients_known else [],
        colour_statistics_forest=rate_among(baseline == targets, np.ones(len(targets), bool), draws),
        roc=_roc(probabilities, targets, [label.id for label in labels]),
        groups_from=dataset.groups_from,
        gain_over_colours=draws.gain(right, baseline == targets),
        recipe=recipe.to_json(),
        fingerprint=dataset.fingerprint,
        code=sorted({card.recipe.get("code", EARLIER_CODE) for card in drafts}),
        laboratories=by_laboratory([*results, *examined], dataset.sources, recipe.sources, labels)
        if protocol == "source" and recipe.sources
        else None,
        learning_curves=[msgspec.convert(card.metrics.get("history", []), list[Epoch]) for card in drafts],
    )


def _apart(folds: Sequence[Fold], recipe: Recipe, dataset: Dataset) -> tuple[list[Fold], list[Fold]]:
    """Return the folds that set thresholds, and those of an examination; all the latter where there are no others."""
    known = recipe.sources
    examined = [fold for fold in folds if not all(known[dataset.sources[i]].ships for i in fold.test)] if known else []
    others = [fold for fold in folds if all(fold is not other for other in examined)]
    return (others, examined) if others else (examined, [])


def _meaning(recipe: Recipe, protocol: Protocol) -> str:
    if protocol != "as-published" or not recipe.published.flaw:
        return PROTOCOLS[protocol]
    return f"{PROTOCOLS[protocol]}. {recipe.published.flaw} They reported: {recipe.published.reported}."


def _fold_row(fold: Fold) -> FoldRow:
    right, suggested = fold.main.right(fold.targets), fold.main.suggested
    return FoldRow(
        n=len(right),
        accuracy_all=round(float(right.mean()), 5),
        coverage=round(float(suggested.mean()), 5),
        accuracy_suggested=round(float(right[suggested].mean()), 5) if suggested.any() else None,
        temperature=round(fold.temperature, 5),
    )


def _roc(probabilities: Array, targets: Array, names: list[str]) -> dict[str, list[tuple[float, float]]]:
    curves, places = {}, np.linspace(0, 1, 101)
    for i, name in enumerate(names):
        if 0 < (targets == i).sum() < len(targets):
            false, true, _ = roc_curve(targets == i, probabilities[:, i])
            heights = np.interp(places, false, true)
            curves[name] = [(round(float(x), 4), round(float(y), 4)) for x, y in zip(places, heights, strict=True)]
    return curves
