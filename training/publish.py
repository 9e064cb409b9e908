"""Make a run's draft into a published bundle: metrics and controls into the card, plots into `report/`."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from smear.artifacts import MODEL, BundleError
from smear.inference import bundle
from smear.inference.card import Card
from smear.sentence import SentenceError
from training.evaluation import stress
from training.evaluation.conclusion import conclude, recorded
from training.evaluation.cross_validation import result_file
from training.evaluation.splits import PROTOCOLS, Protocol
from training.evaluation.summary import CrossValidated
from training.reports import run_report

REQUIRED: Protocol = "grouped"
BULKY = ("roc", "reliability", "per_patient")  # in report/, too long for a card
Results = dict[Protocol, CrossValidated]


class UnfinishedRunError(SentenceError):
    """A run that lacks something without which nothing is published; the sentence says which command makes it."""


def publish(run: Path, models: Path, name: str | None = None) -> Path:
    """Return the folder of the published bundle. UnfinishedRunError where the run has no fit or no grouped result."""
    source = _draft_in(run)
    draft = bundle.verify(source)
    files = {protocol: result_file(run, protocol) for protocol in PROTOCOLS}
    results: Results = {protocol: _read(file) for protocol, file in files.items() if file.is_file()}
    if REQUIRED not in results:
        raise UnfinishedRunError(
            f"{run} has no grouped result, and nothing is published without one."
            f" Run: python -m training crossval {draft.recipe['name']} --data DATA --out {run} --protocol grouped"
        )
    earlier = published(models / (name or draft.name))
    card = complete(structs.replace(draft, name=name or draft.name), results, earlier, run)
    rendered = stress.read(run)
    if rendered:
        card = structs.replace(card, metrics=card.metrics | {"stress": msgspec.to_builtins(rendered)})

    def fill(folder: Path) -> None:
        for file in filter(None, (MODEL, bundle.ood_file(card), card.head.file)):
            shutil.copyfile(source / file, folder / file)
        run_report.write(folder / "report", card, results, rendered)

    return bundle.write(models, card, fill)


def _draft_in(run: Path) -> Path:
    names = bundle.names(run)
    if not names:
        raise UnfinishedRunError(
            f"{run} has no trained model. Run: python -m training fit RECIPE --data DATA --out {run}"
        )
    return run / names[0]


def _read(file: Path) -> CrossValidated:
    try:
        return msgspec.json.decode(file.read_bytes(), type=CrossValidated)
    except msgspec.DecodeError as error:
        raise UnfinishedRunError(
            f"{file} is of an earlier version, or damaged ({error}). Give its crossval command again; folds that are"
            " there are not repeated."
        ) from error


def published(path: Path) -> Card | None:
    """Return the card of the bundle at this path, None where there is none that can be read."""
    try:
        return bundle.read_card(path)
    except BundleError:
        return None


def complete(draft: Card, results: Results, earlier: Card | None, run: Path) -> Card:
    """Return the draft's card with the results in it, and calibrated by the answers to every fold's test pictures.

    The part that a draft was calibrated on, if it was, is an eighth of the groups, and of few patients that may be two.
    Fitting once on everything and calibrating by cross-validation is what scikit-learn's `CalibratedClassifierCV` calls
    `ensemble=False` (after Platt 1999).

    The earlier card is compared with where it is another network's, measured on the same data. UnfinishedRunError where
    none of the test pictures in `run` could be graded.
    """
    grouped = results[REQUIRED]
    calibration = grouped.calibration
    if calibration is None:
        raise UnfinishedRunError(
            f"The grouped result in {run} says nothing of calibration: none of its pictures could be graded."
            " Give its crossval command again; folds that are there are not repeated."
        )
    another = earlier if earlier and earlier.created != draft.created else None
    before = recorded(another, draft.data["fingerprint"], REQUIRED) if another else None
    names = {label.id: label.name for label in draft.labels}
    metrics: dict[str, Any] = {key: value for key, value in draft.metrics.items() if key != "history"}
    for protocol, result in results.items():
        entries = msgspec.to_builtins(result)
        metrics[protocol] = {key: value for key, value in entries.items() if key not in BULKY}
    return structs.replace(
        draft,
        temperature=calibration.temperature,
        abstention=calibration.abstention,
        ood=calibration.ood,
        metrics=metrics,
        controls=metrics[REQUIRED]["controls"],
        conclusion=conclude(grouped, names, grouped.colour_statistics_forest, before),
    )
