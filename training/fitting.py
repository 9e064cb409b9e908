"""Fine-tune one network. Reads top to bottom; everything that decides the outcome stands in the recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from smear.arrays import Array
from smear.network import two_logits
from training.architectures import Blueprint, build
from training.architectures.order import Order
from training.augment import augment
from training.recipe import Recipe

STRANGER_WEIGHT = 0.8  # of a picture's, in the loss


class DivergedError(RuntimeError):
    """The loss became NaN or infinite."""


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches of prepared inputs with some strangers in each; the same for the same seed and epoch.

    Targets are rows of shares, (B, C): one label for a picture, all labels alike for a stranger.
    """

    def __init__(self, inputs: Array, targets: Array, strangers: Array, recipe: Recipe) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.inputs, self.targets, self.strangers, self.recipe = inputs, targets, strangers, recipe
        counts = np.bincount(targets).astype(np.float64)
        # Half-way to balanced: full balance lets the rarest class's few slides speak too loudly.
        weights = np.sqrt(counts.mean() / np.maximum(counts, 1))
        self.weights = (weights / np.average(weights, weights=counts)).astype(np.float32)
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Draw the order of epoch `epoch`."""
        self.epoch = epoch
        self.order = np.random.default_rng((self.recipe.schedule.seed, epoch)).permutation(len(self.targets))

    def __len__(self) -> int:
        # The last batch is dropped where it would be small: batch statistics of two pictures are noise.
        return max(1, round(len(self.targets) / self.recipe.schedule.batch_size))

    def __getitem__(self, index: int) -> tuple[Array, Array, Array]:
        schedule = self.recipe.schedule
        chosen = self.order[index * schedule.batch_size : (index + 1) * schedule.batch_size]
        base = (schedule.seed * 1000 + self.epoch) * len(self.order)
        guests = [int(i) for i in chosen[: schedule.strangers]]
        pictures = [augment(self.inputs[i], self.recipe.augmentation, int(base + i)) for i in chosen]
        pictures += [augment(self.strangers[i], self.recipe.augmentation, base + i) for i in guests]
        classes = len(self.weights)
        targets = np.concatenate(
            [np.eye(classes, dtype=np.float32)[self.targets[chosen]], np.full((len(guests), classes), 1 / classes)]
        ).astype(np.float32)
        weights = np.concatenate([self.weights[self.targets[chosen]], np.full(len(guests), STRANGER_WEIGHT)])
        return np.stack(pictures).astype(np.float32), targets, weights.astype(np.float32)


class _Watch(keras.callbacks.Callback):
    """Starts each epoch's order, stops on NaN, and after each epoch says how the held-out pictures fare."""

    def __init__(
        self,
        batches: Batches,
        held: tuple[Array, Array],
        history: list[dict[str, float]],
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.batches, self.held, self.history, self.say = batches, held, history, say

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.batches.begin_epoch(epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        if logs and not np.isfinite(logs["loss"]):
            raise DivergedError("The loss became NaN. Lower the learning rate in the recipe.")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        accuracy = float((logits_of(self.model, self.held[0]).argmax(axis=1) == self.held[1]).mean())
        row = {"epoch": epoch + 1, "loss": round(float((logs or {})["loss"]), 5), "held_out": round(accuracy, 5)}
        self.history.append(row)
        self.say(f"epoch {epoch + 1}/{self.params['epochs']}: loss {row['loss']:.4f}, held-out accuracy {accuracy:.4f}")


def logits_of(model: Any, inputs: Array, batch_size: int = 64) -> Array:
    """Return what a model says of prepared inputs, uint8 (N, H, W, 3), as float32 (N, C); one logit becomes two."""
    model = two_logits(model)
    parts = range(0, len(inputs), batch_size)
    return np.concatenate(
        [model.predict(inputs[i : i + batch_size].astype(np.float32), verbose=0) for i in parts]
    ).astype(np.float32)


def train_network(
    recipe: Recipe,
    fit: tuple[Array, Array],
    strangers: Array,
    held: tuple[Array, Array],
    weights: Path | None,
    scratch: Path,
    say: Callable[[str], None] = print,
) -> tuple[Blueprint, list[dict[str, float]]]:
    """Return the trained network and its history.

    fit, held: (inputs uint8 (N, H, W, 3), targets int64 (N,)); strangers: inputs, one for each of fit's.
    A run that was killed goes on after its last whole epoch, whose state stands in `scratch`. Raises DivergedError
    when the loss is no number any more.
    """
    schedule = recipe.schedule
    keras.utils.set_random_seed(schedule.seed)
    classes = int(fit[1].max()) + 1
    order = Order(recipe.input.height, recipe.input.width, classes, schedule.dropout, weights=weights)
    blueprint = build(recipe.architecture, order)
    model = two_logits(blueprint.model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # MobileNetV2's own 0.999 lags behind a few hundred steps and ruins the held-out accuracy (measured).
            layer.momentum = schedule.batch_norm_momentum
    batches = Batches(*fit, strangers, recipe)
    rate = keras.optimizers.schedules.CosineDecay(schedule.learning_rate, len(batches) * schedule.epochs)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=rate, weight_decay=schedule.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    history: list[dict[str, float]] = []
    model.fit(
        batches,
        epochs=schedule.epochs,
        verbose=0,
        callbacks=[_Watch(batches, held, history, say), keras.callbacks.BackupAndRestore(str(scratch / "epochs"))],
    )
    return blueprint, history
