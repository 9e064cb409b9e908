"""Cross-validate a recipe under one protocol. A killed run goes on where it was; finished folds are not repeated."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear import bundle
from smear.arrays import Array
from smear.reader import Reader
from training import baseline
from training.architectures.order import Weights
from training.checkpoints import whole
from training.controls import CONTROLS
from training.crossfit import JUDGED, Fold, read
from training.dataset import DataError, Dataset
from training.enlarged import enlarged
from training.experiment import Material, draft, gather
from training.judging import judge, judge_controls
from training.recipe import Recipe
from training.splits import Protocol, folds, published_folds, source_folds, validation
from training.summary import flat, summarise

PLAN = "plan.json"  # what the folds in a folder are made of

statistics = cache(baseline.statistics)  # of one data set for all recipes that are compared on it


def result_file(run: Path, protocol: Protocol) -> Path:
    """Return where the result of a protocol stands in a run."""
    return run / f"crossval-{protocol}.json"


def crossval(
    recipe: Recipe,
    dataset: Dataset,
    weights: Weights,
    protocol: Protocol,
    run: Path,
    count: int,
    limit: int | None,
    say: Callable[[str], None] = print,
    shelf: Path | None = None,
    controls: tuple[str, ...] = tuple(CONTROLS),
) -> dict[str, Any]:
    """Return (and write to `run`) what the recipe gives on pictures that its networks had not seen.

    `count` folds, of which the first `limit` are run; the sources, or the authors, decide how many there are where the
    protocol is theirs. shelf: see `experiment.draft`; controls: which of them are judged. DataError where `run` holds
    folds of other data or recipes.
    """
    recipe, dataset, count = _by_protocol(recipe, dataset, protocol, count)
    which = range(min(limit or count, count))
    if len(which) < 2:  # no other fold's answers to set its thresholds by
        recipe = replace(recipe, schedule=replace(recipe.schedule, hold_back=True))
    files = _run(recipe, dataset, weights, protocol, run, count, which, say, shelf, controls)
    results = [read(file) for file in files]
    summary = summarise(recipe, dataset, protocol, count, results)
    with whole(result_file(run, protocol)) as partial:
        partial.write_text(json.dumps(summary, indent=1), encoding="utf-8")
    return summary


def some_folds(
    recipe: Recipe,
    dataset: Dataset,
    weights: Weights,
    protocol: Protocol,
    run: Path,
    count: int,
    which: Sequence[int],
    say: Callable[[str], None] = print,
    shelf: Path | None = None,
) -> list[Path]:
    """Run the folds `which`, counted from 0, for `crossval` to gather later: several processes may share the work.

    Returns the files that hold what was judged. DataError where there is no such fold, and as in `crossval`.
    """
    recipe, dataset, count = _by_protocol(recipe, dataset, protocol, count)
    if not all(0 <= k < count for k in which):
        raise DataError(f"There are {count} folds, numbered from 1 to {count}.")
    return _run(recipe, dataset, weights, protocol, run, count, which, say, shelf, tuple(CONTROLS))


def _by_protocol(recipe: Recipe, dataset: Dataset, protocol: Protocol, count: int) -> tuple[Recipe, Dataset, int]:
    """Return the recipe and the data set as the protocol has them, and how many folds it has."""
    if protocol == "as-published":
        dataset = enlarged(dataset, recipe.augmentation, recipe.published.copies)
        if recipe.published.copies:
            recipe = replace(recipe, augmentation=replace(recipe.augmentation, pipeline="none"))
    return recipe, dataset, _count(recipe, dataset, protocol, count)


def _run(
    recipe: Recipe,
    dataset: Dataset,
    weights: Weights,
    protocol: Protocol,
    run: Path,
    count: int,
    which: Sequence[int],
    say: Callable[[str], None],
    shelf: Path | None,
    controls: tuple[str, ...],
) -> list[Path]:
    """Run those of the folds `which` that are not finished; return the files of all of them."""
    home = run / protocol
    _claim(home, recipe, dataset, count, controls)
    material: Material | None = None
    table: Array | None = None
    files = [home / f"fold-{k}" / JUDGED for k in which]
    for k, finished in zip(which, files, strict=True):
        if not finished.is_file():
            material = material or gather(recipe, dataset)
            table = statistics(dataset) if table is None else table
            say(f"{protocol} fold {k + 1} of {count}")
            parts = divided(recipe, material, protocol, count)[k]
            _run_fold(recipe, material, table, weights, parts, finished, say, shelf, controls)
    return files


def _claim(home: Path, recipe: Recipe, dataset: Dataset, count: int, controls: tuple[str, ...]) -> None:
    """Note what the folds in `home` are made of, or refuse to mix them with others."""
    plan = {"fingerprint": dataset.fingerprint, "folds": count, "recipe": recipe.to_json(), "controls": controls}
    text = json.dumps(plan, indent=1, sort_keys=True)
    note = home / PLAN
    if note.is_file() and note.read_text(encoding="utf-8") != text:
        raise DataError(f"{home} holds folds of other data or of another recipe. Choose another --out, or remove it.")
    with whole(note) as partial:
        partial.write_text(text, encoding="utf-8")


def _count(recipe: Recipe, dataset: Dataset, protocol: Protocol, count: int) -> int:
    if protocol == "source":
        return len(set(dataset.sources))
    if protocol == "as-published":
        return recipe.published.folds if recipe.published.split == "folds" else 1
    return count


def divided(recipe: Recipe, material: Material, protocol: Protocol, count: int) -> list[tuple[Array, Array, Array]]:
    """Return (training, validation, test) indices of every fold; no validation where the recipe holds nothing back."""
    targets, groups, seed = material.targets, material.groups, recipe.schedule.seed
    if protocol == "as-published":
        return published_folds(targets, recipe.published, seed)
    if protocol == "source":
        pairs = source_folds(targets, material.dataset.sources, material.dataset.classes)
    else:
        pairs = folds(targets, groups, protocol, count, seed)
    if not recipe.schedule.hold_back:
        return [(train, train[:0], test) for train, test in pairs]
    inner: Protocol = "random" if protocol == "random" else "grouped"
    return [(*validation(train, targets, groups, inner, seed), test) for train, test in pairs]


def _run_fold(
    recipe: Recipe,
    material: Material,
    table: Array,
    weights: Weights,
    parts: tuple[Array, Array, Array],
    finished: Path,
    say: Callable[[str], None],
    shelf: Path | None,
    controls: tuple[str, ...],
) -> None:
    fit, held, test = parts
    folder = finished.parent
    made = folder / recipe.name
    if not (made / bundle.CARD).is_file():
        made = draft(recipe, material, (fit, held), weights, folder, say, shelf)
    reader = Reader(bundle.load(made))
    main = judge(reader, material.dataset, test, task="test pictures")
    without = judge_controls(reader, material.dataset, test, controls)
    stored: Fold = {
        "test": test,
        "groups": material.groups[test],
        "targets": material.targets[test],
        "temperature": np.array(reader.card.temperature),
        "thresholds": np.array([reader.card.abstention.value, reader.card.novelty.value]),
        "baseline": baseline.forest_answers(table, material.targets, np.concatenate([fit, held]), test),
    }
    for name, judgement in {"main": main, **without}.items():
        stored |= flat(name, judgement)
    with whole(finished) as partial:
        np.savez_compressed(partial, **stored)  # type: ignore[arg-type]
