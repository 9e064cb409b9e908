"""Read a data set with a bundle, by the same reader that serves, and collect what it said of every picture."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.field_reader import Examination, Reader
from smear.inference.suggestion import calibrated
from training.data.ablations import ABLATIONS
from training.data.dataset import CHUNK, THREADS, Dataset
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.metrics import Ablation, Metrics, classification, rate_among
from training.progress import track


@dataclass(frozen=True)
class Predictions:
    """What was said of N pictures: logits (N, C) for all of them, refused or not; outcome and reasons by name;

    logits of a picture that was read in parts are the mean over the parts;

    ood_scores: out-of-distribution scores, NaN where a picture was not graded.
    """

    logits: Array
    outcomes: Array
    reasons: Array
    ood_scores: Array

    @property
    def suggested(self) -> Array:
        """Whether there was a suggestion, bool (N,)."""
        return np.asarray(self.outcomes == "suggested")

    def right(self, targets: Array) -> Array:
        """Return whether the most likely class is the true one, bool (N,), as if nothing had been refused."""
        return np.asarray(self.logits.argmax(axis=1) == targets)


def predict(
    reader: Reader,
    dataset: Dataset,
    indices: Array,
    change: Callable[[Array], Array] | None = None,
    task: str = "predict",
) -> Predictions:
    """Return what `reader` says of the pictures `indices`, after `change` of their pixels where one is given."""

    def examine(index: int) -> Examination:
        picture = dataset.decoded(index)
        if change is not None:
            picture = replace(picture, rgb=np.ascontiguousarray(change(picture.rgb)))
        return reader.examine(picture)

    logits, outcomes, reasons, ood_scores = [], [], [], []
    with ThreadPoolExecutor(THREADS) as threads:
        for start in track(range(0, len(indices), CHUNK), f"{task}, batches"):
            examinations = list(threads.map(examine, indices[start : start + CHUNK]))
            for examination, forward in zip(examinations, reader.answer(examinations), strict=True):
                logits.append(forward.logits.mean(axis=0))
                suggestion = reader.conclude(examination, forward).suggestion
                ood_scores.append(np.nan if suggestion.ood_score is None else suggestion.ood_score)
                outcomes.append(suggestion.outcome)
                reasons.append(",".join(reason.code for reason in suggestion.reasons))
    return Predictions(np.stack(logits), np.array(outcomes), np.array(reasons), np.array(ood_scores))


def predict_ablations(
    reader: Reader, dataset: Dataset, indices: Array, names: Iterable[str] = tuple(ABLATIONS)
) -> dict[str, Predictions]:
    """Return the predictions for the ablations, all if none are named, of the pictures `indices`."""
    return {name: predict(reader, dataset, indices, ABLATIONS[name], name) for name in names}


def metrics_of(predictions: Predictions, targets: Array, card: Card, draws: GroupDraws | None = None) -> Metrics:
    """Return all metrics of predictions under the card of who made them; draws: of the groups, where they are known."""
    probabilities, uncalibrated = (calibrated(predictions.logits, t) for t in (card.temperature, 1.0))
    return classification(probabilities, uncalibrated, targets, predictions.suggested, card.labels, draws)


def ablation_of(predictions: Predictions, targets: Array, draws: GroupDraws | None = None) -> Ablation:
    """Return how an ablation did."""
    suggested = predictions.suggested
    return Ablation(
        round(float(predictions.right(targets).mean()), 5),
        round(float(suggested.mean()), 5),
        rate_among(suggested, np.ones(len(suggested), bool), draws),
    )
