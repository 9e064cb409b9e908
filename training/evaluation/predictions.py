"""Read a data set with a bundle, by the same reader that serves, and collect what it said of every picture."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference.field_reader import Examination, Reader
from smear.inference.suggestion import calibrated
from training.data.ablations import CONTROLS
from training.data.dataset import CHUNK, THREADS, Dataset
from training.evaluation.metrics import classification, rate
from training.progress import Progress


@dataclass(frozen=True)
class Judgement:
    """What was said of N pictures: logits (N, C) for all of them, refused or not; outcome and reasons by name."""

    logits: Array
    outcomes: Array
    reasons: Array
    novelty: Array

    @property
    def suggested(self) -> Array:
        """Whether there was a suggestion, bool (N,)."""
        return self.outcomes == "suggested"


def judge(
    reader: Reader,
    dataset: Dataset,
    indices: Array,
    change: Callable[[Array], Array] | None = None,
    task: str = "judge",
) -> Judgement:
    """Return what `reader` says of the pictures `indices`, after `change` of their pixels where one is given."""

    def examine(index: int) -> Examination:
        picture = dataset.decoded(index)
        if change is not None:
            picture = replace(picture, rgb=np.ascontiguousarray(change(picture.rgb)))
        return reader.examine(picture)

    logits, outcomes, reasons, novelty = [], [], [], []
    progress = Progress(task, len(indices))
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(indices), CHUNK):
            examinations = list(threads.map(examine, indices[start : start + CHUNK]))
            forward = reader.bundle.network.forward(np.stack([e.input for e in examinations]))
            logits.append(forward.logits)
            for i, examination in enumerate(examinations):
                suggestion = reader.conclude(examination, forward.one(i)).suggestion
                novelty.append(np.nan if suggestion.ood_score is None else suggestion.ood_score)
                outcomes.append(suggestion.outcome)
                reasons.append(",".join(reason.code for reason in suggestion.reasons))
            progress.step(len(examinations))
    return Judgement(np.concatenate(logits), np.array(outcomes), np.array(reasons), np.array(novelty))


def measured(judgement: Judgement, targets: Array, reader: Reader) -> dict[str, Any]:
    """Return all metrics of a judgement under the reader's card."""
    metrics = classification(
        calibrated(judgement.logits, reader.card.temperature),
        calibrated(judgement.logits, 1.0),
        targets,
        judgement.suggested,
        reader.card.labels,
    )
    names, counts = np.unique(judgement.outcomes, return_counts=True)
    return {**metrics, "outcomes": {str(name): int(count) for name, count in zip(names, counts, strict=True)}}


def control(judgement: Judgement, targets: Array) -> dict[str, Any]:
    """Return how a control did: accuracy as if nothing were refused, and the share that got a suggestion."""
    suggested = judgement.suggested
    return {
        "accuracy_all": round(float((judgement.logits.argmax(axis=1) == targets).mean()), 5),
        "coverage": round(float(suggested.mean()), 5),
        "suggested": rate(int(suggested.sum()), len(suggested)),
    }


def judge_controls(
    reader: Reader, dataset: Dataset, indices: Array, names: Iterable[str] = tuple(CONTROLS)
) -> dict[str, Judgement]:
    """Return the judgement of the controls (`ablations`), all if none are named, on the pictures `indices`."""
    return {name: judge(reader, dataset, indices, CONTROLS[name], name) for name in names}
