"""Cross-validate a recipe under one protocol. A killed run goes on where it was; finished folds are not repeated."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.inference import bundle
from smear.inference.field_reader import Reader
from training.architectures.blueprint import Weights
from training.augmentation.augmented_copies import with_augmented_copies
from training.data.ablations import ABLATIONS
from training.data.dataset import DataError, Dataset
from training.evaluation import colour_baseline
from training.evaluation.cross_fit import PREDICTIONS, Fold, read
from training.evaluation.predictions import predict, predict_ablations
from training.evaluation.splits import Protocol, folds, published_folds, source_folds, validation
from training.evaluation.summary import flat, summarise
from training.fit.checkpoints import whole
from training.fit.experiment import Material, draft, gather
from training.recipes.recipe import Recipe

PLAN = "plan.json"  # what the folds in a folder are made of

statistics = cache(colour_baseline.statistics)  # of one data set for all recipes that are compared on it


def result_file(run: Path, protocol: Protocol) -> Path:
    """Return where the result of a protocol stands in a run."""
    return run / f"crossval-{protocol}.json"


@dataclass(frozen=True)
class Study:
    """What a cross-validation is made of, and the folder `run` that keeps it.

    count: how many folds; the sources, or the authors, decide that where the protocol is theirs. network_cache: see
    `experiment.draft`; controls: which of them are judged.
    """

    recipe: Recipe
    dataset: Dataset
    weights: Weights
    protocol: Protocol
    run: Path
    count: int
    network_cache: Path | None = None
    controls: tuple[str, ...] = tuple(ABLATIONS)

    @property
    def home(self) -> Path:
        """The folder of the folds."""
        return self.run / self.protocol


def crossval(study: Study, limit: int | None = None, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Return (and write to the run) what the recipe gives on pictures that its networks had not seen.

    limit: run the first so many folds only. DataError where the run holds folds of other data or recipes.
    """
    study = _by_protocol(study)
    which = range(min(limit or study.count, study.count))
    if len(which) < 2:  # no other fold's answers to set its thresholds by
        study = replace(
            study, recipe=replace(study.recipe, schedule=replace(study.recipe.schedule, validation_split=True))
        )
    results = [read(file) for file in _run(study, which, say)]
    summary = summarise(study.recipe, study.dataset, study.protocol, study.count, results)
    with whole(result_file(study.run, study.protocol)) as partial:
        partial.write_text(json.dumps(summary, indent=1), encoding="utf-8")
    return summary


def some_folds(study: Study, which: Sequence[int], say: Callable[[str], None] = print) -> list[Path]:
    """Run the folds `which`, counted from 0, for `crossval` to gather later: several processes may share the work.

    Returns the files that hold what was judged. DataError where there is no such fold, and as in `crossval`.
    """
    study = _by_protocol(study)
    if not all(0 <= k < study.count for k in which):
        raise DataError(f"There are {study.count} folds, numbered from 1 to {study.count}.")
    return _run(study, which, say)


def _by_protocol(study: Study) -> Study:
    """Return the study with recipe, data set and number of folds as the protocol has them."""
    recipe, dataset, count = study.recipe, study.dataset, study.count
    if study.protocol == "source":
        count = len(set(dataset.sources))
    elif study.protocol == "as-published":
        count = recipe.published.folds if recipe.published.split == "folds" else 1
        dataset = with_augmented_copies(dataset, recipe.augmentation, recipe.published.augmented_copies)
        if recipe.published.augmented_copies:
            recipe = replace(recipe, augmentation=replace(recipe.augmentation, pipeline="none"))
    return replace(study, recipe=recipe, dataset=dataset, count=count)


def _run(study: Study, which: Sequence[int], say: Callable[[str], None]) -> list[Path]:
    """Run those of the folds `which` that are not finished; return the files of all of them."""
    _claim(study)
    material: Material | None = None
    files = [study.home / f"fold-{k}" / PREDICTIONS for k in which]
    for k, finished in zip(which, files, strict=True):
        if not finished.is_file():
            material = material or gather(study.recipe, study.dataset)
            say(f"{study.protocol} fold {k + 1} of {study.count}")
            _run_fold(study, material, divided(study, material)[k], finished, say)
    return files


def _claim(study: Study) -> None:
    """Note what the folds of a study are made of, or refuse to mix them with others."""
    plan = {
        "fingerprint": study.dataset.fingerprint,
        "folds": study.count,
        "recipe": study.recipe.to_json(),
        "controls": study.controls,
    }
    text = json.dumps(plan, indent=1, sort_keys=True)
    note = study.home / PLAN
    if note.is_file() and note.read_text(encoding="utf-8") != text:
        raise DataError(
            f"{study.home} holds folds of other data or of another recipe. Choose another --out, or remove it."
        )
    with whole(note) as partial:
        partial.write_text(text, encoding="utf-8")


def divided(study: Study, material: Material) -> list[tuple[Array, Array, Array]]:
    """Return (training, validation, test) indices of every fold; no validation where the recipe holds nothing back."""
    targets, groups, schedule = material.targets, material.groups, study.recipe.schedule
    if study.protocol == "as-published":
        return published_folds(targets, study.recipe.published, schedule.seed)
    if study.protocol == "source":
        pairs = source_folds(targets, material.dataset.sources, material.dataset.classes)
    else:
        pairs = folds(targets, groups, study.protocol, study.count, schedule.seed)
    if not schedule.validation_split:
        return [(train, train[:0], test) for train, test in pairs]
    inner: Protocol = "random" if study.protocol == "random" else "grouped"
    return [(*validation(train, targets, groups, inner, schedule.seed), test) for train, test in pairs]


def _run_fold(
    study: Study, material: Material, parts: tuple[Array, Array, Array], finished: Path, say: Callable[[str], None]
) -> None:
    recipe, (fit, held, test) = study.recipe, parts
    folder = finished.parent
    made = folder / recipe.name
    if not (made / bundle.CARD).is_file():
        made = draft(recipe, material, (fit, held), study.weights, folder, say, study.network_cache)
    reader = Reader(bundle.load(made))
    main = predict(reader, material.dataset, test, task="test pictures")
    without = predict_ablations(reader, material.dataset, test, study.controls)
    known = np.concatenate([fit, held])
    stored: Fold = {
        "test": test,
        "groups": material.groups[test],
        "targets": material.targets[test],
        "temperature": np.array(reader.card.temperature),
        "thresholds": np.array([reader.card.abstention.value, reader.card.novelty.value]),
        "baseline": colour_baseline.forest_answers(statistics(study.dataset), material.targets, known, test),
    }
    for name, predictions in {"main": main, **without}.items():
        stored |= flat(name, predictions)
    with whole(finished) as partial:
        np.savez_compressed(partial, **stored)  # type: ignore[arg-type]
