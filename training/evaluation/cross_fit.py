"""Temperature and thresholds for one fold from the answers to the other folds' test pictures.

That is how a published bundle gets its own (`training.publish`): from pictures that no network asked about them had
seen. A fold's validation part is a few groups, and what one slide of them needs is not what the next one needs; the
other folds together are most of the data. What is answered to a fold has no say in its own thresholds (cross-fitting:
Chernozhukov et al. 2018); the other folds' networks were trained on its pictures, but asked about others.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.inference import bundle
from smear.inference.card import Card
from smear.inference.field_reader import Reader
from smear.inference.suggestion import calibrated, doubts, refusal_for
from training.data.dataset import Dataset
from training.data.manifest import DataError
from training.evaluation.predictions import Predictions
from training.fit.calibration import Calibration, calibrate
from training.fit.checkpoints import whole
from training.recipes.of_cards import refusal_of
from training.recipes.recipe import Refusal

PLAN = "plan.json"  # beside the folds: what they are made of
PREDICTIONS = "predictions.npz"  # in a fold's folder
MAIN = "main"  # the pictures as they are, beside the ablations
OWN = "each fold's validation part"
OTHERS = "the answers to the other folds' test pictures"
PARTS = tuple(part.name for part in fields(Predictions))


@dataclass(frozen=True)
class Fold:
    """What was predicted for one fold's T test pictures.

    test, groups, targets, sources: int64 (T,), the pictures' indices, groups, classes and laboratories; baseline: the
    classes that the colour baseline gives them; temperature and the two thresholds: by which the outcomes are;
    ablations: by name.
    """

    test: Array
    groups: Array
    targets: Array
    sources: Array
    baseline: Array
    temperature: float
    abstention: float
    ood: float
    main: Predictions
    ablations: dict[str, Predictions]

    def write(self, file: Path) -> None:
        """Write the fold to `file`, all of it or nothing."""
        arrays = {
            **{name: getattr(self, name) for name in ("test", "groups", "targets", "sources", "baseline")},
            "temperature": np.array(self.temperature),
            "thresholds": np.array([self.abstention, self.ood]),
        }
        for name, predictions in {MAIN: self.main, **self.ablations}.items():
            arrays |= {f"{name}.{part}": getattr(predictions, part) for part in PARTS}
        with whole(file) as partial, partial.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    @classmethod
    def read(cls, file: Path) -> "Fold":
        """Return the fold in `file`; DataError where it cannot be read."""
        try:
            return cls._of(arrays_in(file))
        except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(
                f"{file} is of an earlier version, or damaged ({type(error).__name__}). Remove it and give the crossval"
                " command again: the other folds are not repeated."
            ) from error

    @classmethod
    def _of(cls, arrays: dict[str, Array]) -> "Fold":
        names = [name.removesuffix(".logits") for name in arrays if name.endswith(".logits")]
        predictions = {name: Predictions(*(arrays[f"{name}.{part}"] for part in PARTS)) for name in names}
        abstention, ood = arrays["thresholds"].tolist()
        return cls(
            test=arrays["test"],
            groups=arrays["groups"],
            targets=arrays["targets"],
            # Folds of an earlier version do not say of which laboratory a picture is.
            sources=arrays.get("sources", np.zeros_like(arrays["test"])),
            baseline=arrays["baseline"],
            temperature=float(arrays["temperature"]),
            abstention=abstention,
            ood=ood,
            main=predictions.pop(MAIN),
            ablations=predictions,
        )


def arrays_in(file: Path) -> dict[str, Array]:
    """Return the arrays in a file of NumPy's, by name."""
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def cross_fitted(folds: Sequence[Fold], refusal: Refusal) -> tuple[list[Fold], str]:
    """Return the folds, each calibrated anew by the others, and by what they are calibrated, in words.

    Where there is one fold, or no other whose pictures could be graded, they stay as they are.
    """
    calibrations = [calibration_of([*folds[:k], *folds[k + 1 :]], refusal) for k in range(len(folds))]
    if not all(calibrations):
        return list(folds), OWN
    return [recalibrated(fold, by) for fold, by in zip(folds, calibrations, strict=True) if by], OTHERS


def held_out_readers(run: Path, own: Dataset) -> Iterator[tuple[Reader, Array]]:
    """Yield the network of each finished grouped fold of `run`, in order, with its test pictures, int64 (T,).

    Each has the temperature and thresholds that the other folds give. DataError where no fold is finished, and where
    the run was made of other data than `own`.
    """
    homes = sorted(file.parent for file in (run / "grouped").glob(f"fold-*/{PREDICTIONS}"))
    # What a kill left of a draft is hidden, and no bundle.
    drafts = [home / name for home in homes for name in bundle.names(home)[:1]]
    if not homes or len(drafts) < len(homes):
        raise DataError(f"There is no finished fold in {run / 'grouped'}. Run crossval --protocol grouped first.")
    fingerprint, recipe = _planned(run / "grouped" / PLAN)
    if fingerprint != own.fingerprint:
        raise DataError(f"The run in {run} was made of other data than {own.root}.")
    folds, _by = cross_fitted([Fold.read(home / PREDICTIONS) for home in homes], refusal_of(recipe))
    for fold, draft in zip(folds, drafts, strict=True):
        loaded = bundle.load(draft)
        yield Reader(replace(loaded, card=_calibrated_by(loaded.card, fold))), fold.test


def _planned(file: Path) -> tuple[str, dict[str, Any]]:
    """Return of what data, by its fingerprint, and what recipe the folds beside a plan are; DataError if unreadable."""
    try:
        plan = json.loads(file.read_text(encoding="utf-8"))
        return str(plan["fingerprint"]), dict(plan["recipe"])
    except (KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise DataError(f"{file} does not say what the folds beside it are of. Make them anew by crossval.") from error


def _calibrated_by(card: Card, fold: Fold) -> Card:
    """Return a draft's card with the temperature and the thresholds of its fold."""
    return structs.replace(
        card,
        temperature=fold.temperature,
        abstention=structs.replace(card.abstention, value=fold.abstention),
        ood=structs.replace(card.ood, value=fold.ood),
    )


def calibration_of(folds: Sequence[Fold], refusal: Refusal) -> Calibration | None:
    """Return what the answers to these folds' test pictures say together; None where none of them could be graded."""
    if not folds:
        return None
    logits = np.concatenate([fold.main.logits for fold in folds])
    targets = np.concatenate([fold.targets for fold in folds])
    scores = np.concatenate([fold.main.ood_scores for fold in folds])
    sources = np.concatenate([fold.sources for fold in folds])
    return calibrate(logits, targets, scores, refusal, sources) if np.isfinite(scores).any() else None


def recalibrated(fold: Fold, by: Calibration) -> Fold:
    """Return the fold as these thresholds make it. What was not gradable stays so: no model had a say."""
    return replace(
        fold,
        temperature=by.temperature,
        abstention=by.abstention.value,
        ood=by.ood.value,
        main=_with_outcomes(fold.main, by),
        ablations={name: _with_outcomes(predictions, by) for name, predictions in fold.ablations.items()},
    )


def _with_outcomes(predictions: Predictions, by: Calibration) -> Predictions:
    confidences = calibrated(predictions.logits, by.temperature).max(axis=1)
    ungraded = predictions.outcomes == "not_gradable"
    reasons = [
        reason if refused else ",".join(doubts(float(confidence), float(score), by.abstention.value, by.ood.value))
        for refused, reason, confidence, score in zip(
            ungraded, predictions.reasons, confidences, predictions.ood_scores, strict=True
        )
    ]
    outcomes = [
        "not_gradable" if refused else refusal_for(reason.split(",")) if reason else "suggested"
        for refused, reason in zip(ungraded, reasons, strict=True)
    ]
    return replace(predictions, outcomes=np.array(outcomes), reasons=np.array(reasons))
