"""Which score tells best that a picture is none of the model's business, and what the model as served makes of it.

Scores are compared at the same cost: each may refuse one share of the pictures that the model's training did not see
but that are of its kind. Compared are the score that serves (`smear.inference.ood`) and those of the literature on the
network's own answer and features: the largest probability (Hendrycks and Gimpel 2017), energy (Liu et al. 2020),
Mahalanobis distance (Lee et al. 2018) and the distance to the k-th nearest neighbour (Sun et al. 2022).
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.imaging.decode import Picture
from smear.inference.field_reader import Examination, Reader
from smear.inference.network import Forward
from smear.inference.ood import Distribution
from smear.inference.suggestion import calibrated
from smear.segmentation.find import find
from training import csv_table
from training.data.ablations import cells_removed
from training.data.dataset import CHUNK, THREADS, Dataset
from training.data.manifest import DataError
from training.data.non_smears import non_smear
from training.evaluation.cross_fit import held_out_readers

COST = 0.05
SERVED = "score that serves"
COMPONENTS = 64
NEIGHBOUR = 10
KNOWN = 1200  # pictures of the training part that the scores on features are fitted on


@dataclass(frozen=True)
class Row:
    """One kind of picture: how many, the share that got no suggestion as served, why, and refusals by score.

    refused and `by_score` count pictures that were not gradable as refused: nobody was told anything about them.
    """

    kind: str
    pictures: int
    refused: float
    unfamiliar: float
    not_gradable: float
    by_score: Mapping[str, float]


@dataclass(frozen=True)
class Examined:
    """What a reader made of N pictures: the inputs, uint8 (G, h, w, 3), and the network's answer for the G gradable.

    features: float64 (G, K), by which outliers are told; answer: None where no picture is gradable; reasons: of all N,
    "" for a suggestion.
    """

    inputs: Array
    features: Array
    answer: Forward | None
    reasons: tuple[str, ...]

    @property
    def gradable(self) -> int:
        """How many the network was asked about."""
        return len(self.inputs)


def examine(reader: Reader, pictures: Iterable[Picture]) -> Examined:
    """Return what `reader` makes of pictures; the reason of a suggestion is ""."""
    waiting = list(pictures)
    inputs: list[Array] = []
    described: list[Array] = []
    answers: list[Forward] = []
    reasons: list[str] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(waiting), CHUNK):
            examinations = list(threads.map(reader.examine, waiting[start : start + CHUNK]))
            gradable = [examination for examination in examinations if not examination.refusals]
            reasons += ["not_gradable"] * (len(examinations) - len(gradable))
            if gradable:
                forwards = reader.answer(gradable, maps=False)
                answers += [forward.one(0) for forward in forwards]
                inputs += [examination.input for examination in gradable]
                described += [reader.bundle.looks(examination.input, examination.field) for examination in gradable]
                reasons += [
                    _reason(reader, examination, forward)
                    for examination, forward in zip(gradable, forwards, strict=True)
                ]
    answer = None
    if answers:
        logits, features = (
            np.concatenate([getattr(forward, key) for forward in answers]) for key in ("logits", "features")
        )
        answer = Forward(logits, np.zeros((len(logits), 0, 0, 0), np.float32), features)
    if not inputs:
        return Examined(np.zeros((0, 1, 1, 3), np.uint8), np.zeros((0, 1)), answer, tuple(reasons))
    return Examined(np.stack(inputs), np.stack(described), answer, tuple(reasons))


def _reason(reader: Reader, examination: Examination, forward: Forward) -> str:
    suggestion = reader.suggest(examination, forward)
    codes = [reason.code for reason in suggestion.reasons]
    return "unfamiliar" if "unfamiliar" in codes else ",".join(codes)


class Scores:
    """The scores, fitted on what the network was trained on, as `served` is; each is higher for what is outlier."""

    def __init__(self, known: Examined, temperature: float, served: Distribution) -> None:
        if known.answer is None:
            raise DataError("None of the training pictures can be graded.")
        features = known.answer.features.astype(np.float64)
        self.temperature = temperature
        self.distribution = served
        self.mean = features.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
        self.components = vectors[:, ::-1][:, :COMPONENTS]
        self.variances = np.maximum(values[::-1][:COMPONENTS], 1e-9)
        self.references = self._unit(features)

    def of(self, examined: Examined) -> dict[str, Array]:
        """Return every score of the gradable pictures, float (G,)."""
        if examined.answer is None:
            return {}
        logits, features = examined.answer.logits.astype(np.float64), examined.answer.features.astype(np.float64)
        nearness = np.sort(self._unit(features) @ self.references.T, axis=1)[:, -NEIGHBOUR]
        distance = (((features - self.mean) @ self.components) ** 2 / self.variances).sum(axis=1)
        return {
            SERVED: self.distribution.score(examined.features, logits.argmax(axis=1)),
            "largest probability": -calibrated(logits, self.temperature).max(axis=1),
            "energy": -np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) - logits.max(axis=1),
            "features, Mahalanobis": distance,
            "features, nearest neighbours": 1 - nearness,
        }

    def _unit(self, features: Array) -> Array:
        projected = (features - self.mean) @ self.components
        return np.asarray(projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12))


def compare(run: Path, own: Dataset, others: Mapping[str, Dataset], each: int, seed: int = 0) -> list[Row]:
    """Return a row for held-out pictures of `own`, and one for every class of `others` and every generated kind.

    run: of `crossval` by groups, whose first fold's model and test pictures are used; each: pictures of a kind at most.
    """
    reader, test = next(held_out_readers(run, own))
    random = np.random.default_rng(seed)
    known = random.permutation(np.setdiff1d(np.arange(len(own)), test))[:KNOWN]
    examined = examine(reader, [own.decoded(i) for i in known])
    scores = Scores(examined, reader.card.temperature, reader.bundle.ood)
    held_out = examine(reader, [own.decoded(i) for i in test])
    limits = {key: float(np.quantile(value, 1 - COST)) for key, value in scores.of(held_out).items()}
    rows = [_row("held-out pictures of its own kind", held_out, scores, limits)]
    for kind, pictures in _outliers(own, test, others, each, random):
        rows.append(_row(kind, examine(reader, pictures), scores, limits))
    return rows


def _outliers(
    own: Dataset, test: Array, others: Mapping[str, Dataset], each: int, random: np.random.Generator
) -> Iterable[tuple[str, list[Picture]]]:
    """Yield the kinds of pictures that are none of the model's business."""
    for key, dataset in others.items():
        labels = np.array(dataset.labels)
        for label in dataset.classes:
            chosen = random.permutation(np.flatnonzero(labels == label))[:each]
            yield f"{key}, {label}", [dataset.decoded(i) for i in chosen]
    pictures = [own.decoded(i) for i in random.permutation(test)[:each]]
    yield (
        "its own kind, leukocytes painted out",
        [replace(picture, rgb=cells_removed(find(picture.rgb))) for picture in pictures],
    )
    yield "generated noise and shapes", [replace(pictures[0], rgb=non_smear(seed)) for seed in range(each)]


def _row(kind: str, examined: Examined, scores: Scores, limits: Mapping[str, float]) -> Row:
    count = len(examined.reasons)
    lost = count - examined.gradable
    above = scores.of(examined)
    share = {key: (lost + int((above[key] > limit).sum() if above else 0)) / count for key, limit in limits.items()}
    reasons = np.array(examined.reasons)
    return Row(kind, count, float((reasons != "").mean()), float((reasons == "unfamiliar").mean()), lost / count, share)


def as_csv(rows: list[Row], command: str) -> str:
    """Return the rows as CSV, shares with three digits, with the command in a comment on top."""
    table = []
    for row in rows:
        shares = {"no suggestion": row.refused, "as unfamiliar": row.unfamiliar, "not gradable": row.not_gradable}
        shares |= row.by_score
        line = {"pictures": row.kind, "n": str(row.pictures)}
        table.append(line | {key: f"{share:.3f}" for key, share in shares.items()})
    return csv_table.as_csv(table, command)
