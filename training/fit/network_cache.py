"""Trained networks, kept by everything that decided them, so that classifiers on one network do not each train it.

A recipe's name, texts, thresholds and classifier decide nothing of its network; recipe, first weights and pictures do.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from smear import schema
from smear.arrays import Array
from training.architectures import Blueprint
from training.architectures.blueprint import Recurrence, Weights
from training.fit import precision
from training.fit.checkpoints import whole
from training.fit.trainer import Trained, train_network
from training.recipes.recipe import Recipe

MODEL, NOTE = "model.keras", "trained.json"
DECIDES = ("architecture", "input", "preprocess", "augmentation", "schedule", "recurrence", "search", "mean_image")
Part = tuple[Array, Array]


def trained(
    recipe: Recipe,
    fit: Part,
    outliers: Array,
    held: Part,
    weights: Weights,
    scratch: Path,
    say: Callable[[str], None] = print,
    network_cache: Path | None = None,
) -> Trained:
    """Return what `train_network` returns, from the `network_cache` where it lies there, and put there where it did not."""
    if network_cache is None:
        return train_network(recipe, fit, outliers, held, weights, scratch, say)
    place = network_cache / name(recipe, (*fit, outliers, *held), weights)
    if (place / NOTE).is_file():
        say(f"{recipe.name}: the network is there already")
        return _read(place)
    made = train_network(recipe, fit, outliers, held, weights, scratch, say)
    place.mkdir(parents=True, exist_ok=True)
    made.blueprint.model.save(place / MODEL)
    note = {
        "explanation_layer": made.blueprint.explanation_layer,
        "weights": made.blueprint.weights,
        "head": made.blueprint.head,
        "history": made.history,
        "recurrence": asdict(made.recurrence),
        "seconds": made.seconds,
        "precision": made.precision,
    }
    with whole(place / NOTE) as partial:
        partial.write_text(json.dumps(note, indent=1), encoding="utf-8")
    return made


def name(recipe: Recipe, pictures: tuple[Array, ...], weights: Weights) -> str:
    """Return the digest of what decides a network."""
    whole = recipe.to_json()
    decides: dict[str, Any] = {key: whole[key] for key in DECIDES} | {"hidden": whole["head"]["hidden"]}
    digest = hashlib.sha256(json.dumps([decides, str(weights)], sort_keys=True).encode())
    for one in pictures:
        digest.update(f"{one.shape}".encode())
        digest.update(np.ascontiguousarray(one).tobytes())
    return digest.hexdigest()[:40]


def _read(place: Path) -> Trained:
    note = json.loads((place / NOTE).read_text(encoding="utf-8"))
    model = keras.models.load_model(place / MODEL, compile=False, safe_mode=True)
    blueprint = Blueprint(model, note["explanation_layer"], note["weights"], tuple(note["head"]))
    recurrence = schema.read(Recurrence, note["recurrence"], NOTE)
    return Trained(blueprint, note["history"], recurrence, note["seconds"], note.get("precision", precision.WHOLE))
