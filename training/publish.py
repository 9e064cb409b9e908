"""Make a run's draft into a published bundle: metrics and controls into the card, plots into `report/`."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from smear import schema
from smear.inference import bundle
from smear.inference.card import Card
from training.evaluation.conclusion import conclude, recorded
from training.evaluation.cross_validation import result_file
from training.evaluation.splits import PROTOCOLS
from training.fit.calibration import Calibration
from training.reports import run_report

REQUIRED = "grouped"
BULKY = ("roc", "reliability", "per_patient")  # in report/, too long for a card


class UnfinishedRunError(RuntimeError):
    """A run that lacks something without which nothing is published; the sentence says which command makes it."""


def publish(run: Path, models: Path, name: str | None = None) -> Path:
    """Return the folder of the published bundle. UnfinishedRunError where the run has no fit or no grouped result."""
    made = _drafts(run)
    draft = bundle.verify(made)
    files = {protocol: result_file(run, protocol) for protocol in PROTOCOLS}
    results: dict[str, Any] = {
        name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()
    }
    if REQUIRED not in results:
        raise UnfinishedRunError(
            f"{run} has no grouped result, and nothing is published without one."
            f" Run: python -m training crossval {draft.recipe['name']} --data DATA --out {run} --protocol grouped"
        )
    if not results[REQUIRED].get("calibration"):
        raise UnfinishedRunError(
            f"The grouped result in {run} says nothing of calibration: it is from an earlier version, or none of its"
            " pictures could be graded. Give its crossval command again; folds that are there are not repeated."
        )
    card = complete(replace(draft, name=name or draft.name), results, published(models / (name or draft.name)))

    def fill(where: Path) -> None:
        for file in filter(None, (bundle.MODEL, bundle.NOVELTY, card.head.file)):
            shutil.copyfile(made / file, where / file)
        run_report.write(where / "report", card, results)

    return bundle.write(models, card, fill)


def _drafts(run: Path) -> Path:
    names = bundle.names(run)
    if not names:
        raise UnfinishedRunError(
            f"{run} has no trained model. Run: python -m training fit RECIPE --data DATA --out {run}"
        )
    return run / names[0]


def published(path: Path) -> Card | None:
    """Return the card of the bundle at this path, None where there is none that can be read."""
    try:
        return bundle.read_card(path)
    except bundle.BundleError:
        return None


def complete(draft: Card, results: dict[str, Any], earlier: Card | None) -> Card:
    """Return the draft's card with the results in it, and calibrated by the answers to every fold's test pictures.

    The part that a draft was calibrated on, if it was, is an eighth of the groups, and of few patients that may be two.
    Fitting once on everything and calibrating by cross-validation is what scikit-learn's `CalibratedClassifierCV` calls
    `ensemble=False` (after Platt 1999).

    The earlier card is compared with where it is another network's, measured on the same data.
    """
    grouped = results[REQUIRED]
    another = earlier if earlier and earlier.created != draft.created else None
    before = recorded(another, draft.data["fingerprint"], REQUIRED) if another else None
    shown = {
        protocol: {key: value for key, value in result.items() if key not in BULKY}
        for protocol, result in results.items()
    }
    calibration = schema.read(Calibration, grouped["calibration"], "calibration")
    return replace(
        draft,
        temperature=calibration.temperature,
        abstention=calibration.abstention,
        novelty=calibration.novelty,
        metrics={**{k: v for k, v in draft.metrics.items() if k != "history"}, **shown},
        controls=grouped["controls"],
        verdict=conclude(grouped, {label.id: label.name for label in draft.labels}, before),
    )
