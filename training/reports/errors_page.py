"""A page of the pictures that a bundle was wrong about, what it suggested first, then what it was surest of."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.inference.card import Card
from smear.inference.suggestion import calibrated
from smear.segmentation.field import working_copy
from training.data.dataset import Dataset
from training.evaluation.predictions import Predictions
from training.fit.checkpoints import whole
from training.reports.pages import photograph_url, render

PAGE = "errors.html"
MOST = 40
SHOWN_SIDE = 320  # px
QUALITY = 85  # of the photograph's JPEG


@dataclass(frozen=True)
class _Error:
    """A picture as the page shows it: its file, true and most likely label in words, confidence 0..1, and outcome."""

    name: str
    url: str
    label: str
    predicted: str
    confidence: float
    outcome: str


def write(folder: Path, data: Dataset, predictions: Predictions, card: Card) -> Path:
    """Write the page of the worst errors among the gradable pictures of `data`, and return its file.

    A label that the bundle does not have is an error where it got a suggestion.
    """
    probabilities = calibrated(predictions.logits, card.temperature)
    order = errors(data, predictions, card, probabilities)
    names = {label.id: label.name for label in card.labels}
    shown = [
        _Error(
            name=data.paths[index],
            url=photograph_url(working_copy(data.picture(index), SHOWN_SIDE)[0], QUALITY),
            label=names.get(data.labels[index], data.labels[index]),
            predicted=card.labels[int(probabilities[index].argmax())].name,
            confidence=float(probabilities[index].max()),
            outcome=str(predictions.outcomes[index]).replace("_", " "),
        )
        for index in order[:MOST].tolist()
    ]
    page = render("errors.html", errors=shown, wrong=len(order), total=len(data), bundle=f"{card.name} {card.version}")
    with whole(folder / PAGE) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    return folder / PAGE


def errors(data: Dataset, predictions: Predictions, card: Card, probabilities: Array) -> Array:
    """Return the indices of all errors, int64 (E,): suggestions first, and then by confidence."""
    labels = [label.id for label in card.labels]
    right = np.array([labels[best] for best in probabilities.argmax(axis=1)]) == np.array(data.labels)
    known = np.isin(data.labels, labels)
    wrong = np.flatnonzero(~right & (predictions.outcomes != "not_gradable") & (known | predictions.suggested))
    return wrong[np.lexsort((-probabilities[wrong].max(axis=1), ~predictions.suggested[wrong]))]
