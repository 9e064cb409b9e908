"""Cross-validate many recipes on one data set, each protocol in turn, and line up what they gave.

Everything is kept in one folder as `crossval` keeps it; a comparison that was killed goes on at the fold it was in.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference import bundle
from smear.inference.field_reader import Reader
from training.architectures.blueprint import Weights
from training.data.dataset import DataError, Dataset
from training.evaluation.bootstrap import Difference, difference
from training.evaluation.cross_validation import Study, crossval
from training.evaluation.splits import Protocol
from training.fit.callbacks import DivergedError
from training.fit.checkpoints import whole
from training.recipes.recipe import Recipe

ABLATIONS = ("cells_removed",)
TIMED = 12  # pictures that are read to tell the milliseconds
NETWORK_CACHE = "network-cache"
Judged = dict[str, Array]


@dataclass(frozen=True)
class Plan:
    """How to compare: protocols, folds and how many of them are run, and the most epochs (None: as recipes say)."""

    protocols: tuple[Protocol, ...] = ("random", "grouped")
    folds: int = 5
    limit: int | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class Row:
    """What one recipe gave: results and judged pictures by protocol, or by protocol why there are none."""

    recipe: Recipe
    results: dict[str, dict[str, Any]]
    judged: dict[str, Judged]
    refused: dict[str, str]
    facts: dict[str, Any]

    def score(self, protocol: str) -> float:
        """Return macro F1 under a protocol, -1 where there is none."""
        return float(self.results[protocol]["macro_f1"]) if protocol in self.results else -1.0


def shortened(recipe: Recipe, epochs: int | None) -> Recipe:
    """Return the recipe with at most so many epochs in each stage."""
    if epochs is None:
        return recipe
    schedule = recipe.schedule
    fewer = replace(schedule, epochs=min(schedule.epochs, epochs), head_epochs=min(schedule.head_epochs, epochs))
    return replace(recipe, schedule=fewer)


def compare(
    recipes: list[Recipe],
    dataset: Dataset,
    weights: Weights,
    plan: Plan,
    out: Path,
    say: Callable[[str], None] = print,
) -> list[Row]:
    """Return a row for every recipe, the best first: by macro F1 under the strictest protocol that could be run.

    DataError where the data could answer no protocol at all.
    """
    started, steps = time.monotonic(), len(recipes) * len(plan.protocols)
    rows, done, idle = [], 0, 0
    for given in recipes:
        recipe, row = shortened(given, plan.epochs), Row(given, {}, {}, {}, {})
        for protocol in plan.protocols:
            study = Study(
                *(recipe, dataset, weights, protocol, out / recipe.name, plan.folds), out / NETWORK_CACHE, ABLATIONS
            )
            there = _finished(study.home)
            try:
                row.results[protocol] = crossval(study, plan.limit, say)
                row.judged[protocol] = _judged(study.home, row.results[protocol]["folds_run"])
            except (DataError, DivergedError) as error:
                row.refused[protocol] = str(error)
            done, idle = done + 1, idle + (there == _finished(study.home))
            if done > idle and done < steps:
                left = (time.monotonic() - started) / (done - idle) * (steps - done)
                say(f"compare: {done} of {steps} done, about {left / 60:.0f} min left")
        row.facts.update(_facts(out / recipe.name, dataset))
        row.facts["pictures"] = len(dataset)
        row.facts["epochs"] = f"{recipe.schedule.epochs} of {given.schedule.epochs}"
        rows.append(row)
    if not any(row.results for row in rows):
        reasons = sorted({why for row in rows for why in row.refused.values()})
        raise DataError(" ".join(["Nothing could be measured.", *reasons]))
    return sorted(rows, key=lambda row: row.score(strictest(rows, plan)), reverse=True)


def strictest(rows: list[Row], plan: Plan) -> Protocol:
    """Return the protocol that decides the order: the strictest one asked for that the data could answer."""
    order: tuple[Protocol, ...] = ("grouped", "source", "random", "as-published")
    return next(one for one in order if one in plan.protocols and any(one in row.results for row in rows))


def _finished(home: Path) -> int:
    return len(list(home.glob("fold-*/predictions.npz")))


def _judged(home: Path, count: int) -> Judged:
    """Return targets, answers, groups and indices of all test pictures, in the order of the data set."""
    parts: list[Judged] = []
    for k in range(count):
        with np.load(home / f"fold-{k}" / "predictions.npz", allow_pickle=False) as stored:
            answers = stored["main.logits"].argmax(axis=1)
            parts.append({"test": stored["test"], "targets": stored["targets"], "groups": stored["groups"]})
            parts[-1]["answers"] = answers
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined["test"], kind="stable")
    return {name: values[order] for name, values in joined.items()}


def against(best: Row, other: Row, protocol: str) -> Difference | None:
    """Return how much better `best` is, on the pictures that both judged; None where they judged others."""
    if protocol not in best.judged or protocol not in other.judged:
        return None
    one, two = best.judged[protocol], other.judged[protocol]
    if not np.array_equal(one["test"], two["test"]) or not np.array_equal(one["targets"], two["targets"]):
        return None
    classes = int(one["targets"].max()) + 1
    return difference(one["targets"], one["answers"], two["answers"], one["groups"], classes)


def _facts(home: Path, dataset: Dataset) -> dict[str, Any]:
    """Return size, speed and cost of the first network that was made; measured once and kept."""
    note = home / "facts.json"
    if note.is_file():
        kept: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        return kept
    made = sorted(home.glob("*/fold-*/*/card.json"))
    if not made:
        return {}
    loaded = bundle.load(made[0].parent)
    reader, times = Reader(loaded), []
    loaded.network.warm()
    for index in range(0, len(dataset), max(1, len(dataset) // TIMED)):
        times.append(reader.read(dataset.bytes_of(index)).milliseconds)
    files = [made[0].parent / name for name in loaded.card.files]
    facts = {
        "parameters": loaded.card.recipe["parameters"],
        "weights": loaded.card.recipe["weights"],
        "megabytes": round(sum(file.stat().st_size for file in files) / 2**20, 1),
        "milliseconds": round(float(np.median(times)), 1),
        "training_seconds": round(float(np.mean([_seconds(path.parent) for path in made])), 1),
    }
    with whole(note) as partial:
        partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    return facts


def _seconds(made: Path) -> float:
    return float(bundle.read_card(made).metrics["seconds"])
