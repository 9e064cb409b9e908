"""Fine-tune one network. Reads top to bottom; everything that decides the outcome stands in the recipe."""

import math
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from smear.arrays import Array
from smear.inference.engines.keras_engine import last_dense, two_logits
from training.architectures import build
from training.architectures.batch_normalization import in_one_pass
from training.architectures.blueprint import Blueprint, Order, Recurrence
from training.architectures.inputs_and_heads import MEAN_IMAGE
from training.fit import precision
from training.fit.batches import Batches
from training.fit.callbacks import Epoch, EpochLog, LabelledAccuracy, Patience, Plateau, history_in
from training.fit.checkpoints import IDENTITY, Checkpoints, claim, save_weights
from training.fit.closed_form_head import fit_closed_form
from training.fit.features import features, logits_of
from training.fit.identity import training_identity
from training.fit.run import Run, TrainingSet
from training.published.recurrence_search import choose
from training.published.weight_search import moved_weights
from training.recipes.recipe import Recipe

TRACKED = ("name", "version", "architecture", "input", "schedule", "augmentation")  # entries that tell trainings apart
NORMALISING = 40  # batches: of what was there before, a momentum of 0.9 leaves 1.5 %
# What a training leaves in its folder until it is finished; a GPU's state has more in it than another machine's.
STATE = ("closed-form", "head-epochs", "epochs", "best", "plateau", "history", precision.HALF)


def clear(folder: Path) -> None:
    """Remove what a finished training needs no more."""
    for name in STATE:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / IDENTITY).unlink(missing_ok=True)


@dataclass(frozen=True)
class Trained:
    """A trained network: history by epoch, the recurrent shape that was built, chosen or not, seconds and precision.

    The seconds are those of the last start: a training that was killed and went on took longer.
    """

    blueprint: Blueprint
    history: list[Epoch]
    recurrence: Recurrence
    seconds: float
    precision: str = precision.WHOLE


def train_network(run: Run, pictures: TrainingSet) -> Trained:
    """Return the trained network.

    A run that was killed goes on after its last whole epoch, whose state stands in the run's folder. DataError where
    that state is of another training; DivergedError when the loss is no number any more.
    """
    recipe, schedule, scratch, started = run.recipe, run.recipe.schedule, run.folder, time.monotonic()
    claim(run.folder, STATE, training_identity(run, pictures))
    order = Order(
        recipe.input.height,
        recipe.input.width,
        classes=pictures.classes,
        dropout=schedule.dropout,
        hidden=recipe.head.hidden,
        activation=recipe.head.activation,
        l2=recipe.head.l2,
        weights=run.weights,
        mean_image=np.asarray(pictures.inputs).mean(axis=0, dtype=np.float32) if recipe.mean_image else None,
        recurrence=recipe.recurrence,
    )
    held_out = pictures.held_out
    if recipe.search.population:
        learnt = pictures.inputs, pictures.targets
        order = replace(order, recurrence=choose(recipe, order, learnt, held_out, run.report))
    keras.utils.set_random_seed(schedule.seed)
    blueprint = build(recipe.architecture, order)
    run.report(f"{recipe.name}: {blueprint.model.count_params():,} parameters, first weights {blueprint.weights}")
    model = two_logits(blueprint.model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # MobileNetV2's own 0.999 lags behind a few hundred steps and ruins the held-out accuracy (measured).
            layer.momentum = schedule.batch_norm_momentum
    batches = Batches(pictures, recipe)
    backbone = [layer for layer in blueprint.model.layers if layer.name not in blueprint.head]
    if schedule.closed_form_epochs:
        _fit_closed_form(run, blueprint.model, batches, pictures)
    bits = precision.of_training()
    scratch = scratch if bits == precision.WHOLE else scratch / bits
    note = scratch / "history" / "epochs.json"
    history = history_in(note)
    entries = {entry: value for entry, value in msgspec.to_builtins(recipe).items() if entry in TRACKED}
    tracked = run.tracking.opened(scratch, recipe.name, entries, run.report)
    with precision.computing(model, bits), in_one_pass(model), tracked as tell:
        if schedule.head_epochs:
            _freeze(backbone, 1.0)
            rate = _decaying(batches, schedule.head_learning_rate, schedule.head_epochs)
            log = EpochLog(batches, held_out, history, note, run.report, tell, "head, ")
            optimiser = _optimiser(recipe, rate, bits)
            _stage(model, batches, schedule.head_epochs, optimiser, scratch / "head-epochs", [log])
        _freeze(backbone, schedule.frozen)
        if schedule.closed_form_epochs:
            _still(backbone)
        batches.before = schedule.head_epochs
        epochs = max(schedule.epochs, math.ceil(schedule.steps / len(batches)))
        rate = _decaying(batches, schedule.learning_rate, epochs)
        rate = rate if schedule.decay == "cosine" else schedule.learning_rate
        log = EpochLog(batches, held_out, history, note, run.report, tell)
        patience = [Patience(log, schedule.patience, scratch / "best")] if schedule.patience else []
        plateau = [Plateau(log, scratch / "plateau")] if schedule.decay == "plateau" else []
        optimiser = _optimiser(recipe, rate, bits, schedule.ema_momentum)
        start = [np.array(variable) for variable in model.trainable_variables] if schedule.ema_momentum else []
        _stage(model, batches, epochs, optimiser, scratch / "epochs", [log, *plateau, *patience])
        if schedule.ema_momentum:
            _forget_start(model, start, schedule.ema_momentum ** (epochs * len(batches)))
            _normalise_anew(model, batches, epochs)
    if recipe.search.weight_generations:
        _move_last_layer(run, blueprint.model, pictures)
    return Trained(blueprint, history, order.recurrence, time.monotonic() - started, bits)


def _move_last_layer(run: Run, model: Any, pictures: TrainingSet) -> None:
    layer, values = last_dense(model), features(model, pictures.inputs)
    kernel, bias = layer.get_weights()
    search, seed = run.recipe.search, run.recipe.schedule.seed
    kernel, bias, before, after = moved_weights(kernel, bias, values, pictures.targets, search, seed)
    layer.set_weights([kernel, bias])
    run.report(f"red deer: last weights moved, loss on what was learnt from {before:.4f}, then {after:.4f}")


def _decaying(batches: Batches, rate: float, epochs: int) -> Any:
    return keras.optimizers.schedules.CosineDecay(rate, len(batches) * epochs)


def _freeze(backbone: list[Any], share: float) -> None:
    """Freeze the first `share` of the backbone's layers, free the rest; frozen batch normalisation stands still."""
    for number, layer in enumerate(backbone):
        layer.trainable = number >= round(share * len(backbone)) and layer.name != MEAN_IMAGE


def _still(backbone: list[Any]) -> None:
    """Let batch normalisation keep its statistics: the layer in closed form knows the features that they give."""
    for layer in backbone:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _fit_closed_form(run: Run, model: Any, batches: Batches, pictures: TrainingSet) -> None:
    """Fit the last layer in closed form, or take it from where a training that was killed has left it."""
    file = run.folder / "closed-form" / "last-layer.weights.h5"
    if file.is_file():
        model.load_weights(file)
        return
    schedule = run.recipe.schedule
    fit_closed_form(model, batches, schedule.closed_form_epochs, schedule.closed_form_penalty)
    save_weights(model, file)
    if pictures.validated:
        right = logits_of(model, pictures.validation_inputs).argmax(axis=1) == pictures.validation_targets
        run.report(f"last layer in closed form: held-out accuracy {float(right.mean()):.4f}")


def _optimiser(recipe: Recipe, rate: Any, bits: str, ema_momentum: float = 0.0) -> Any:
    """Return the recipe's optimiser; ema_momentum: of the mean of weights with which Keras ends a training, or 0."""
    schedule = recipe.schedule
    mean = {"use_ema": bool(ema_momentum), "ema_momentum": ema_momentum}
    if schedule.optimiser == "sgd":
        chosen = keras.optimizers.SGD(rate, momentum=0.9, weight_decay=schedule.weight_decay or None, **mean)
    elif schedule.optimiser == "adam":
        chosen = keras.optimizers.Adam(rate, **mean)
    else:
        chosen = keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, **mean)
    return precision.scaled(chosen, bits)


def _forget_start(model: Any, start: list[Array], share: float) -> None:
    """Take the share that the weights before the first step have in a running mean out of it.

    Keras begins the mean with what the first step leaves, next to no change, and 100 steps at a momentum of 0.99 leave
    37 % of that in it: a network that has learnt half. The correction is that of Adam's means, which begin with zeros
    (Kingma and Ba 2015, section 3).
    """
    for variable, first in zip(model.trainable_variables, start, strict=True):
        variable.assign((np.array(variable) - share * first) / (1 - share))


def _normalise_anew(model: Any, batches: Batches, epoch: int) -> None:
    """Let batch normalisation see some batches: its statistics are the last step's, the weights a mean of many.

    Of any mean of weights they have to be taken anew (Izmailov et al. 2018). The batches are those of an epoch `epoch`
    that no step has seen.
    """
    batches.begin_epoch(epoch)
    for index in range(min(NORMALISING, len(batches))):
        model(batches[index][0], training=True)


def _stage(model: Any, batches: Batches, epochs: int, optimiser: Any, scratch: Path, callbacks: list[Any]) -> None:
    """Train one stage, going on after the last whole epoch whose state stands in `scratch`.

    The state is kept at its end: when the next stage is killed, this one is not run again.
    """
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimiser, loss=loss, metrics=[LabelledAccuracy()])
    checkpoints = Checkpoints(scratch)
    done = checkpoints.restore(model)
    if any(callback.is_out(done) for callback in callbacks if isinstance(callback, Patience)):
        epochs = done  # killed after its last epoch, before anything was made of it
    callbacks = [*callbacks, checkpoints] if epochs > 1 else callbacks
    # `batches` has its own order by epoch; Keras would shuffle once more, with numbers that no checkpoint keeps.
    model.fit(batches, initial_epoch=done, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
