"""From a run and indices to a draft bundle: train, calibrate, remember what the training looked like."""

import shutil
import time
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.artifacts import GRAPH, MODEL
from smear.inference import bundle, classifier_heads
from smear.inference.card import Card, Golden, Head
from smear.inference.engines import golden
from smear.inference.engines.keras_engine import two_logits
from training import learnt_pictures
from training.data.manifest import DataError
from training.fit import classifiers
from training.fit.calibration import UNCALIBRATED, calibrate, familiar, validated
from training.fit.checkpoints import ensure_room
from training.fit.draft_card import draft_card
from training.fit.features import answers, features, last_layer
from training.fit.network_cache import trained
from training.fit.run import NONE, Run, TrainingSet
from training.fit.trainer import clear
from training.graphs.reading import NoGraphError, exported

FEATURES = "features"  # folder in a run
GOLDEN = (("leukemic", 1), ("sparse", 2))


def draft(run: Run, fit: Array, validation: Array, watched: Array = NONE) -> Path:
    """Train on the pictures `fit`, calibrate on `validation`, and write a draft bundle into the run's folder.

    fit, validation, watched: indices, int64 (N,); the last are asked about after every epoch, for the learning curve
    alone, where there is no validation part. Where nothing is left for validation the draft suggests nothing, until it
    is published with what a cross-validation says. The card has no metrics yet: those come from pictures that neither
    part holds. Returns the bundle's folder.
    """
    recipe, pictures = run.recipe, run.material.training_set(fit, validation, watched)
    network = trained(run, pictures)
    model, started = network.blueprint.model, time.monotonic()
    answer, head = _answer(run, model, pictures)
    distribution = familiar(pictures.features, pictures.targets, pictures.classes, recipe.refusal)
    seconds = network.seconds + time.monotonic() - started
    shown = recipe.tta, recipe.tta_confidence
    calibration, metrics = UNCALIBRATED, dict[str, Any]()
    if pictures.validated:
        targets = pictures.validation_targets
        logits = answers(model, answer, pictures.validation_inputs, *shown)
        scores = distribution.score(pictures.validation_features, logits.argmax(axis=1))
        calibration = calibrate(logits, targets, scores, recipe.refusal)
        metrics["validation"] = structs.asdict(validated(logits, targets, calibration.temperature))
    card = draft_card(run.material, np.concatenate([fit, validation]), network.blueprint.explanation_layer, calibration)
    card = structs.replace(
        card,
        metrics={**metrics, "history": msgspec.to_builtins(network.history), "seconds": round(seconds, 1)},
        recipe={
            **card.recipe,
            "weights": network.blueprint.weights,
            "parameters": model.count_params(),
            "precision": network.precision,
            "recurrence": structs.asdict(network.recurrence),
        },
        golden=_golden(card, lambda inputs: answers(model, answer, inputs, *shown)),
        head=head,
    )

    def fill(folder: Path) -> None:
        ensure_room(folder, model)
        _without_optimizer(model).save(folder / MODEL)
        try:
            graph = exported(two_logits(model), card.explanation_layer, _drawn(card).astype(np.float32))
            (folder / GRAPH).write_bytes(graph)
        except NoGraphError as error:
            run.report(f"{recipe.name} is served by TensorFlow: {error}.")
        distribution.save(folder / bundle.OOD)
        learnt_pictures.write(folder, (run.material.dataset.digests[i] for i in np.concatenate([fit, validation])))
        if head.file:
            shutil.copyfile(run.folder / FEATURES / head.file, folder / head.file)

    written = bundle.write(run.folder, card, fill)
    clear(run.folder)
    return written


def _golden(card: Card, answer: classifier_heads.Answer) -> tuple[Golden, ...]:
    """Return the drawn fields of a card with their logits; answer: from prepared inputs to logits."""
    logits = answer(_drawn(card)).astype(np.float64).round(5)
    return tuple(Golden(*field, tuple(row)) for field, row in zip(GOLDEN, logits.tolist(), strict=True))


def _drawn(card: Card) -> Array:
    """Return the drawn fields as the card's network is given them, uint8 (N, h, w, 3)."""
    return np.stack([golden.shown(Golden(*field, ()), card) for field in GOLDEN])


def _answer(run: Run, model: Any, pictures: TrainingSet) -> tuple[classifier_heads.Answer, Head]:
    """Return what turns features into logits, and its entry in the card: the last dense layer, or what is fitted."""
    name, classes, folder = run.recipe.head.classifier, len(run.material.labels), run.folder / FEATURES
    if name == "dense":
        return last_layer(model), Head()
    if len(np.unique(pictures.targets)) < classes:
        raise DataError("A class has no picture in the training part. A classifier needs some of every class.")
    known = features(model, pictures.inputs, folder, run.recipe.tta)
    file = classifiers.fit(name, known, pictures.targets, folder, run.recipe.schedule.seed)
    return classifier_heads.load(folder / file, classes), Head(name, file)


def _without_optimizer(model: Any) -> Any:
    """Return the same layers as a model that was never compiled: AdamW's moments would triple the file."""
    return keras.Model(model.input, model.output, name=model.name)
