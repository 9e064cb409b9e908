"""Read a data set with a bundle, by the same reader that serves, and collect what it said of every picture."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from smear import workers
from smear.arrays import Array
from smear.imaging.decode import Picture
from smear.inference.card import Card
from smear.inference.field_reader import Examination, Reader
from smear.inference.network import Forward
from smear.inference.suggestion import Suggestion, calibrated
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training.data.ablations import ABLATIONS
from training.data.dataset import CHUNK, THREADS, Dataset
from training.data.renderings import RENDERINGS
from training.data.sketches import pixels_digest
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.metrics import Ablation, Metrics, classification, rate_among
from training.progress import track

PART = 4 * CHUNK  # pictures of a question, where a whole data set is asked about
LEAST_PROBABILITY = 1e-12  # whose logarithm is taken


@dataclass(frozen=True)
class Predictions:
    """What was said of N pictures: logits (N, C) for all of them, refused or not; outcome and reasons by name;

    logits of a picture that was read in parts are those that give what its parts' probabilities are pooled to;

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

    def only(self, which: Array) -> "Predictions":
        """Return those of the pictures `which`: indices, or bool (N,)."""
        return Predictions(*(getattr(self, part.name)[which] for part in fields(self)))

    def right(self, targets: Array) -> Array:
        """Return whether the most likely class is the true one, bool (N,), as if nothing had been refused."""
        return np.asarray(self.logits.argmax(axis=1) == targets)


def predict(
    reader: Reader,
    dataset: Dataset,
    indices: Array,
    rendering: Callable[[Array], Array] | None = None,
    task: str = "predict",
) -> Predictions:
    """Return what `reader` says of the pictures `indices`, in a rendering of their pixels where one is given."""
    return predict_ablations(reader, dataset, indices, {}, rendering, task)[0]


def predict_ablations(
    reader: Reader,
    dataset: Dataset,
    indices: Array,
    ablations: Mapping[str, Callable[[Field], Array]],
    rendering: Callable[[Array], Array] | None = None,
    task: str = "predict",
) -> tuple[Predictions, dict[str, Predictions]]:
    """Return what `reader` says of the pictures `indices`, and of what each of `ablations` makes of them, by name.

    A picture is decoded and segmented once. What was met before, as pictures are alike that are painted out, is not
    looked at again, and what the network would be shown twice it is asked about once.
    """
    network = _Asked(reader)
    chunk = max(1, CHUNK // (1 + len(ablations)))
    columns: list[list[tuple[Array, str, str, float]]] = [[] for _ in range(1 + len(ablations))]

    def look(picture: Picture, field: Field | None = None) -> tuple[str, Examination | None]:
        digest = pixels_digest(picture.rgb)
        return digest, None if digest in network.answers else reader.examine(picture, field=field)

    def examine(index: int) -> list[tuple[str, Examination | None]]:
        picture = dataset.decoded(index)
        if rendering is not None:
            picture = replace(picture, rgb=np.ascontiguousarray(rendering(picture.rgb)))
        field = find(picture.rgb)
        ablated = [np.ascontiguousarray(ablate(field)) for ablate in ablations.values()]
        return [look(picture, field), *(look(replace(picture, rgb=rgb)) for rgb in ablated)]

    with ThreadPoolExecutor(THREADS) as threads:
        for start in track(range(0, len(indices), chunk), f"{task}, batches"):
            rows = list(threads.map(examine, indices[start : start + chunk]))
            network.ask({digest: examination for row in rows for digest, examination in row if examination})
            for row in rows:
                for column, (digest, _) in zip(columns, row, strict=True):
                    column.append(network.answers[digest])
    main, *others = (_predictions(column) for column in columns)
    return main, dict(zip(ablations, others, strict=True))


@dataclass(frozen=True)
class Question:
    """Pictures of a data set that a reader is asked about, int64 (N,), in a rendering and with ablations by name.

    reader, dataset: their places among those that a `Questioned` has.
    """

    indices: Array
    reader: int = 0
    dataset: int = 0
    rendering: str = ""
    ablations: tuple[str, ...] = ()


Answer = tuple[Predictions, dict[str, Predictions]]
Load = Callable[[], Sequence[Reader]]


class Questioned:
    """Readers and data sets, asked one question after the other: in this process, or in each of many.

    load: returns the readers.
    """

    def __init__(self, load: Load, datasets: Sequence[Dataset]) -> None:
        self._readers, self._datasets = load(), datasets

    def __call__(self, question: Question) -> Answer:
        """Return what `predict_ablations` does."""
        return predict_ablations(
            self._readers[question.reader],
            self._datasets[question.dataset],
            question.indices,
            {name: ABLATIONS[name] for name in question.ablations},
            RENDERINGS[question.rendering] if question.rendering else None,
            question.rendering or "pictures",
        )


def answers(
    questions: Sequence[Question], load: Load, datasets: Sequence[Dataset], address: str | None = None
) -> Iterator[Answer]:
    """Yield the answer to each question, in order.

    address: of the workers among whom they are shared (`smear.workers`), each of which loads the readers; None: asked
    in this process. Every question is asked by itself, so that what is answered is the same to the last bit.
    """
    if address is None:
        yield from map(Questioned(load, datasets), questions)
    else:
        yield from workers.shared(partial(Questioned, load, tuple(datasets)), questions, address)


def predict_all(load: Load, dataset: Dataset, ablations: tuple[str, ...] = (), address: str | None = None) -> Answer:
    """Return what the one reader says of every picture, some at a time: those of a part are alike to it, no others."""
    parts = [np.arange(start, min(start + PART, len(dataset))) for start in range(0, len(dataset), PART)]
    questions = [Question(part, ablations=ablations) for part in parts]
    mains, others = zip(*answers(questions, load, [dataset], address), strict=True)
    return joined(mains), {name: joined([ablated[name] for ablated in others]) for name in ablations}


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return what was said of the pictures of several parts, one after the other."""
    return Predictions(
        *(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Predictions))
    )


def _predictions(rows: list[tuple[Array, str, str, float]]) -> Predictions:
    logits, outcomes, reasons, scores = zip(*rows, strict=True)
    return Predictions(np.stack(logits), np.array(outcomes), np.array(reasons), np.array(scores))


class _Asked:
    """A reader's network, which is asked about every input once.

    What is said of pictures, and what the network answered to inputs, is kept by the SHA-256 of their pixels. answers:
    of each picture the logits, outcome, reasons and out-of-distribution score.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.answers: dict[str, tuple[Array, str, str, float]] = {}
        self.logits: dict[str, Array] = {}

    def ask(self, examinations: Mapping[str, Examination]) -> None:
        """Ask about pictures, by their digests, in as few passes as memory allows."""
        network = self.reader.bundle.network
        size = max(1, CHUNK // network.tta)  # of views in a pass: more take memory and no less time
        inputs = {pixels_digest(shown): shown for examination in examinations.values() for shown in examination.inputs}
        new = [digest for digest in inputs if digest not in self.logits]
        for start in range(0, len(new), size):
            digests = new[start : start + size]
            forward = network.forward(np.stack([inputs[digest] for digest in digests]), maps=False)
            self.logits |= dict(zip(digests, forward.logits, strict=True))
        self.answers |= {digest: self._say(examination) for digest, examination in examinations.items()}

    def _say(self, examination: Examination) -> tuple[Array, str, str, float]:
        logits = np.stack([self.logits[pixels_digest(shown)] for shown in examination.inputs])
        nothing = np.zeros((len(logits), 0), np.float32)
        suggestion = self.reader.suggest(examination, Forward(logits, nothing, nothing))
        score = np.nan if suggestion.ood_score is None else suggestion.ood_score
        reasons = ",".join(reason.code for reason in suggestion.reasons)
        return self._logits_of(suggestion, logits), suggestion.outcome, reasons, score

    def _logits_of(self, suggestion: Suggestion, logits: Array) -> Array:
        """Return the logits (C,) of a suggestion for what these, (n, C), are the parts of."""
        if len(logits) == 1 or not suggestion.probabilities:
            return np.asarray(logits.mean(axis=0))
        card = self.reader.bundle.card
        probabilities = np.array([suggestion.probabilities[label.id] for label in card.labels])
        return np.asarray(card.temperature * np.log(np.maximum(probabilities, LEAST_PROBABILITY)), np.float32)


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
