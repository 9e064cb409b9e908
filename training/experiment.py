"""From a recipe and indices to a draft bundle: prepare, train, calibrate, remember what the training looked like."""

import datetime
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from smear import bundle, drawing, preprocess, segmenter
from smear.arrays import Array
from smear.card import SCHEMA, Card, Golden, Label, Threshold
from smear.novelty import Novelty
from smear.suggestion import calibrated
from training.calibration import abstention_threshold, best_temperature, negative_log_likelihood, novelty_threshold
from training.dataset import Dataset
from training.fitting import logits_of, train_network
from training.groups import find_groups
from training.judging import THREADS
from training.progress import Progress
from training.recipe import Recipe
from training.strangers import stranger

SERVING_BATCH = 16
GOLDEN = (("leukemic", 1), ("sparse", 2))


@dataclass(frozen=True)
class Material:
    """A data set made ready for a recipe: inputs and strangers uint8 (N, h, w, 3), targets and groups int64 (N,)."""

    dataset: Dataset
    labels: tuple[Label, ...]
    inputs: Array
    strangers: Array
    targets: Array
    groups: Array


def gather(recipe: Recipe, dataset: Dataset) -> Material:
    """Return the material of `recipe` for `dataset`."""
    labels = recipe.described(dataset)
    steps = preprocess.chain(recipe.preprocess, recipe.input)
    progress = Progress("prepare", len(dataset))

    def one(index: int) -> tuple[Array, Array]:
        rgb = dataset.picture(index)
        prepared = preprocess.run(steps, preprocess.begin(rgb)).rgb
        strange = stranger(rgb, steps, recipe.schedule.seed * 1_000_003 + index)
        progress.step()
        return prepared, strange

    with ThreadPoolExecutor(THREADS) as threads:
        inputs, strangers = (np.stack(part) for part in zip(*threads.map(one, range(len(dataset))), strict=True))
    return Material(
        dataset, labels, inputs, strangers, dataset.targets(tuple(label.id for label in labels)), find_groups(dataset)
    )


def draft(
    recipe: Recipe,
    material: Material,
    parts: tuple[Array, Array],
    weights: Path | None,
    folder: Path,
    say: Callable[[str], None] = print,
) -> Path:
    """Train on parts[0], set temperature and thresholds on parts[1], and write a draft bundle below `folder`.

    Its card has no metrics yet: those come from pictures that neither part holds. Returns the bundle's folder.
    """
    fit, held = parts
    x, y = material.inputs, material.targets
    blueprint, history = train_network(
        recipe, (x[fit], y[fit]), material.strangers[fit], (x[held], y[held]), weights, folder, say
    )
    features = _features(blueprint.model, blueprint.explanation_layer)
    novelty = Novelty.fit(features(x[fit]), recipe.schedule.seed)
    held_logits = logits_of(blueprint.model, x[held])
    temperature = round(best_temperature(held_logits, y[held]), 6)
    probabilities = calibrated(held_logits, temperature)
    right = probabilities.argmax(axis=1) == y[held]
    abstention = abstention_threshold(probabilities.max(axis=1), right, recipe.refusal)
    strange = novelty_threshold(novelty.score(features(x[held])), recipe.refusal)
    validation = {
        "n": len(held),
        "accuracy": round(float(right.mean()), 5),
        "nll_before": round(negative_log_likelihood(held_logits, y[held], 1.0), 5),
        "nll_after": round(negative_log_likelihood(held_logits, y[held], temperature), 5),
    }
    card = blank_card(recipe, material, blueprint.explanation_layer, temperature, (abstention, strange))
    card = replace(
        card,
        metrics={"validation": validation, "history": history},
        recipe={**card.recipe, "weights": blueprint.weights},
    )
    golden = tuple(
        Golden(kind, seed, tuple(round(float(v), 5) for v in logits_of(blueprint.model, _drawn(card, kind, seed))[0]))
        for kind, seed in GOLDEN
    )

    def fill(where: Path) -> None:
        _without_optimizer(blueprint.model).save(where / bundle.MODEL)
        novelty.save(where / bundle.NOVELTY)

    return bundle.write(folder, replace(card, golden=golden), fill)


def _features(model: Any, layer: str) -> Callable[[Array], Array]:
    import keras

    pooled = keras.layers.GlobalAveragePooling2D()(model.get_layer(layer).output)
    cut = keras.Model(model.input, pooled)
    return lambda inputs: logits_of(cut, inputs)


def _without_optimizer(model: Any) -> Any:
    """Return the same layers as a model that was never compiled: AdamW's moments would triple the file."""
    import keras

    return keras.Model(model.input, model.output, name=model.name)


def _drawn(card: Card, kind: str, seed: int) -> Array:
    return preprocess.prepare(drawing.field(seed, kind), card)[None]


def blank_card(
    recipe: Recipe, material: Material, layer: str, temperature: float, thresholds: tuple[Threshold, Threshold]
) -> Card:
    """Return a card with everything that is known before any evaluation."""
    import keras

    finder = segmenter.read_card()
    counts = {label.id: int((material.targets == i).sum()) for i, label in enumerate(material.labels)}
    return Card(
        schema=SCHEMA,
        name=recipe.name,
        version=recipe.version,
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        licence=recipe.licence,
        attribution=recipe.attribution,
        labels=material.labels,
        scope=recipe.scope,
        input=recipe.input,
        preprocess=recipe.preprocess,
        explanation_layer=layer,
        batch_size=SERVING_BATCH,
        temperature=temperature,
        abstention=thresholds[0],
        novelty=thresholds[1],
        minimum_leukocytes=recipe.minimum_leukocytes,
        metrics={},
        controls={},
        data={
            "fingerprint": material.dataset.fingerprint,
            "pictures": len(material.dataset),
            "by_label": counts,
            "groups": int(material.groups.max()) + 1,
            "groups_from": "patients" if all(material.dataset.groups) else "near-duplicates and slide appearance",
        },
        recipe={**recipe.to_json(), "commit": commit()},
        frameworks={
            "keras": keras.__version__,
            "backend": f"{keras.backend.backend()} {_backend_version()}",
            "finder": f"{finder.name} {finder.version}",
        },
        files={},
        intended_use=recipe.intended_use,
        known_failures=recipe.known_failures,
        golden=(),
        verdict="Not evaluated yet.",
    )


def commit() -> str:
    """Return the commit that this code stands at, with "+" when files differ from it; "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        head = _git(here, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def _backend_version() -> str:
    import importlib.metadata

    import keras

    return importlib.metadata.version(keras.backend.backend())
