"""`adapt`: a published bundle tried on a laboratory's own pictures, made its own where that helps, and judged.

What may be changed and what it has to reach is written down before anything is tried (`change.json`), as a change
record is filed; its result is added at the end. The labels are in three parts, and the last is read only once.
"""

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, structs

from smear.inference.bundle import Bundle
from smear.inference.card import Card
from training.adaptation.adapted_bundle import write
from training.adaptation.decision import ANSWERED, FEWEST, Judged, decide, judged, refusal, too_few
from training.adaptation.parts import Parts
from training.adaptation.trial import Laboratory
from training.architectures.blueprint import Weights
from training.data.ablations import ABLATIONS
from training.data.dataset import Dataset
from training.data.manifest import DataError
from training.evaluation import colour_baseline
from training.evaluation.assessment import Assessment
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.conclusion import Colours
from training.evaluation.metrics import rate_among
from training.fit.checkpoints import whole
from training.fit.run import Report

CHANGE = "change.json"


class Outcome(Struct, frozen=True):
    """What `adapt` ends in: before and after on the test, what was chosen, and whether to use it, with the reason.

    tried: of each candidate how often it was right in cross-validation, share 0..1; bundle: the folder of what was
    made, "" where nothing was.
    """

    before: Judged
    after: Judged
    chosen: str
    go: bool
    reason: str
    tried: dict[str, float]
    labels: dict[str, int]
    errors: dict[str, int]
    bundle: str


@dataclass(frozen=True)
class Plan:
    """What to adapt to: the data, how many labels of it (None for all), whose laboratory, where first weights lie.

    name: of the new bundle, "" for the parent's with -adapted behind it; fine_tuning: whether to try that too.
    """

    data: Dataset
    labels: int | None = None
    lab: str = ""
    weights: Weights = None
    seed: int = 0
    name: str = ""
    fine_tuning: bool = True

    def laboratory(self, parent: Bundle, scratch: Path, report: Report) -> Laboratory:
        """Return the laboratory of these pictures; DataError as in `Laboratory`."""
        return Laboratory(parent, self.data, self.weights, scratch, report, fine_tuning=self.fine_tuning)


def adapt(parent: Bundle, plan: Plan, out: Path, report: Report) -> Outcome:
    """Return how `parent` does on a laboratory's pictures, before and after the change that cross-validation chose.

    The new bundle and the change record are written into `out`. DataError where the labels are not the bundle's, or too
    few, or of too few patients.
    """
    laboratory = plan.laboratory(parent, out / "tried", report)
    three = laboratory.parts(plan.labels, plan.seed)
    record, asked = _planned(laboratory, plan, three), refusal(parent.card)
    if warning := too_few(len(three.calibrate), asked):
        report(warning)
    out.mkdir(parents=True, exist_ok=True)
    _write(out, record)
    tried = laboratory.tried(three, tuple(ABLATIONS))
    tested_by = laboratory.groups[three.release]
    both = judged(tried.before, tested_by), judged(tried.after, tested_by)
    go, reason = decide(*both, asked.target_accuracy, tried.chosen)
    few = too_few(tried.calibrating, asked)
    if few and not go:
        reason = f"{reason} {few}"
    colours = _colours(laboratory, three, tried.after)
    decided = {**record, "chosen": tried.chosen, "go": go, "reason": reason}
    folder = write(out, parent, tried.adapted, tried.after, colours, decided)
    outcome = Outcome(
        *both,
        chosen=tried.chosen,
        go=go,
        reason=reason,
        tried={row.name: round(row.right / row.n, 4) for row in tried.rows},
        labels={part: len(getattr(three, part)) for part in ("adapt", "calibrate", "release")},
        errors=_errors(tried.after, laboratory.names),
        bundle=str(folder),
    )
    _write(out, {**record, "result": msgspec.to_builtins(structs.replace(outcome, bundle=folder.name))})
    return outcome


def _colours(laboratory: Laboratory, three: Parts, after: Assessment) -> Colours:
    """Return how a forest on colours does on the test, which learnt from what the bundle was adapted by."""
    learnt = np.concatenate([three.adapt, three.calibrate])
    statistics = colour_baseline.statistics(laboratory.data)
    answers = colour_baseline.forest_answers(statistics, laboratory.targets, learnt, three.release)
    hits, draws = answers == after.targets, after.draws or GroupDraws(np.arange(len(after.targets)))
    accuracy = rate_among(hits, np.ones(len(hits), bool), after.draws)
    return Colours(accuracy, draws.gain(after.predictions.right(after.targets), hits))


def _errors(assessment: Assessment, names: tuple[str, ...]) -> dict[str, int]:
    """Return how often which label was taken for which, the most frequent first."""
    answers = assessment.predictions.logits.argmax(axis=1)
    wrong = np.flatnonzero(answers != assessment.targets)
    pairs, counts = np.unique(np.stack([assessment.targets[wrong], answers[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {f"{names[pairs[0, i]]} for {names[pairs[1, i]]}": int(counts[i]) for i in order}


def _planned(laboratory: Laboratory, plan: Plan, three: Parts) -> dict[str, Any]:
    """Return what is to be changed and what it has to reach, as it stands before anything was tried."""
    card = laboratory.parent.card
    weights = ["all weights"] if plan.fine_tuning else []
    return {
        "written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "laboratory": plan.lab,
        "name": plan.name or f"{card.name}-adapted",
        "parent": {"name": card.name, "version": card.version, "fingerprint": card.data.get("fingerprint", "")},
        "may_change": ["temperature and thresholds", "stain", "last layer", *weights],
        "limits": {
            "accuracy_suggested": refusal(card).target_accuracy,
            "coverage": ANSWERED,
            "suggestions": FEWEST,
            "accuracy_all": "not below that of the parent",
        },
        "data": {
            "fingerprint": plan.data.fingerprint,
            "pictures": len(laboratory.data),
            "groups_from": laboratory.data.groups_from,
            "split_by_picture": laboratory.alone,
            "parts": {part: len(getattr(three, part)) for part in ("adapt", "calibrate", "release")},
            "seed": plan.seed,
        },
    }


def _write(out: Path, record: dict[str, Any]) -> None:
    with whole(out / CHANGE) as partial:
        partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def refuse_strangers(data: Dataset, card: Card) -> None:
    """Raise DataError where the data has labels that the bundle does not know."""
    strange = sorted(set(data.classes) - {label.id for label in card.labels})
    if strange:
        raise DataError(
            f"'{card.name}' does not know the label '{strange[0]}'. It knows"
            f" {', '.join(label.id for label in card.labels)}. Rename or leave out what it does not know."
        )
