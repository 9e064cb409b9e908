"""Trained networks, kept by everything that decided them, so that classifiers on one network do not each train it."""

import json
from pathlib import Path

import keras
import msgspec
from msgspec import structs

from training.architectures.blueprint import Blueprint, Recurrence
from training.fit import precision
from training.fit.callbacks import Epoch
from training.fit.checkpoints import ensure_room, whole
from training.fit.identity import training_identity
from training.fit.run import Run, TrainingSet
from training.fit.trainer import Trained, train_network

MODEL, NOTE = "model.keras", "trained.json"


def trained(run: Run, pictures: TrainingSet) -> Trained:
    """Return what `train_network` returns: from the run's cache where it lies there, and put there where it did not."""
    if run.network_cache is None:
        return train_network(run, pictures)
    place = run.network_cache / training_identity(run, pictures)
    if (place / NOTE).is_file():
        run.report(f"{run.recipe.name}: the network is there already")
        return _read(place)
    network = train_network(run, pictures)
    ensure_room(place, network.blueprint.model)
    network.blueprint.model.save(place / MODEL)
    note = {
        "explanation_layer": network.blueprint.explanation_layer,
        "weights": network.blueprint.weights,
        "head": network.blueprint.head,
        "history": msgspec.to_builtins(network.history),
        "recurrence": structs.asdict(network.recurrence),
        "seconds": network.seconds,
        "precision": network.precision,
    }
    with whole(place / NOTE) as partial:
        partial.write_text(json.dumps(note, indent=1), encoding="utf-8")
    return network


def _read(place: Path) -> Trained:
    note = json.loads((place / NOTE).read_text(encoding="utf-8"))
    model = keras.models.load_model(place / MODEL, compile=False, safe_mode=True)
    blueprint = Blueprint(model, note["explanation_layer"], note["weights"], tuple(note["head"]))
    history = msgspec.convert(note["history"], list[Epoch])
    recurrence = msgspec.convert(note["recurrence"], Recurrence)
    return Trained(blueprint, history, recurrence, note["seconds"], note.get("precision", precision.WHOLE))
