"""Fine-tune one network. Reads top to bottom; everything that decides the outcome stands in the recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from smear.arrays import Array
from training.architectures import Blueprint, build
from training.augment import augment
from training.recipe import Recipe


class DivergedError(RuntimeError):
    """The loss became NaN or infinite."""


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches of prepared inputs; the same for the same seed and epoch."""

    def __init__(self, inputs: Array, targets: Array, recipe: Recipe) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.inputs, self.targets, self.recipe = inputs, targets, recipe
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
        size = self.recipe.schedule.batch_size
        chosen = self.order[index * size : (index + 1) * size]
        base = (self.recipe.schedule.seed * 1000 + self.epoch) * len(self.order)
        pictures = [augment(self.inputs[i], self.recipe.augmentation, int(base + i)) for i in chosen]
        targets = self.targets[chosen]
        return np.stack(pictures).astype(np.float32), targets, self.weights[targets]


class _Watch(keras.callbacks.Callback):
    """Starts each epoch's order, prints a line an epoch, stops on NaN."""

    def __init__(self, batches: Batches, history: list[dict[str, float]], say: Callable[[str], None]) -> None:
        super().__init__()
        self.batches, self.history, self.say = batches, history, say

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.batches.begin_epoch(epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        if logs and not np.isfinite(logs["loss"]):
            raise DivergedError("The loss became NaN. Lower the learning rate in the recipe.")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = {name: round(float(value), 5) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **row})
        self.say(f"epoch {epoch + 1}/{self.params['epochs']}: " + ", ".join(f"{k} {v:.4f}" for k, v in row.items()))


def logits_of(model: Any, inputs: Array, batch_size: int = 64) -> Array:
    """Return the logits of prepared inputs, uint8 (N, H, W, 3), as float32 (N, C)."""
    parts = range(0, len(inputs), batch_size)
    return np.concatenate(
        [model.predict(inputs[i : i + batch_size].astype(np.float32), verbose=0) for i in parts]
    ).astype(np.float32)


def train_network(
    recipe: Recipe,
    fit: tuple[Array, Array],
    held: tuple[Array, Array],
    weights: Path | None,
    scratch: Path,
    say: Callable[[str], None] = print,
) -> tuple[Blueprint, list[dict[str, float]]]:
    """Return the trained network and its history.

    fit, held: (inputs uint8 (N, H, W, 3), targets int64 (N,)). A run that was killed goes on after its last whole
    epoch, whose state stands in `scratch`. Raises DivergedError when the loss is no number any more.
    """
    schedule = recipe.schedule
    keras.utils.set_random_seed(schedule.seed)
    classes = len(recipe.labels)
    blueprint = build(recipe.architecture, recipe.input.height, recipe.input.width, classes, schedule.dropout, weights)
    model = blueprint.model
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # MobileNetV2's own 0.999 lags behind a few hundred steps and ruins the held-out accuracy (measured).
            layer.momentum = schedule.batch_norm_momentum
    batches = Batches(*fit, recipe)
    rate = keras.optimizers.schedules.CosineDecay(schedule.learning_rate, len(batches) * schedule.epochs)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=rate, weight_decay=schedule.weight_decay),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history: list[dict[str, float]] = []
    model.fit(
        batches,
        epochs=schedule.epochs,
        verbose=0,
        callbacks=[_Watch(batches, history, say), keras.callbacks.BackupAndRestore(str(scratch / "epochs"))],
    )
    accuracy = float((logits_of(model, held[0]).argmax(axis=1) == held[1]).mean())
    say(f"held-out accuracy {accuracy:.4f} on {len(held[1])}")
    return blueprint, history
