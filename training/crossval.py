"""Cross-validate a recipe under one protocol. A killed run goes on where it was; finished folds are not repeated."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear import bundle
from smear.arrays import Array
from smear.reader import Reader
from smear.suggestion import calibrated
from training import baseline
from training.architectures.order import Weights
from training.calibration import calibrate
from training.checkpoints import whole
from training.controls import CONTROLS
from training.dataset import DataError, Dataset
from training.enlarged import enlarged
from training.experiment import Material, commit, draft, gather
from training.judging import Judgement, control, judge, judge_controls
from training.metrics import by_patient, classification, rate
from training.recipe import Recipe
from training.splits import PROTOCOLS, Protocol, folds, published_folds, source_folds, validation

Fold = dict[str, Array]

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
    if protocol == "as-published":
        dataset = enlarged(dataset, recipe.augmentation, recipe.published.copies)
        if recipe.published.copies:
            recipe = replace(recipe, augmentation=replace(recipe.augmentation, pipeline="none"))
    count = _count(recipe, dataset, protocol, count)
    home = run / protocol
    _claim(home, recipe, dataset, count, controls)
    done = list(range(min(limit or count, count)))
    material: Material | None = None
    table: Array | None = None
    results: list[Fold] = []
    for k in done:
        finished = home / f"fold-{k}" / "judged.npz"
        if not finished.is_file():
            material = material or gather(recipe, dataset)
            table = statistics(dataset) if table is None else table
            say(f"{protocol} fold {k + 1} of {count}")
            parts = divided(recipe, material, protocol, count)[k]
            _run_fold(recipe, material, table, weights, parts, finished, say, shelf, controls)
        with np.load(finished, allow_pickle=False) as stored:
            results.append({name: stored[name] for name in stored.files})
    summary = summarise(recipe, dataset, protocol, count, results)
    with whole(result_file(run, protocol)) as partial:
        partial.write_text(json.dumps(summary, indent=1), encoding="utf-8")
    return summary


def _claim(home: Path, recipe: Recipe, dataset: Dataset, count: int, controls: tuple[str, ...]) -> None:
    """Note what the folds in `home` are made of, or refuse to mix them with others."""
    plan = {"fingerprint": dataset.fingerprint, "folds": count, "recipe": recipe.to_json(), "controls": controls}
    text = json.dumps(plan, indent=1, sort_keys=True)
    note = home / "plan.json"
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
    """Return (training, validation, test) indices of every fold of a protocol."""
    targets, groups, seed = material.targets, material.groups, recipe.schedule.seed
    if protocol == "as-published":
        return published_folds(targets, recipe.published, seed)
    if protocol == "source":
        pairs = source_folds(targets, material.dataset.sources, material.dataset.classes)
    else:
        pairs = folds(targets, groups, protocol, count, seed)
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
        stored |= _flat(name, judgement)
    with whole(finished) as partial:
        np.savez_compressed(partial, **stored)  # type: ignore[arg-type]


def _flat(name: str, judgement: Judgement) -> Fold:
    return {f"{name}.{one.name}": getattr(judgement, one.name) for one in fields(Judgement)}


def _judgement(fold: Fold, name: str) -> Judgement:
    return Judgement(**{one.name: fold[f"{name}.{one.name}"] for one in fields(Judgement)})


def summarise(recipe: Recipe, dataset: Dataset, protocol: Protocol, count: int, results: list[Fold]) -> dict[str, Any]:
    """Return the pooled metrics of the folds' test pictures, with every fold's accuracy beside them."""
    labels = recipe.described(dataset)
    pooled = {name: np.concatenate([fold[name] for fold in results]) for name in results[0] if results[0][name].ndim}
    targets = pooled["targets"]
    probabilities = np.concatenate([calibrated(f["main.logits"], float(f["temperature"])) for f in results])
    suggested = pooled["main.outcomes"] == "suggested"
    metrics = classification(probabilities, calibrated(pooled["main.logits"], 1.0), targets, suggested, labels)
    refused = pooled["main.reasons"][~suggested]
    reasons, counts = np.unique(refused, return_counts=True)
    right = pooled["main.logits"].argmax(axis=1) == targets
    patients = []
    if dataset.patients_known:
        patients = by_patient(pooled["groups"], targets, right, suggested, labels)
    return {
        "protocol": protocol,
        "meaning": _meaning(recipe, protocol),
        "folds": count,
        "folds_run": len(results),
        "seed": recipe.schedule.seed,
        "commit": commit(),
        **metrics,
        # For the network that is fitted on everything: here every group was answered by one that had not seen it.
        "calibration": asdict(calibrate(pooled["main.logits"], targets, pooled["main.novelty"], recipe.refusal))
        if np.isfinite(pooled["main.novelty"]).any()
        else None,
        "refused_for": {str(r): int(c) for r, c in zip(reasons, counts, strict=True)},
        "per_fold": [_fold_row(fold) for fold in results],
        "per_patient": patients,
        "controls": {
            name: control(_judgement(pooled, name), targets) for name in CONTROLS if f"{name}.logits" in pooled
        },
        "colour_statistics_forest": rate(int((pooled["baseline"] == targets).sum()), len(targets)),
        "roc": _roc(probabilities, targets, [label.id for label in labels]),
    }


def _meaning(recipe: Recipe, protocol: Protocol) -> str:
    if protocol != "as-published" or not recipe.published.flaw:
        return PROTOCOLS[protocol]
    return f"{PROTOCOLS[protocol]}. {recipe.published.flaw} They reported: {recipe.published.reported}."


def _fold_row(fold: Fold) -> dict[str, Any]:
    right = fold["main.logits"].argmax(axis=1) == fold["targets"]
    suggested = fold["main.outcomes"] == "suggested"
    return {
        "n": len(right),
        "accuracy_all": round(float(right.mean()), 5),
        "coverage": round(float(suggested.mean()), 5),
        "accuracy_suggested": round(float(right[suggested].mean()), 5) if suggested.any() else None,
        "temperature": round(float(fold["temperature"]), 5),
    }


def _roc(probabilities: Array, targets: Array, names: list[str]) -> dict[str, list[list[float]]]:
    from sklearn.metrics import roc_curve

    curves = {}
    for i, name in enumerate(names):
        if 0 < (targets == i).sum() < len(targets):
            false, true, _ = roc_curve(targets == i, probabilities[:, i])
            at = np.linspace(0, 1, 101)
            curves[name] = [
                [round(float(x), 4), round(float(y), 4)] for x, y in zip(at, np.interp(at, false, true), strict=True)
            ]
    return curves
