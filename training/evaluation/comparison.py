"""Cross-validate many recipes on one data set, each protocol in turn, and line up what they gave.

Everything is kept in one folder as `crossval` keeps it; a comparison that was killed goes on at the fold it was in.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct, structs

from smear.arrays import Array
from smear.inference import bundle
from smear.inference.field_reader import Reader
from smear.measured import Difference
from training.data.dataset import Dataset
from training.data.manifest import DataError
from training.evaluation.bootstrap import difference, macro_f1_interval
from training.evaluation.cross_fit import PREDICTIONS, Fold
from training.evaluation.cross_validation import Scheme, crossval, fold_files
from training.evaluation.splits import Protocol
from training.evaluation.summary import CrossValidated
from training.fit.callbacks import DivergedError
from training.fit.checkpoints import whole
from training.fit.run import Run
from training.recipes.recipe import Recipe

ABLATIONS = ("cells_removed",)
TIMED = 12  # pictures that are read to tell the milliseconds
NETWORK_CACHE = "network-cache"
STRICTEST: tuple[Protocol, ...] = ("grouped", "source", "random", "as-published")


@dataclass(frozen=True)
class Plan:
    """How to compare: protocols, folds and how many of them are run, and the most epochs (None: as recipes say).

    address: of the workers that share the folds, None for this process alone.
    """

    protocols: tuple[Protocol, ...] = ("random", "grouped")
    folds: int = 5
    limit: int | None = None
    epochs: int | None = None
    address: str | None = None


@dataclass(frozen=True)
class Answers:
    """What a recipe's networks answered to the test pictures, in the order of the data set; all int64 (T,)."""

    test: Array
    targets: Array
    answers: Array
    groups: Array


class Cost(Struct, frozen=True):
    """What a network costs: parameters; megabytes of the bundle; milliseconds of a reading; seconds of a training.

    weights: where its first weights came from.
    """

    parameters: int
    weights: str
    megabytes: float
    milliseconds: float
    training_seconds: float


@dataclass
class Row:
    """What one recipe gave on `pictures` pictures: results and answers by protocol, or by protocol why there are none.

    recipe: as it was given; epochs: how many of its epochs it was trained for, in words; cost: None where no network
    was made.
    """

    recipe: Recipe
    pictures: int
    epochs: str
    results: dict[Protocol, CrossValidated] = field(default_factory=dict)
    answers: dict[Protocol, Answers] = field(default_factory=dict)
    refused: dict[Protocol, str] = field(default_factory=dict)
    cost: Cost | None = None

    def score(self, protocol: Protocol) -> float:
        """Return macro F1 under a protocol, -1 where there is none."""
        return self.results[protocol].macro_f1 if protocol in self.results else -1.0

    def interval(self, protocol: Protocol) -> tuple[float, float] | None:
        """Return the 95 % interval of macro F1 by whole groups, None where there is no score."""
        if protocol not in self.answers:
            return None
        answers = self.answers[protocol]
        return macro_f1_interval(answers.targets, answers.answers, answers.groups, int(answers.targets.max()) + 1)


def shortened(recipe: Recipe, epochs: int | None) -> Recipe:
    """Return the recipe with at most so many epochs in each stage."""
    if epochs is None:
        return recipe
    schedule = recipe.schedule
    fewer = structs.replace(
        schedule, epochs=min(schedule.epochs, epochs), head_epochs=min(schedule.head_epochs, epochs), steps=0
    )
    return structs.replace(recipe, schedule=fewer)


def compare(runs: Sequence[Run], plan: Plan) -> list[Row]:
    """Return a row for every run's recipe, the best first: by macro F1 under the strictest protocol that could be run.

    The runs are of one data set, each in a folder of its own. DataError where the data could answer no protocol at all.
    """
    started, steps = time.monotonic(), len(runs) * len(plan.protocols)
    rows, done, idle = [], 0, 0
    for original in runs:
        # A run of its own, which ends with this turn: prepared pictures of all recipes would not fit into memory.
        run = original.of(shortened(original.recipe, plan.epochs))
        epochs = f"{run.recipe.schedule.epochs} of {original.recipe.schedule.epochs}"
        row = Row(original.recipe, len(run.dataset), epochs)
        for protocol in plan.protocols:
            before = _finished(run.folder, protocol)
            try:
                row.results[protocol] = crossval(run, Scheme(protocol, plan.folds, ABLATIONS), plan.limit, plan.address)
                row.answers[protocol] = _answers(run.folder, protocol, row.results[protocol].folds_run)
            except (DataError, DivergedError) as error:
                row.refused[protocol] = str(error)
            done, idle = done + 1, idle + (before == _finished(run.folder, protocol))
            if done > idle and done < steps:
                left = (time.monotonic() - started) / (done - idle) * (steps - done)
                run.report(f"compare: {done} of {steps} done, about {left / 60:.0f} min left")
        row.cost = _cost(run.folder, run.dataset)
        rows.append(row)
    if not any(row.results for row in rows):
        reasons = sorted({why for row in rows for why in row.refused.values()})
        raise DataError(" ".join(["Nothing could be measured.", *reasons]))
    return sorted(rows, key=lambda row: row.score(strictest(rows, plan)), reverse=True)


def strictest(rows: list[Row], plan: Plan) -> Protocol:
    """Return the protocol that decides the order: the strictest one asked for that the data could answer."""
    return next(
        protocol
        for protocol in STRICTEST
        if protocol in plan.protocols and any(protocol in row.results for row in rows)
    )


def _finished(folder: Path, protocol: Protocol) -> int:
    """Return how many folds are finished in a run's folder."""
    return len(list((folder / protocol).glob(f"fold-*/{PREDICTIONS}")))


def _answers(folder: Path, protocol: Protocol, count: int) -> Answers:
    """Return the answers to all test pictures of the first `count` folds, in the order of the data set."""
    folds = [Fold.read(file) for file in fold_files(folder, protocol, range(count))]
    test, targets, answers, groups = (
        np.concatenate(part)
        for part in zip(
            *((fold.test, fold.targets, fold.main.logits.argmax(axis=1), fold.groups) for fold in folds), strict=True
        )
    )
    order = np.argsort(test, kind="stable")
    return Answers(test[order], targets[order], answers[order], groups[order])


def against(best: Row, row: Row, protocol: Protocol) -> Difference | None:
    """Return how much better `best` is, on the pictures that both answered; None where they answered to others."""
    if protocol not in best.answers or protocol not in row.answers:
        return None
    first, second = best.answers[protocol], row.answers[protocol]
    if not np.array_equal(first.test, second.test) or not np.array_equal(first.targets, second.targets):
        return None
    classes = int(first.targets.max()) + 1
    return difference(first.targets, first.answers, second.answers, first.groups, classes)


def _cost(folder: Path, dataset: Dataset) -> Cost | None:
    """Return size, speed and cost of the first network that was made; measured once and kept."""
    note = folder / "facts.json"
    if note.is_file():
        return msgspec.json.decode(note.read_bytes(), type=Cost)
    cards = sorted(folder.glob("*/fold-*/*/card.json"))
    if not cards:
        return None
    loaded = bundle.load(cards[0].parent)
    reader, times = Reader(loaded), []
    loaded.network.warm()
    for index in range(0, len(dataset), max(1, len(dataset) // TIMED)):
        times.append(reader.read(dataset.bytes_of(index)).milliseconds)
    files = [cards[0].parent / name for name in loaded.card.files]
    seconds = [float(bundle.read_card(path.parent).metrics["seconds"]) for path in cards]
    cost = Cost(
        parameters=loaded.card.recipe["parameters"],
        weights=loaded.card.recipe["weights"],
        megabytes=round(sum(file.stat().st_size for file in files) / 2**20, 1),
        milliseconds=round(float(np.median(times)), 1),
        training_seconds=round(float(np.mean(seconds)), 1),
    )
    with whole(note) as partial:
        partial.write_text(json.dumps(structs.asdict(cost), indent=1), encoding="utf-8")
    return cost
