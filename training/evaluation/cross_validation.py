"""Cross-validate a recipe under one protocol. A killed run goes on where it was; finished folds are not repeated."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs

from smear import workers
from smear.arrays import Array
from smear.artifacts import CARD
from smear.inference import bundle
from smear.inference.field_reader import Reader
from training.augmentation.augmented_copies import with_augmented_copies
from training.data.ablations import ABLATIONS
from training.data.dataset import CHUNK
from training.data.manifest import DataError
from training.evaluation import colour_baseline
from training.evaluation.cross_fit import PLAN, PREDICTIONS, Fold
from training.evaluation.laboratories.probe import LaboratoryProbe, drawn, laboratory_probe
from training.evaluation.predictions import predict_ablations
from training.evaluation.splits import (
    Protocol,
    folds,
    laboratory_folds,
    published_folds,
    refuse_thin,
    source_folds,
    validation,
)
from training.evaluation.summary import CrossValidated, summarise
from training.fit.checkpoints import whole
from training.fit.experiment import draft
from training.fit.run import Run

# Of one data set, and of one with augmented copies, for all recipes that are compared on them.
statistics_of = lru_cache(maxsize=2)(colour_baseline.statistics)


def result_file(folder: Path, protocol: Protocol) -> Path:
    """Return where the result of a protocol stands in a run's folder."""
    return folder / f"crossval-{protocol}.json"


@dataclass(frozen=True)
class Scheme:
    """A cross-validation scheme: protocol, number of folds, and the ablations that every fold's network is asked about.

    The sources, or the authors, decide how many folds there are where the protocol is theirs.
    """

    protocol: Protocol
    folds: int = 5
    ablations: tuple[str, ...] = tuple(ABLATIONS)


def crossval(run: Run, scheme: Scheme, limit: int | None = None, address: str | None = None) -> CrossValidated:
    """Return (and write to the run's folder) what the recipe gives on pictures that its networks had not seen.

    limit: run the first so many folds only; address: of the workers that share the folds (`smear.workers`), which see
    data and folder under the same names. DataError where the folder holds folds of other data or recipes.
    """
    run, scheme = _by_protocol(run, scheme)
    which = range(min(limit or scheme.folds, scheme.folds))
    if len(which) < 2:  # no other fold's answers to set its thresholds by
        run = run.of(structs.replace(run.recipe, schedule=structs.replace(run.recipe.schedule, validation_split=True)))
    files = _finish(run, scheme, which, address)
    finished = [Fold.read(file) for file in files]
    drafts = [bundle.read_card(file.parent / run.recipe.name) for file in files]
    result = summarise(run, scheme.protocol, scheme.folds, finished, drafts)
    if result.laboratories:
        laboratories = structs.replace(result.laboratories, probe=_probed(run, scheme, which[-1]))
        result = structs.replace(result, laboratories=laboratories)
    with whole(result_file(run.folder, scheme.protocol)) as unfinished:
        unfinished.write_text(json.dumps(msgspec.to_builtins(result), indent=1), encoding="utf-8")
    return result


def some_folds(run: Run, scheme: Scheme, which: Sequence[int]) -> list[Path]:
    """Run the folds `which`, counted from 0, for `crossval` to gather later: several processes may share the work.

    Returns the files that hold the predictions. DataError where there is no such fold, and as in `crossval`.
    """
    run, scheme = _by_protocol(run, scheme)
    if not all(0 <= k < scheme.folds for k in which):
        raise DataError(f"There are {scheme.folds} folds, numbered from 1 to {scheme.folds}.")
    return _finish(run, scheme, which)


def fold_files(folder: Path, protocol: Protocol, which: Sequence[int]) -> list[Path]:
    """Return where the predictions of the folds `which` lie in a run's folder, once they are finished."""
    return [folder / protocol / f"fold-{k}" / PREDICTIONS for k in which]


def _by_protocol(run: Run, scheme: Scheme) -> tuple[Run, Scheme]:
    """Return run and scheme with recipe, data set and number of folds as the protocol has them."""
    if scheme.protocol == "source":
        return run, replace(scheme, folds=len(_source_folds(run)))
    if scheme.protocol != "as-published":
        return run, scheme
    recipe, published = run.recipe, run.recipe.published
    copies, enlarged_to = published.augmented_copies, published.enlarged_to
    dataset = with_augmented_copies(run.dataset, recipe.augmentation, copies, enlarged_to)
    if copies or enlarged_to:
        recipe = structs.replace(recipe, augmentation=structs.replace(recipe.augmentation, pipeline="none"))
    return run.of(recipe, dataset), replace(scheme, folds=published.folds if published.split == "folds" else 1)


def _finish(run: Run, scheme: Scheme, which: Sequence[int], address: str | None = None) -> list[Path]:
    """Run those of the folds `which` that are not finished; return the files of all of them."""
    note, plan = run.folder / scheme.protocol / PLAN, _plan(run, scheme)
    if note.is_file() and note.read_text(encoding="utf-8") != plan:
        raise DataError(
            f"{note.parent} holds folds of other data or of another recipe. Choose another --out, or remove it."
        )
    files = fold_files(run.folder, scheme.protocol, which)
    missing = [(k, file) for k, file in zip(which, files, strict=True) if not file.is_file()]
    indices = fold_indices(run, scheme) if missing else []  # refused before anything is written
    with whole(note) as unfinished:
        unfinished.write_text(plan, encoding="utf-8")
    if address is not None and missing:
        work = [(k, indices[k], file.resolve()) for k, file in missing]
        for k in workers.shared(partial(_Folds, run, scheme), work, address):
            run.report(f"{scheme.protocol} fold {k + 1} of {scheme.folds} is finished")
        return files
    for k, file in missing:
        run.report(f"{scheme.protocol} fold {k + 1} of {scheme.folds}")
        _run_fold(run.within(file.parent), scheme, indices[k], file)
    return files


class _Folds:
    """What a worker does: a fold at a time, of a run whose pictures it prepares once. What was begun goes on."""

    def __init__(self, run: Run, scheme: Scheme) -> None:
        self._run, self._scheme = run, scheme

    def __call__(self, work: tuple[int, tuple[Array, Array, Array], Path]) -> int:
        """Run a fold by its number, its indices and the file that is to hold its predictions; return the number."""
        k, indices, file = work
        _run_fold(self._run.within(file.parent), self._scheme, indices, file)
        return k


def _plan(run: Run, scheme: Scheme) -> str:
    """Return what the folds of a run are made of: those of another plan are not mixed with them."""
    plan = {
        "fingerprint": run.dataset.fingerprint,
        "folds": scheme.folds,
        "recipe": run.recipe.to_json(),
        "controls": scheme.ablations,
    }
    return json.dumps(plan, indent=1, sort_keys=True)


def _source_folds(run: Run) -> list[tuple[Array, Array]]:
    """Return (training, test) for every source left out, by the recipe's word where it has one on sources."""
    material, sources = run.material, run.dataset.sources
    if run.recipe.sources:
        return laboratory_folds(material.targets, sources, run.recipe.sources)
    pairs = source_folds(material.targets, sources, run.dataset.classes)
    classes = tuple(label.id for label in material.labels)
    refuse_thin([train for train, _ in pairs], material.targets, material.groups, classes, "source")
    return pairs


def _probed(run: Run, scheme: Scheme, fold: int) -> LaboratoryProbe | None:
    """Return how much of the laboratory the network of a fold keeps in the features of what it learnt from."""
    learnt = fold_indices(run, scheme)[fold][0]
    indices, material = learnt[drawn(len(learnt))], run.material
    network = bundle.load(fold_files(run.folder, scheme.protocol, [fold])[0].parent / run.recipe.name).network
    parts = [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]
    features = np.concatenate([network.forward(material.inputs[part], maps=False).features for part in parts])
    return laboratory_probe(features, material.targets[indices], material.sources[indices])


def fold_indices(run: Run, scheme: Scheme) -> list[tuple[Array, Array, Array]]:
    """Return (training, validation, test) indices of every fold; no validation where the recipe wants no split.

    DataError where a training part would have too little of a label.
    """
    material, schedule = run.material, run.recipe.schedule
    targets, groups, protocol = material.targets, material.groups, scheme.protocol
    classes = tuple(label.id for label in material.labels)
    if protocol == "as-published":
        as_published = published_folds(targets, run.recipe.published, schedule.seed)
        refuse_thin([train for train, _, _ in as_published], targets, groups, classes, protocol)
        return as_published
    if protocol == "source":
        pairs = _source_folds(run)
    else:
        pairs = folds(targets, groups, protocol, scheme.folds, schedule.seed)
        refuse_thin([train for train, _ in pairs], targets, groups, classes, protocol)
    if not schedule.validation_split:
        return [(train, train[:0], test) for train, test in pairs]
    inner: Protocol = "random" if protocol == "random" else "grouped"
    return [(*validation(train, targets, groups, inner, schedule.seed), test) for train, test in pairs]


def _run_fold(run: Run, scheme: Scheme, indices: tuple[Array, Array, Array], file: Path) -> None:
    """Train on a fold and write the predictions for its test pictures to `file`."""
    (fit, held_out, test), material = indices, run.material
    folder = run.folder / run.recipe.name
    if not (folder / CARD).is_file():
        folder = draft(run, fit, held_out, test)
    reader = Reader(bundle.load(folder))
    card, known = reader.card, np.concatenate([fit, held_out])
    controls = {name: ABLATIONS[name] for name in scheme.ablations}
    main, ablations = predict_ablations(reader, run.dataset, test, controls, task="test pictures")
    Fold(
        test=test,
        groups=material.groups[test],
        targets=material.targets[test],
        sources=material.sources[test],
        baseline=colour_baseline.forest_answers(statistics_of(run.dataset), material.targets, known, test),
        temperature=card.temperature,
        abstention=card.abstention.value,
        ood=card.ood.value,
        main=main,
        ablations=ablations,
    ).write(file)
