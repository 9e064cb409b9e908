"""Let the red deer choose a recurrent network: kind of cell, layers, units and activation (ODRNN, Bushi 2024)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import keras
import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.inference.engines.keras_engine import two_logits
from training.architectures import build
from training.architectures.blueprint import Order, Recurrence
from training.data.prepared import Pictures
from training.published.red_deer import Herd, minimise
from training.recipes.recipe import Recipe

CELLS: tuple[Literal["lstm", "gru"], ...] = ("lstm", "gru")
UNITS = (32, 64, 96, 128, 192)
MOST_LAYERS = 3
ACTIVATIONS: tuple[Literal["tanh", "relu", "sigmoid"], ...] = ("tanh", "relu", "sigmoid")
CHOICES = (len(CELLS), MOST_LAYERS, len(UNITS), len(ACTIVATIONS))


def decode(point: Array) -> Recurrence:
    """Return the network that a point of the unit cube (4,) stands for: cell, layers, units, activation."""
    cell, layers, units, activation = (_pick(range(n), x) for n, x in zip(CHOICES, point, strict=True))
    return Recurrence(CELLS[cell], (UNITS[units],) * (layers + 1), ACTIVATIONS[activation])


def _pick(choices: range, place: float) -> int:
    return choices[min(int(place * len(choices)), len(choices) - 1)]


def choose(
    recipe: Recipe,
    order: Order,
    fit: tuple[Pictures, Array],
    held_out: tuple[Pictures, Array],
    report: Callable[[str], None] = print,
) -> Recurrence:
    """Return the network with the least held-out loss after a short training on some of `fit`; seeded.

    fit, held_out: (inputs uint8 (N, H, W, 3), targets int64 (N,)). What was tried once is not trained again.
    """
    search, seed = recipe.search, recipe.schedule.seed
    subset = np.random.default_rng(seed).permutation(len(fit[1]))[: search.pictures]
    known: dict[Recurrence, float] = {}

    def loss(point: Array) -> float:
        recurrence = decode(point)
        if recurrence not in known:
            trial = replace(order, recurrence=recurrence)
            known[recurrence] = _trial(recipe, trial, (fit[0][subset], fit[1][subset]), held_out)
            report(f"red deer: {_words(recurrence)}: held-out loss {known[recurrence]:.4f}")
        return known[recurrence]

    herd = Herd(search.population, search.males, search.generations)
    best, value, _ = minimise(loss, len(CHOICES), herd, seed)
    report(f"red deer: {len(known)} networks tried, the best is {_words(decode(best))} with {value:.4f}")
    return decode(best)


def _words(recurrence: Recurrence) -> str:
    return ", ".join(str(value) for value in structs.asdict(recurrence).values())


def _trial(recipe: Recipe, order: Order, fit: tuple[Pictures, Array], held_out: tuple[Pictures, Array]) -> float:
    """Return the held-out loss of one network after `search.epochs`; a network that blows up is worth a large one."""
    keras.utils.set_random_seed(recipe.schedule.seed)
    model: Any = two_logits(build(recipe.architecture, order).model)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.schedule.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    size = recipe.schedule.batch_size
    model.fit(np.asarray(fit[0], np.float32), fit[1], epochs=recipe.search.epochs, batch_size=size, verbose=0)
    value = float(model.evaluate(np.asarray(held_out[0], np.float32), held_out[1], batch_size=size, verbose=0))
    return value if np.isfinite(value) else 1e6
